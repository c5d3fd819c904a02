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
    public init(credentials: Credentials, group: any EventLoopGroup = MeshEventLoops.shared) {
        self.credentials = credentials
        http = MeshHTTPClient(baseURL: credentials.broker, group: group)
        sealing = Sealing(credentials)
    }

    /// Ends the connection.
    public func close() async { await http.close() }

    // MARK: Calls

    /// Makes a request. Fails with the broker's error, or `busy` when the broker cannot be reached.
    public func call<Asked: Request>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        try await counted(request).answer
    }

    /// Makes a request. Returns how many bytes its answer has as well.
    private func counted<Asked: Request>(
        _ request: Asked
    ) async throws(MeshError) -> (answer: Asked.Answer, bytes: Int) {
        try request.checkBounds()
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
        do throws(MeshError) { return try await Self.counted(http, "POST", path, headers, body) } catch {
            throw await explained(error)
        }
    }

    /// A signature that does not hold was made for the broker that was joined: whether another one answers is asked.
    private func explained(_ error: MeshError) async -> MeshError {
        guard error.code == .badSignature,
            let node: NodeInfo = try? await Self.exchange(http, "GET", "/v1/node", [], []),
            node.node != credentials.node
        else { return error }
        return MeshError(
            .wrongAudience, "another broker answers at \(credentials.broker) than the one that was joined",
            hint: "check the address; join again only if you know why it changed")
    }

    /// Makes a request for a list, page by page. Fails as `call`.
    public func callAll<Asked: PagedRequest>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        var budget = ListBudget()
        return try await request.all { (page) throws(MeshError) in
            let (answer, bytes) = try await self.counted(page)
            try budget.spend(bytes)
            return answer
        }
    }

    /// Seals and sends. When the recipients change in between, it resolves and seals again.
    public func send(_ outgoing: Outgoing) async throws(MeshError) -> SendResult {
        try await sendQuestion(outgoing).result
    }

    /// Sends, and says who is asked by that.
    package func sendQuestion(
        _ outgoing: Outgoing
    ) async throws(MeshError) -> (result: SendResult, asked: AskedPeers) {
        var tries = 0
        while true {
            tries += 1
            let resolved = try await call(Resolve(targetSpec: outgoing.target))
            do throws(MeshError) {
                let send = try sealing.body(of: outgoing, for: resolved)
                return (SendResult(try await call(send)), AskedPeers(resolved, isSealed: send.copies != nil))
            } catch {
                guard error.code == .recipientsChanged, tries < 3 else { throw error }
            }
        }
    }

    /// Whether a message that names a question answers it.
    package func isAnswer(_ message: Message, of asked: AskedPeers) async throws(MeshError) -> Bool {
        switch asked.judge(message) {
        case .answer: true
        case .other: false
        case .answerOf(let member, let session):
            asked.accepts(
                try await call(Resolve(targetSpec: TargetSpec([session.hex]))), member: member, session: session,
                meshID: credentials.meshID)
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
            let page = try await call(ListInbox(limit: left, after: place)).messages.prefix(left)
            for push in page where push.hasUsableID {
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
        _ = try await call(
            CreateInvite(
                capability: capability, signature: capability.sign(credentials.memberKey),
                certificate: try issuerCertificate()))
        return InviteLink(broker: credentials.broker, meshID: credentials.meshID, code: code, owner: credentials.owner)
    }

    /// What shows to those whom an admin invites that the owner made it one; the owner needs none.
    private func issuerCertificate() throws(MeshError) -> MembershipCertificate? {
        guard credentials.memberKey.publicKey != credentials.owner else { return nil }
        guard let certificate = credentials.certificate, certificate.capability.role >= .admin else {
            throw MeshError(
                .forbidden, "an invite of yours would let nobody in: you cannot show that the owner made you an admin",
                hint: "have the owner invite, or join by an invite of the owner with the role admin")
        }
        return certificate
    }

    // MARK: Nodes

    /// Asks a node who it is.
    public static func node(
        broker: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> NodeInfo {
        try await once(broker, group) { (http) async throws(MeshError) in
            try await exchange(http, "GET", "/v1/node", [], [])
        }
    }

    /// What a node counts, in Prometheus' text form.
    public static func metrics(
        broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> String {
        try await once(broker, group) { (http) async throws(MeshError) in
            do {
                let answer = try await http.send(
                    method: "GET", path: "/metrics", headers: [try authorization(adminToken)], body: [])
                guard answer.status == 200 else {
                    guard answer.status == 401 || answer.status == 403 else {
                        throw MeshError(answered: answer.status, answer.headers, at: http)
                    }
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
        try await counted(http, method, path, headers, body).answer
    }

    private static func counted<Answer: Decodable>(
        _ http: MeshHTTPClient, _ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8]
    ) async throws(MeshError) -> (answer: Answer, bytes: Int) {
        let answer: (status: Int, headers: [(String, String)], body: [UInt8])
        do {
            answer = try await http.send(method: method, path: path, headers: headers, body: body)
        } catch {
            throw MeshError(unreachable: error)
        }
        guard let json = try? JSON.parse(answer.body, limits: JSONLimits(maxBytes: 1 << 26, maxDepth: 64)) else {
            throw MeshError(answered: answer.status, answer.headers, at: http)
        }
        guard answer.status < 300 else {
            guard let fields = json["error"]?.objectValue, fields["code"]?.stringValue != nil else {
                throw MeshError(answered: answer.status, answer.headers, at: http)
            }
            throw MeshError(fields: fields)
        }
        do throws(JSONError) { return (try JSONCoder.decode(Answer.self, from: json), answer.body.count) } catch {
            throw MeshError(
                .internalError, "the broker's answer to \(path) cannot be used: \(error)",
                hint: "is it of another version?", details: ["answer": "unusable"])
        }
    }

    static func bytes(_ value: some Encodable) throws(MeshError) -> [UInt8] {
        do throws(JSONError) { return try JSONCoder.encode(value).bytes() } catch {
            throw MeshError(.invalidArgument, "\(error)")
        }
    }
}

extension MeshError {
    /// The broker could not be reached, or went away. `details.network` marks it, `details.unreachable` that nobody
    /// answered at all.
    init(unreachable error: any Error) {
        let known = error as? TransportError
        var details: JSONObject = ["network": true]
        if known?.isUnreachable == true { details["unreachable"] = true }
        self.init(
            .busy, known?.message ?? "the broker cannot be reached: \(FaultWords.of(error))", hint: known?.hint,
            details: details)
    }

    /// Something answered that is no broker: a gateway in front of one, or another program.
    init(answered status: Int, _ headers: [(String, String)], at http: MeshHTTPClient) {
        let kind =
            headers.first { $0.0.lowercased() == "content-type" }?.1.prefix { $0 != ";" } ?? "nothing that says what"
        let server = headers.first { $0.0.lowercased() == "server" }.map { " (\($0.1.prefix(64)))" } ?? ""
        let who = status >= 500 ? "a gateway in front of the broker" : "another program than a broker"
        self.init(
            .busy,
            SafeText.line(
                "\(who)\(server) answered \(status) at \(http.name), with \(kind.prefix(64)), not with JSON of Mesh"),
            hint: status >= 500 ? "is the broker behind it running?" : "check the address, and what stands in between",
            details: ["network": true, "status": .integer(Int64(status))])
    }
}
