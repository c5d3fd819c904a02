import MeshCore
import MeshEngine
import NIOHTTP1
import Synchronization

/// The proof that a session makes an HTTP request: a signature over method, path with query, body, node, time and
/// nonce.
struct SignedCall {
    /// A session seen over HTTP.
    struct Known: Sendable {
        var number: SessionNumber
        /// The key of its member.
        var member: PublicKey
    }

    private let sessionKey: PublicKey
    private let signature: Signature
    private let timestamp: Int64
    private let text: [UInt8]
    private let member: PublicKey?
    private let binding: Signature?

    /// Reads the headers. Fails with `unauthenticated` when one is missing, duplicated or malformed.
    init(_ call: HTTPCall, audience: PublicKey) throws(MeshError) {
        func header(_ name: String) throws(MeshError) -> String {
            let values = call.headers[name]
            guard values.count == 1 else {
                throw MeshError(
                    .unauthenticated, "the header \(name) is needed once",
                    hint: "sign each request with the session key: see Docs/Protocol.md")
            }
            return values[0]
        }
        guard let key = PublicKey(hex: try header("Mesh-Session")), let time = Int64(try header("Mesh-Timestamp")),
            let signature = Signature(hex: try header("Mesh-Signature")),
            let nonce = Hex.decode(try header("Mesh-Nonce")),
            (16...32).contains(nonce.count)
        else { throw MeshError(.unauthenticated, "a Mesh header cannot be read") }
        try key.requireUsable(field: "Mesh-Session", .unauthenticated)
        sessionKey = key
        self.signature = signature
        timestamp = time
        text = SignedText.httpRequest(
            method: call.method, path: call.target, body: call.body, audience: audience.hex, timestamp: time,
            nonce: call.headers["Mesh-Nonce"][0])
        member = try Self.optional("Mesh-Member", call) { PublicKey(hex: $0) }
        binding = try Self.optional("Mesh-Binding", call) { Signature(hex: $0) }
    }

    /// An optional header. Fails with `unauthenticated` when it is duplicated or cannot be read.
    private static func optional<Value>(
        _ name: String, _ call: HTTPCall, _ read: (String) -> Value?
    ) throws(MeshError) -> Value? {
        let values = call.headers[name]
        if values.isEmpty { return nil }
        guard values.count == 1, let value = read(values[0]) else {
            throw MeshError(.unauthenticated, "the header \(name) stands twice or cannot be read")
        }
        return value
    }

    /// Verifies time and signature.
    func check(at now: Int64) throws(MeshError) {
        guard !Authenticator.isSkewed(timestamp, at: now) else {
            throw MeshError(
                .timestampSkew, "the request's time is more than 60 s away from the broker's",
                hint: "set the clock of this machine", details: ["serverTime": .integer(now)])
        }
        guard sessionKey.verifies(signature, of: text) else {
            throw MeshError(
                .badSignature, "the signature does not match the session key and the request",
                hint: "sign method, path and body for the key of GET /v1/node")
        }
    }

    /// Uses the signature up. It comes last, when the mesh has confirmed that it knows the signer.
    func use(of member: PublicKey, at now: Int64, replays: ReplayCache) throws(MeshError) {
        let token = ReplayToken(signature, owner: member)
        try replays.reserve(token, at: now)
        replays.confirm(token)
    }

    private func cacheKey(_ mesh: MeshHandle) -> String { mesh.facts.id + sessionKey.hex }

    /// The calling session; a new one is registered by its member's signature.
    func session(in mesh: MeshHandle, of node: BrokerNode) async throws -> Known {
        if let known = node.knownSessions.withLock({ $0[cacheKey(mesh)] }), member == nil || member == known.member {
            return known
        }
        let found =
            try await mesh.perform(FindSession(session: sessionKey, member: member), as: .node).get() as? SessionFound
        if let found, let number = found.number, let owner = found.member {
            return remember(Known(number: SessionNumber(rawValue: number), member: owner), in: mesh, of: node)
        }
        let (member, binding) = try introduction()
        // Before the binding is checked, which is made for the mesh's id: a stranger gets the same answer for every
        // mesh.
        guard found?.isMember == true else { throw MeshError.stranger }
        let word = SignedText.sessionBinding(meshID: mesh.facts.id, member: member, session: sessionKey)
        guard member.verifies(binding, of: word) else {
            throw MeshError(.badSignature, "the member did not sign this session key")
        }
        let open = OpenSession(
            member: member, session: sessionKey, isProven: true, binding: binding, isForeign: false, dialect: .mesh,
            acknowledges: true, label: nil, groups: nil, messageMode: nil, info: ClientInfo(), connection: nil,
            replaces: false, limits: node.authenticator.limits)
        guard let opened = try await mesh.perform(open, as: .node).get() as? SessionOpened else {
            throw MeshError(.internalError, "the session was not opened")
        }
        return remember(Known(number: SessionNumber(rawValue: opened.number), member: member), in: mesh, of: node)
    }

    /// The member that vouches for the session. Fails with `unauthenticated` when the headers for it are missing.
    func introduction() throws(MeshError) -> (member: PublicKey, binding: Signature) {
        guard let member, let binding else {
            throw MeshError(
                .unauthenticated, "this session is not known here yet",
                hint: "send the headers Mesh-Member and Mesh-Binding with the member's signature over the session key")
        }
        try member.requireUsable(field: "Mesh-Member", .unauthenticated)
        return (member, binding)
    }

    private func remember(_ found: Known, in mesh: MeshHandle, of node: BrokerNode) -> Known {
        node.knownSessions.withLock { known in
            // A cache, not a register: when it is full it is cleared.
            if known.count >= 100_000 { known.removeAll() }
            known[cacheKey(mesh)] = found
        }
        return found
    }

    /// Drops a session that the mesh no longer knows.
    func forget(in mesh: MeshHandle, of node: BrokerNode) {
        node.knownSessions.withLock { _ = $0.removeValue(forKey: cacheKey(mesh)) }
    }
}
