public import MeshCore
public import NIOCore
import Synchronization

/// One-shot calls over HTTP, each signed by the session key. They open no presence.
public final class MeshAPI: Sendable {
    /// What a node says of itself.
    public struct NodeInfo: Codable, Sendable, Hashable {
        /// The node's public key.
        public var node: PublicKey
        /// Its version.
        public var version: String
        /// Its clock, Unix milliseconds.
        public var serverTime: Int64?
        /// A key that it holds for an owner to admit to sign checkpoints, and the node's signature that it does.
        public var nextLogKey: PublicKey?
        /// The signature.
        public var nextLogKeyHeld: Signature?
    }

    let credentials: Credentials
    private let http: MeshHTTPClient
    private let sealing: Sealing

    /// Calls for a session. Nothing is connected before the first call.
    public init(credentials: Credentials, group: any EventLoopGroup) {
        self.credentials = credentials
        http = MeshHTTPClient(baseURL: credentials.broker, group: group)
        sealing = Sealing(credentials)
    }

    /// Ends the connection.
    public func close() async { await http.close() }

    // MARK: Calls

    /// Makes a request. Fails with the broker's error, or `busy` when the broker cannot be reached.
    public func call<Asked: Request>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        let path = "/v1/meshes/\(credentials.meshID)/\(Asked.type)"
        let body = try Self.bytes(request)
        let timestamp = SystemCalls.now()
        let nonce = Hex.encode(SecureRandom.bytes(16))
        let text = SignedText.httpRequest(
            method: "POST", path: path, body: body, audience: credentials.node.hex, timestamp: timestamp, nonce: nonce)
        let headers = [
            ("Content-Type", "application/json"), ("Mesh-Session", credentials.sessionKey.publicKey.hex),
            ("Mesh-Timestamp", String(timestamp)), ("Mesh-Nonce", nonce),
            ("Mesh-Signature", credentials.sessionKey.sign(text).hex),
            ("Mesh-Member", credentials.memberKey.publicKey.hex), ("Mesh-Binding", credentials.binding.hex),
        ]
        return try await Self.exchange(http, "POST", path, headers, body)
    }

    /// Makes a request for a list, page by page. Fails as `call`.
    public func callAll<Asked: PagedRequest>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        try await request.all { (page) throws(MeshError) in try await self.call(page) }
    }

    /// Seals and sends. When the recipients change in between, it resolves and seals again.
    public func send(_ outgoing: Outgoing) async throws(MeshError) -> SendResult {
        var tries = 0
        while true {
            tries += 1
            let resolved = try await call(Resolve(targetSpec: outgoing.target))
            do throws(MeshError) {
                return SendResult(try await call(try sealing.body(of: outgoing, for: resolved)))
            } catch {
                guard error.code == .recipientsChanged, tries < 3 else { throw error }
            }
        }
    }

    /// The session's unacknowledged messages, opened, oldest first, and of these only the ones accepted after the
    /// message `after` when given. One that cannot be opened is refused.
    public func inbox(limit: Int, after: String? = nil) async throws(MeshError) -> [Message] {
        var opened: [Message] = []
        var refused: [String] = []
        var (place, left) = (after, limit)
        // A page of large messages holds fewer than were asked for.
        while left > 0 {
            let page = try await call(ListInbox(limit: left, after: place)).messages
            for push in page {
                if let message = sealing.open(push) { opened.append(message) } else { refused.append(push.messageId) }
            }
            guard let last = page.last else { break }
            place = last.messageId
            left -= page.count
        }
        if !refused.isEmpty { _ = try await call(Acknowledge(messageIDs: refused, reject: "undecryptable")) }
        return opened
    }

    /// Says that messages arrived, and with `read` that they were looked at.
    public func acknowledge(_ ids: [String], read: Bool = false) async throws(MeshError) {
        _ = try await call(Acknowledge(messageIDs: ids, read: read ? true : nil))
    }

    /// Makes an invite: its code is known to nobody but the caller.
    public func createInvite(role: Role, uses: Int, expiresInMillis: Int64) async throws(MeshError) -> InviteLink {
        let code = InviteCode()
        let capability = InviteCapability(
            meshId: credentials.meshID, inviteId: code.inviteID, role: role, uses: uses,
            expiresAt: SystemCalls.now() + expiresInMillis, codeHash: code.hashHex,
            issuer: credentials.memberKey.publicKey)
        _ = try await call(CreateInvite(capability: capability, signature: capability.sign(credentials.memberKey)))
        return InviteLink(broker: credentials.broker, meshID: credentials.meshID, code: code, owner: credentials.owner)
    }

    // MARK: Getting in

    /// Asks a node who it is.
    public static func node(broker: String, group: any EventLoopGroup) async throws(MeshError) -> NodeInfo {
        try await once(broker, group) { (http) async throws(MeshError) in
            try await exchange(http, "GET", "/v1/node", [], [])
        }
    }

    /// What a node counts, in Prometheus' text form.
    public static func metrics(
        broker: String, adminToken: String, group: any EventLoopGroup
    ) async throws(MeshError) -> String {
        try await once(broker, group) { (http) async throws(MeshError) in
            do {
                let answer = try await http.send(
                    method: "GET", path: "/metrics", headers: [("Authorization", "Bearer \(adminToken)")], body: [])
                guard answer.status == 200 else {
                    throw MeshError(.unauthorized, "the broker answered \(answer.status) for its metrics")
                }
                return String(decoding: answer.body, as: UTF8.self)
            } catch let error as MeshError {
                throw error
            } catch {
                throw MeshError(unreachable: error)
            }
        }
    }

    /// Makes a mesh: the owner's key is made here and stays here.
    public static func createMesh(
        broker: String, adminToken: String, slug: String, ownerName: String, allowPlaintext: Bool,
        group: any EventLoopGroup
    ) async throws(MeshError) -> Credentials {
        try await once(broker, group) { (http) async throws(MeshError) in
            let node: NodeInfo = try await exchange(http, "GET", "/v1/node", [], [])
            let mesh = NewMesh(slug: slug, ownerName: ownerName, allowsPlaintext: allowPlaintext)
            let body = mesh.request(node: node.node)
            let headers = [("Content-Type", "application/json"), ("Authorization", "Bearer \(adminToken)")]
            let created: MeshCreated = try await exchange(http, "POST", "/v1/meshes", headers, try bytes(body))
            return mesh.credentials(broker: broker, node: created.node, memberID: created.memberId)
        }
    }

    /// Joins a mesh: proves a new key, and checks that the broker shows the owner whom the link names, and the
    /// certificate that follows from it.
    public static func join(
        link: InviteLink, name: String, label: String?, group: any EventLoopGroup
    ) async throws(MeshError) -> (Credentials, MembershipCertificate?) {
        try await once(link.broker, group) { (http) async throws(MeshError) in
            let (member, session) = (SigningKey(), SigningKey())
            let now = SystemCalls.now()
            let claim = member.sign(
                SignedText.joinClaim(
                    meshID: link.meshID, inviteID: link.code.inviteID, name: name, member: member.publicKey,
                    timestamp: now))
            let binding = Credentials.binding(meshID: link.meshID, member: member, session: session.publicKey)
            let body = JoinBody(
                meshId: link.meshID, code: link.code.text, name: name, pubkey: member.publicKey, timestamp: now,
                signature: claim, session: SessionBinding(pubkey: session.publicKey, binding: binding, label: label))
            let joined: Joined = try await exchange(
                http, "POST", "/v1/join", [("Content-Type", "application/json")], try bytes(body))
            guard link.matches(owner: joined.owner) else {
                throw MeshError(
                    .unauthorized, "the broker shows another owner than the invite names",
                    hint: "ask whoever invited you over another way")
            }
            do throws(IdentityError) { try joined.certificate?.verify(owner: joined.owner) } catch {
                throw MeshError(.badSignature, "the certificate of the membership does not hold: \(error)")
            }
            let credentials = Credentials(
                broker: link.broker, meshID: joined.meshId, meshSlug: joined.meshSlug, node: joined.node,
                owner: joined.owner, memberName: joined.name, memberID: joined.memberId, role: joined.role,
                label: label,
                memberKey: member, sessionKey: session)
            return (credentials, joined.certificate)
        }
    }

    // MARK: Parts

    static func once<Value: Sendable>(
        _ broker: String, _ group: any EventLoopGroup, timeoutSeconds: Int = 10,
        _ body: (MeshHTTPClient) async throws(MeshError) -> Value
    ) async throws(MeshError) -> Value {
        let http = MeshHTTPClient(baseURL: broker, group: group, timeoutSeconds: timeoutSeconds)
        do throws(MeshError) {
            let value = try await body(http)
            await http.close()
            return value
        } catch {
            await http.close()
            throw error
        }
    }

    static func exchange<Answer: Decodable>(
        _ http: MeshHTTPClient, _ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8]
    ) async throws(MeshError) -> Answer {
        let answer: (status: Int, headers: [(String, String)], body: [UInt8])
        do {
            answer = try await http.send(method: method, path: path, headers: headers, body: body)
        } catch {
            throw MeshError(unreachable: error)
        }
        let json: JSON
        do throws(JSONError) {
            json = try JSON.parse(answer.body, limits: JSONLimits(maxBytes: 1 << 26, maxDepth: 64))
            if answer.status < 300 { return try JSONCoder.decode(Answer.self, from: json) }
        } catch {
            throw MeshError(.internalError, "the broker's answer (\(answer.status)) cannot be read: \(error)")
        }
        guard let fields = json["error"]?.objectValue else {
            throw MeshError(.internalError, "the broker answered \(answer.status) without saying why")
        }
        throw MeshError(fields: fields)
    }

    static func bytes(_ value: some Encodable) throws(MeshError) -> [UInt8] {
        do throws(JSONError) { return try JSONCoder.encode(value).bytes() } catch {
            throw MeshError(.invalidArgument, "\(error)")
        }
    }
}

extension MeshError {
    /// The broker could not be reached, or went away. `details.network` marks it.
    init(unreachable error: any Error) {
        self.init(
            .busy, (error as? TransportError)?.message ?? "the broker cannot be reached: \(error)",
            hint: "is meshd running there?", details: ["network": true])
    }
}
