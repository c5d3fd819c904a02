package import MeshCore
package import MeshEngine

/// A verified hello.
package struct Greeting: Sendable {
    /// The session that it opens, once the mesh knows its member.
    package var open: OpenSession
    /// Its signature, which may be used once: reserved before the mesh is asked.
    package var token: ReplayToken
}

/// Verifies identity: signatures, times, nonces. The member's rights are decided later, from the mesh's state.
package struct Authenticator: Sendable {
    /// How far a client's clock may be off.
    package static let maximumSkewMillis: Int64 = 60_000

    /// Whether a time that a peer gave is too far away. Peers give any number: the difference may not fit 64 bits.
    package static func isSkewed(_ timestamp: Int64, at now: Int64) -> Bool {
        let (difference, overflow) = now.subtractingReportingOverflow(timestamp)
        return overflow || difference.magnitude > UInt64(maximumSkewMillis)
    }
    /// How long an attestation may last.
    static let maximumAttestationMillis: Int64 = 24 * 3_600_000

    /// The node's public key: the audience that our own clients sign for.
    let audience: PublicKey
    let replays: ReplayCache
    let limits: HelloAck.Limits

    package init(audience: PublicKey, replays: ReplayCache, limits: HelloAck.Limits) {
        self.audience = audience
        self.replays = replays
        self.limits = limits
    }

    // MARK: Claudemesh's hello

    /// Verifies a claudemesh hello and returns the session it opens.
    package func open(_ hello: Hello, now: Int64, connection: ConnectionID) throws(MeshError) -> Greeting {
        var session: PublicKey?
        if let text = hello.sessionPubkey, !text.isEmpty {
            guard let key = PublicKey(hex: text) else {
                throw MeshError(.badSessionKey, "sessionPubkey must be 64 lower-case hex characters")
            }
            try key.requireUsable(field: "sessionPubkey", .badSessionKey)
            session = key
        }
        guard let timestamp = hello.timestamp.doubleValue,
            abs(Double(now) - timestamp) <= Double(Self.maximumSkewMillis)
        else {
            throw skew(hello.timestamp.text, now)
        }
        guard let key = PublicKey(anyCaseHex: hello.pubkey), let signature = Signature(hex: hello.signature) else {
            throw MeshError(.malformed, "pubkey must be 64 and signature 128 hex characters")
        }
        try key.requireUsable(field: "pubkey", .malformed)
        let text = SignedText.hello(
            meshID: hello.meshId, memberID: hello.memberId, pubkey: hello.pubkey, timestamp: hello.timestamp.text)
        try check(signature, of: text, by: key)
        // The member's own key as a session key is proved by the hello itself.
        let open = OpenSession(
            member: key, session: session, isProven: session == key, binding: nil, isForeign: true,
            dialect: .claudemesh,
            acknowledges: acknowledges(hello.capabilities, channel: hello.channel), label: label(hello.displayName),
            groups: hello.groups, messageMode: nil,
            info: info(
                hello.sessionId, hello.pid, hello.cwd, hello.hostname, hello.peerType, hello.channel, hello.model),
            connection: connection.rawValue, replaces: true, limits: limits)
        let variant = session?.hex ?? "id " + (hello.sessionId ?? "")
        return Greeting(open: open, token: ReplayToken(signature, variant: variant, owner: key))
    }

    // MARK: Sessions with keys

    /// Verifies a session's hello, ours or claudemesh's, and returns the session it opens.
    package func open(_ hello: SessionHello, now: Int64, connection: ConnectionID) throws(MeshError) -> Greeting {
        guard let session = PublicKey(hex: hello.sessionPubkey) else {
            throw MeshError(.badSessionKey, "sessionPubkey must be 64 lower-case hex characters")
        }
        guard let member = PublicKey(hex: hello.parentMemberPubkey) else {
            throw MeshError(.badParentKey, "parentMemberPubkey must be 64 lower-case hex characters")
        }
        try session.requireUsable(field: "sessionPubkey", .badSessionKey)
        try member.requireUsable(field: "parentMemberPubkey", .badParentKey)
        let isOurs = (hello.protocolVersion ?? 1) >= 2 && hello.binding != nil
        let binding = isOurs ? try checkOurs(hello, member, session, now) : nil
        if !isOurs { try checkClaudemesh(hello, member, session, now) }
        guard let signature = Signature(hex: hello.signature) else {
            throw MeshError(.malformed, "signature must be 128 hex characters")
        }
        let open = OpenSession(
            member: member, session: session, isProven: true, binding: binding, isForeign: !isOurs,
            dialect: isOurs ? .mesh : .claudemesh,
            acknowledges: isOurs
                ? hello.capabilities?.contains("ack") ?? true
                : acknowledges(hello.capabilities, channel: hello.channel),
            label: label(hello.displayName), groups: hello.groups, messageMode: hello.messageMode,
            info: info(
                hello.sessionId, hello.pid, hello.cwd, hello.hostname, hello.peerType, hello.channel, hello.model),
            connection: hello.attach == false ? nil : connection.rawValue,
            replaces: isOurs ? hello.replace ?? false : true, limits: limits)
        return Greeting(open: open, token: ReplayToken(signature, owner: member))
    }

    private func checkOurs(
        _ hello: SessionHello, _ member: PublicKey, _ session: PublicKey, _ now: Int64
    ) throws(MeshError) -> Signature {
        guard !Self.isSkewed(hello.timestamp, at: now) else { throw skew(String(hello.timestamp), now) }
        guard let signature = Signature(hex: hello.signature), let binding = Signature(hex: hello.binding ?? "") else {
            throw MeshError(.malformed, "signature and binding must be 128 hex characters")
        }
        guard hello.audience == audience.hex else {
            throw MeshError(
                .wrongAudience, "this hello was made for another broker", hint: "sign for the key of GET /v1/node")
        }
        guard let nonce = hello.nonce, let bytes = Hex.decode(nonce), (16...32).contains(bytes.count) else {
            throw MeshError(.malformed, "nonce must be 16 to 32 bytes in hex")
        }
        let word = SignedText.sessionBinding(meshID: hello.meshId, member: member, session: session)
        guard member.verifies(binding, of: word) else {
            throw MeshError(.badSignature, "the member did not sign this session key")
        }
        let text = SignedText.meshSessionHello(
            meshID: hello.meshId, member: member, session: session, audience: audience.hex,
            timestamp: hello.timestamp, nonce: nonce)
        try check(signature, of: text, by: session)
        return binding
    }

    private func checkClaudemesh(
        _ hello: SessionHello, _ member: PublicKey, _ session: PublicKey, _ now: Int64
    ) throws(MeshError) {
        guard let attestation = hello.parentAttestation, attestation.sessionPubkey == session.hex,
            attestation.parentMemberPubkey == member.hex
        else { throw MeshError(.attestationMismatch, "the attestation is missing or names other keys") }
        guard let word = Signature(hex: attestation.signature) else {
            throw MeshError(.malformed, "the attestation's signature must be 128 hex characters")
        }
        guard attestation.expiresAt > now else {
            throw MeshError(
                .attestationExpired, "the attestation has expired", hint: "make a new one for each connection")
        }
        guard attestation.expiresAt <= now + Self.maximumAttestationMillis else {
            throw MeshError(.attestationTooLong, "an attestation lasts at most 24 hours")
        }
        let claim = SignedText.attestation(parent: member, session: session, expiresAt: attestation.expiresAt)
        guard member.verifies(word, of: claim) else {
            throw MeshError(.badSignature, "the attestation was not signed by its member")
        }
        guard !Self.isSkewed(hello.timestamp, at: now) else { throw skew(String(hello.timestamp), now) }
        guard let signature = Signature(hex: hello.signature) else {
            throw MeshError(.malformed, "signature must be 128 hex characters")
        }
        let text = SignedText.sessionHello(
            meshID: hello.meshId, parent: member, session: session, timestamp: hello.timestamp)
        try check(signature, of: text, by: session)
    }

    // MARK: Parts

    private func check(
        _ signature: Signature, of text: [UInt8], by key: PublicKey
    ) throws(MeshError) {
        guard key.verifies(signature, of: text) else {
            throw MeshError(.badSignature, "the signature does not match the key and the fields")
        }
    }

    private func skew(_ timestamp: String, _ now: Int64) -> MeshError {
        MeshError(
            .timestampSkew, "the time \(timestamp.prefix(32)) is more than 60 s away from the broker's \(now)",
            hint: "set the clock of this machine", details: ["serverTime": .integer(now)])
    }

    /// Claudemesh's SDK and connectors never acknowledge; its daemon's two channels do.
    private func acknowledges(_ capabilities: [String]?, channel: String?) -> Bool {
        capabilities?.contains("ack") == true || channel == "claudemesh-daemon" || channel == "claudemesh-session"
    }

    private func label(_ name: String?) -> String? {
        guard let name, !name.isEmpty else { return nil }
        return Self.cut(name, to: 64)
    }

    /// Counted in code points: a letter may have any number of combining marks.
    private static func cut(_ text: String, to count: Int) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(count)))
    }

    private func info(
        _ sessionID: String?, _ pid: Int64?, _ cwd: String?, _ hostname: String?, _ peerType: String?,
        _ channel: String?, _ model: String?
    ) -> ClientInfo {
        func short(_ text: String?) -> String? { text.map { Self.cut($0, to: 256) } }
        var info = ClientInfo()
        info.sessionID = short(sessionID)
        info.pid = pid
        info.cwd = cwd.map { Self.cut($0, to: 1_024) }
        info.hostname = short(hostname)
        info.peerType = short(peerType)
        info.channel = short(channel)
        info.model = short(model)
        return info
    }
}
