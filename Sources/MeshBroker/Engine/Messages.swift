package import MeshCore
import MeshStore

/// Sending: from a target to one delivery per recipient, in one command.
enum Messages {
    /// Characters of a body in base64.
    static let maximumCiphertext = (DeliveryPolicy.maximumBodyBytes + DeliveryPolicy.sealedExtraBytes) / 3 * 4
    /// Messages whose idempotency keys are stored.
    static let maximumSentKeys = 1_000_000

    static let capability = Capability("messages") {
        Write(Send.self, flat: SealedSend.decoder) { request, context in try send(request, context) }
        WriteForm(SealedSend.self) { request, context in try SealedMessages.send(request.contents, context) }
        Write(Acknowledge.self) { request, context in
            guard let route = context.route else {
                throw MeshError(.forbidden, "only a session of a member can do this")
            }
            return Acknowledged(changed: try Deliveries.acknowledge(request, by: route, context))
        }
        InternalWrite(TransportReceipt.self) { request, context in
            let (session, _) = try context.caller()
            let changed = try Deliveries.settle(
                request.messages, of: session.number, as: .delivered, reason: "transport", context)
            return Acknowledged(changed: changed)
        }
        Read(Resolve.self) { request, view in try resolve(request, view) }
        Timer(Deliveries.leaseTimer) { key, context in
            try Deliveries.repeatOffers(SessionNumber(rawValue: key), context)
        }
        Timer(Deliveries.holdTimer) { key, context in
            try Deliveries.drain(SessionNumber(rawValue: key), context) > 0
        }
        Timer(Deliveries.expiryTimer) { key, context in try Deliveries.expire(bucket: key, context) }
        Timer(Retention.timer) { _, context in try Retention.sweep(context) }
        Load { state in
            try Deliveries.load(state)
            state.timers.arm(Retention.timer, key: 0, due: state.now + Retention.intervalMillis)
        }
    }

    // MARK: Sending

    static func send(_ request: Send, _ context: WriteContext) throws -> SendAck {
        let state = context.state
        let (session, member) = try context.caller()
        try check(request)
        let fingerprint = Self.fingerprint(request)
        let sentKey = request.clientMessageID.map { SentKey(member: member.number, clientID: $0) }
        if let sentKey, !PlantedFault.strikes(.forgetKeys), let seq = state.sent[sentKey],
            let earlier = try StoredMessage.find(seq, state.database)
        {
            return try duplicate(of: earlier, fingerprint, request, state)
        }
        let resolution = try state.roster.resolve(request.targetSpec, from: session.number, at: context.now)
        let body = try body(request, resolution, state)
        let replyTo = try replied(request, state)
        try checkRoom(resolution, state)

        let seq = state.nextMessage
        var message = StoredMessage(
            seq: seq, sender: session.number, member: member.number, target: request.targetSpec.text,
            kind: resolution.kind, priority: request.priority ?? .next, acceptedAt: context.now,
            expiresAt: context.now + (request.ttl ?? DeliveryPolicy.defaultTTLMillis),
            clientID: request.clientMessageID,
            fingerprint: fingerprint, replyTo: replyTo, flags: 0, entry: state.ledger.size,
            extra: .init(
                senderPubkey: session.claimedKey == nil ? member.keyHex : session.keyHex,
                bodyVersion: request.bodyVersion,
                fingerprint: request.requestFingerprint, subtype: request.subtype, mentions: request.mentions,
                topic: resolution.topics.first.flatMap { state.roster.topics[$0]?.name }),
            body: body)
        if isEncrypted(body) { message.flags |= StoredMessage.encryptedFlag }
        if request.receipts == true { message.flags |= StoredMessage.receiptsFlag }
        try message.insert(into: state.database)
        state.nextMessage += 1
        if let sentKey { remember(sentKey, seq, state) }
        try Topics.remember(message, in: resolution.topics, context)
        let id = state.messageIDs.id(seq)
        var facts = CanonicalObject()
        facts.add("encrypted", message.isEncrypted)
        facts.add("kind", resolution.kind.rawValue)
        facts.add("priority", message.priority.rawValue)
        facts.add("recipients", resolution.recipients.count)
        facts.add("session", session.keyHex)
        var hashes = CanonicalObject()
        hashes.add("content", fingerprint)
        try context.record("message.accepted", actor: member.keyHex, object: id, facts, commitments: hashes)
        try Deliveries.accept(message, resolution.recipients, wantsReceipts: request.receipts == true, context)
        if let replyTo { try Deliveries.answer(replyTo, by: session.number, context) }
        return SendAck(
            id: request.id ?? "", messageId: id, queued: true, status: "accepted",
            recipients: resolution.recipients.count)
    }

    private static func duplicate(
        of earlier: StoredMessage, _ fingerprint: Digest, _ request: Send, _ state: EngineState
    ) throws -> SendAck {
        guard isSame(earlier, fingerprint, request) else {
            throw MeshError(
                .conflict, "client_message_id \(request.clientMessageID ?? "") was used for another message",
                hint: "a retry has the same target and text; a new message needs a new id",
                details: ["messageId": .string(state.messageIDs.id(earlier.seq))])
        }
        let count =
            try state.database.prepare("SELECT COUNT(*) FROM delivery WHERE message = ?").first(earlier.seq) {
                Int($0.int(0))
            } ?? 0
        return SendAck(
            id: request.id ?? "", messageId: state.messageIDs.id(earlier.seq), queued: true, status: "accepted",
            recipients: count, duplicate: true)
    }

    /// Whether a send repeats an earlier one. A retry from a new process is sealed again, perhaps for other sessions:
    /// then what its sender declares to be the same in both counts, not the bytes. A false declaration harms only its
    /// own message.
    private static func isSame(_ earlier: StoredMessage, _ fingerprint: Digest, _ request: Send) -> Bool {
        if let first = earlier.extra.fingerprint, let again = request.requestFingerprint, !first.isEmpty {
            return first.isSame(as: again)
        }
        return earlier.fingerprint == fingerprint
    }

    static func remember(_ key: SentKey, _ seq: Int64, _ state: EngineState) {
        state.sent[key] = seq
        guard state.sent.count > maximumSentKeys + maximumSentKeys / 8 else { return }
        let oldest = seq - Int64(maximumSentKeys)
        state.sent = state.sent.filter { $0.value > oldest }
    }

    // MARK: Checking

    private static func check(_ request: Send) throws(MeshError) {
        if let subtype = request.subtype, subtype.isSame(as: "system") {
            throw .argument("subtype", "`system` is for what the mesh says itself")
        }
        try check(ciphertext: request.ciphertext)
        for copy in request.copies ?? [] { try check(ciphertext: copy.ciphertext) }
    }

    private static func check(ciphertext: String?) throws(MeshError) {
        guard let ciphertext else { return }
        // Four characters of base64 are three bytes; a box is 16 bytes longer than its text.
        guard ciphertext.utf8.count <= maximumCiphertext else {
            throw MeshError(
                .tooLarge,
                "payload too large: \(ciphertext.utf8.count / 4 * 3) bytes, at most \(DeliveryPolicy.maximumBodyBytes)",
                hint: "send a smaller message or put the content where the recipient can fetch it")
        }
        guard Base64.decodedCount(ciphertext) != nil else { throw .argument("ciphertext", "not padded base64") }
    }

    /// Returns the body as stored, once it fits the recipients. Fails with `recipients_changed` when the copies are not
    /// for exactly the recipients, `plaintext_refused` when a direct message is not sealed.
    private static func body(
        _ request: Send, _ resolution: Resolution, _ state: EngineState
    ) throws -> StoredMessage.Body {
        if let copies = request.copies {
            guard resolution.isSealed else {
                throw MeshError.argument("copies", "only direct messages carry sealed copies")
            }
            return .copies(try match(copies, resolution.recipients, state))
        }
        guard let ciphertext = request.ciphertext else {
            throw MeshError.argument("ciphertext", "missing: send copies, or nonce and ciphertext")
        }
        let nonce = request.nonce ?? ""
        guard resolution.kind == .direct else { return .shared(nonce: nonce, ciphertext: ciphertext, key: nil) }
        if request.encrypted == false {
            guard state.facts.allowsPlaintext else {
                throw MeshError(
                    .plaintextRefused, "this mesh wants direct messages sealed",
                    hint: "seal a copy for each recipient, or create the mesh with --allow-plaintext")
            }
            return .shared(nonce: nonce, ciphertext: ciphertext, key: nil)
        }
        guard request.targetSpec.targets.count == 1, let key = PublicKey(hex: request.targetSpec.targets[0]) else {
            throw MeshError(
                .plaintextRefused, "a direct message to \(request.targetSpec.text) must be sealed for each recipient",
                hint: "ask `resolve` for the recipients and send `copies`, or address a session key")
        }
        // The text was checked: four characters are three bytes, 16 bytes are 24 characters.
        guard !nonce.isEmpty, ciphertext.utf8.count >= 24 else {
            throw MeshError(.plaintextRefused, "a message to a key must be a box: nonce of 24 bytes, at least 16 bytes")
        }
        return .shared(nonce: nonce, ciphertext: ciphertext, key: key)
    }

    private static func match(
        _ copies: [SealedCopy], _ recipients: [Recipient], _ state: EngineState
    ) throws(MeshError) -> [StoredMessage.Copy] {
        var byKey: [PublicKey: SealedCopy] = [:]
        for copy in copies {
            guard let key = copy.session ?? copy.member, (copy.session == nil) != (copy.member == nil) else {
                throw .argument("copies", "each copy names either a session or a member")
            }
            guard byKey.updateValue(copy, forKey: key) == nil else {
                throw .argument("copies", "\(key.shortHex)… stands twice")
            }
        }
        var used: Set<PublicKey> = []
        var stored: [StoredMessage.Copy] = []
        for recipient in recipients {
            let key = sealingKey(of: recipient, state)
            guard let key, let copy = byKey[key] else { throw changed(recipients, state) }
            used.insert(key)
            stored.append(
                .init(
                    recipient: recipient.stored, nonce: copy.nonce, ciphertext: copy.ciphertext,
                    bodyVersion: copy.bodyVersion ?? 1, key: key))
        }
        guard used.count == byKey.count else { throw changed(recipients, state) }
        return stored
    }

    /// The key that a recipient's copy is sealed to: its session key, or its member's when it has none.
    static func sealingKey(of recipient: Recipient, _ state: EngineState) -> PublicKey? {
        switch recipient {
        case .session(let number):
            guard let session = state.roster.sessions[number] else { return nil }
            return session.claimedKey ?? state.roster.members[session.member]?.key
        case .member(let number): return state.roster.members[number]?.key
        }
    }

    private static func changed(_ recipients: [Recipient], _ state: EngineState) -> MeshError {
        MeshError(
            .recipientsChanged, "the target reaches other sessions than the copies are for",
            hint: "resolve again, seal again, send again",
            details: [
                // The first of many: the caller resolves again, in an answer that is metered.
                "recipients": .array(
                    recipients.prefix(64).compactMap { sealingKey(of: $0, state).map { .string($0.hex) } })
            ])
    }

    private static func isEncrypted(_ body: StoredMessage.Body) -> Bool {
        switch body {
        case .copies: true
        case .shared(_, _, let key): key != nil
        case .dropped: false
        }
    }

    private static func replied(_ request: Send, _ state: EngineState) throws -> Int64? {
        guard let id = request.replyToID, !id.isEmpty else { return nil }
        guard let seq = state.messageIDs.seq(id), seq < state.nextMessage else {
            throw MeshError.argument("replyToId", "no message has the id \(id.prefix(64))")
        }
        return seq
    }

    /// Refuses a direct message when a recipient's mailbox is full; in a group the others still get it.
    private static func checkRoom(_ resolution: Resolution, _ state: EngineState) throws(MeshError) {
        guard resolution.kind == .direct else { return }
        for recipient in resolution.recipients where Deliveries.isFull(recipient, state) {
            let member =
                switch recipient {
                case .session(let number): state.member(of: number)
                case .member(let number): state.roster.members[number]
                }
            throw MeshError(
                .queueFull, "\(member?.name ?? "the recipient") has \(DeliveryPolicy.maximumPending) messages waiting",
                hint: "try again when some were fetched or have expired")
        }
    }

    /// SHA-256 over the message's content and recipients: a retry has the same.
    static func fingerprint(_ request: Send) -> Digest {
        var print = Fingerprint(capacity: 256 + (request.ciphertext?.utf8.count ?? 0))
        print.add(request.targetSpec.text)
        print.add((request.priority ?? .next).rawValue)
        print.add(request.nonce)
        print.add(request.ciphertext)
        for copy in request.copies ?? [] {
            print.add((copy.session ?? copy.member)?.hex)
            print.add(copy.nonce)
            print.add(copy.ciphertext)
            print.add(copy.bodyVersion.map { String($0) })
        }
        print.add(request.replyToID)
        print.add(request.ttl.map { String($0) })
        print.add(request.subtype)
        return print.hash
    }

    /// Texts one after the other, each terminated by a zero byte.
    private struct Fingerprint {
        private var text: [UInt8] = []

        init(capacity: Int) { text.reserveCapacity(capacity) }

        mutating func add(_ part: String?) {
            if var part { part.withUTF8 { text.append(contentsOf: $0) } }
            text.append(0)
        }

        var hash: Digest { text.withUnsafeBytes { Digest.sha256($0) } }
    }

    private static func resolve(_ request: Resolve, _ view: ReadView) throws -> Resolved {
        let caller = try? view.caller().session.number
        let resolution = try view.roster.resolve(request.targetSpec, from: caller, at: view.now)
        // A caller that seals needs every key; any other gets as many as one answer holds.
        var page = view.wholePage()
        let taken = page.take(resolution.recipients) { _ in 420 }
        guard !page.isFull || !resolution.isSealed else {
            throw MeshError(
                .tooLarge, "\(resolution.recipients.count) recipients are too many to seal for",
                hint: "send to a group or a topic")
        }
        var resolved = Resolved(
            kind: resolution.kind.rawValue, sealed: resolution.isSealed,
            recipients: taken.compactMap { recipient in
                switch recipient {
                case .session(let number):
                    guard let session = view.roster.sessions[number], let member = view.roster.members[session.member]
                    else { return nil }
                    var row = Resolved.Recipient(
                        session: session.claimedKey, member: member.key, name: member.name, label: session.label,
                        binding: session.binding)
                    if session.dialect == .mesh { row.bodyVersions = [1, 3] }
                    return row
                case .member(let number):
                    guard let member = view.roster.members[number] else { return nil }
                    return Resolved.Recipient(
                        session: nil, member: member.key, name: member.name, label: nil, binding: nil)
                }
            })
        if page.isFull { resolved.recipientCount = resolution.recipients.count }
        return resolved
    }
}

/// Reports that a connection's transport has carried messages to a client that acknowledges nothing itself.
package struct TransportReceipt: InternalWriteRequest {
    package var messages: [Int64]
    package init(messages: [Int64]) { self.messages = messages }
    package static let declaration = RequestDeclaration.internalOnly(
        "_transport_receipt", "The transport carried these messages.", isEssential: true)
    package typealias Answer = Acknowledged
}
