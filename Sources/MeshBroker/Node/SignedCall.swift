import MeshCore
import MeshEngine
import NIOHTTP1
import Synchronization

/// The proof that a session makes an HTTP request: a signature over method, path, body, node, time and nonce.
struct SignedCall {
    private let sessionKey: PublicKey
    private let signature: Signature
    private let timestamp: Int64
    private let text: [UInt8]
    private let member: PublicKey?
    private let binding: Signature?

    /// Reads the headers. Fails with `unauthenticated` when one is missing, twice there or malformed.
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
        sessionKey = key
        self.signature = signature
        timestamp = time
        text = SignedText.httpRequest(
            method: call.method, path: call.rawPath, body: call.body, audience: audience.hex, timestamp: time,
            nonce: call.headers["Mesh-Nonce"][0])
        member = call.headers["Mesh-Member"].first.flatMap { PublicKey(hex: $0) }
        binding = call.headers["Mesh-Binding"].first.flatMap { Signature(hex: $0) }
    }

    /// Checks time, signature and first use.
    func check(at now: Int64, replays: ReplayCache) throws(MeshError) {
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
        guard replays.use(signature.bytes, at: now) else {
            throw MeshError(.replayed, "this request was made before", hint: "sign each request anew")
        }
    }

    private func cacheKey(_ mesh: MeshHandle) -> String { mesh.facts.id + sessionKey.hex }

    /// The session that asks; one that is new is registered by its member's word.
    func session(in mesh: MeshHandle, of node: BrokerNode) async throws -> SessionNumber {
        if let known = node.knownSessions.withLock({ $0[cacheKey(mesh)] }) { return known }
        if let found = try await mesh.perform(FindSession(session: sessionKey, member: member), as: .node).get()
            as? SessionFound,
            let number = found.number
        {
            return remember(SessionNumber(rawValue: number), in: mesh, of: node)
        }
        guard let member, let binding else {
            throw MeshError(
                .unauthenticated, "this session is not known here yet",
                hint: "send the headers Mesh-Member and Mesh-Binding with the member's signature over the session key")
        }
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
        return remember(SessionNumber(rawValue: opened.number), in: mesh, of: node)
    }

    private func remember(_ number: SessionNumber, in mesh: MeshHandle, of node: BrokerNode) -> SessionNumber {
        node.knownSessions.withLock { known in
            // A cache, not a register: when it is full it starts anew.
            if known.count >= 100_000 { known.removeAll() }
            known[cacheKey(mesh)] = number
        }
        return number
    }

    /// Forgets a session that the mesh does not know any more.
    func forget(in mesh: MeshHandle, of node: BrokerNode) {
        node.knownSessions.withLock { _ = $0.removeValue(forKey: cacheKey(mesh)) }
    }
}
