package import MeshCore
import MeshStore

/// The fast path of most messages: one box for one session that is connected and takes it at once. Everything
/// else takes the general path, which alone reports what is wrong; both leave the same rows, entries and frames, and a
/// test compares them.
enum SealedMessages {
    static func send(_ contents: SealedContents, _ context: WriteContext) throws -> SealedAnswer {
        let state = context.state
        guard let sender = context.route, let recipient = state.routes.to(contents.key, state),
            let connection = recipient.direct, recipient !== sender, isOpen(recipient, contents, state),
            isNew(contents, sender, state)
        else { return .general(try Messages.send(contents.send, context)) }
        let seq = state.nextMessage
        let expiresAt = context.now + (contents.ttl ?? DeliveryPolicy.defaultTTLMillis)
        try insert(contents, seq, sender, expiresAt: expiresAt, context)
        state.nextMessage += 1
        if let hash = contents.clientIDHash {
            Messages.remember(SentKey(member: sender.member.number, hash: hash), seq, state)
        }
        let message = SealedMessage(
            contents, sender.template, id: state.messageIDs.id(seq), createdAt: state.nowText)
        try record(message, context)
        try deliver(message, seq, recipient, connection, expiresAt: expiresAt, context)
        return .sealed(message)
    }

    /// Whether a recipient is offered the message at once and nobody else is notified of it.
    private static func isOpen(_ recipient: Route, _ contents: SealedContents, _ state: EngineState) -> Bool {
        let mailbox = recipient.mailbox
        return DeliveryPolicy.gate(contents.priority, recipient.session.status) == .offer
            && mailbox.isClear(contents.priority) && !mailbox.isWindowFull
            && mailbox.count < DeliveryPolicy.maximumPending
            && !state.subscriptions.hasInterests(inFamily: Deliveries.inboxChannel)
            && !recipient.isLimiting
    }

    /// Whether no message with the same client message id is known.
    private static func isNew(_ contents: SealedContents, _ sender: Route, _ state: EngineState) -> Bool {
        guard let hash = contents.clientIDHash, !PlantedFault.strikes(.forgetKeys) else { return true }
        return state.sent[SentKey(member: sender.member.number, hash: hash)] == nil
    }

    private static func insert(
        _ contents: SealedContents, _ seq: Int64, _ sender: Route, expiresAt: Int64, _ context: WriteContext
    ) throws {
        let statement = try context.state.database.prepare(hot: StoredMessage.insertion)
        try contents.bytes.withUnsafeBytes { bytes in
            try sender.template.extra.withUnsafeBytes { extra in
                try statement.run { (row) throws(StoreError) in
                    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
                        UnsafeRawBufferPointer(rebasing: bytes[range])
                    }
                    try row.bind(1, seq)
                    try row.bind(2, sender.session.number.rawValue)
                    try row.bind(3, sender.member.number.rawValue)
                    try row.lend(4, text: part(contents.keyHex))
                    try row.lend(5, "direct")
                    try row.bind(6, Int64(contents.priority.rank))
                    try row.bind(7, context.now)
                    try row.bind(8, expiresAt)
                    if let clientID = contents.clientID { try row.lend(9, text: part(clientID)) }
                    try row.lend(10, blob: part(contents.fingerprintBytes))
                    try row.bind(12, StoredMessage.encryptedFlag)
                    try row.bind(13, context.state.ledger.size)
                    try row.lend(14, text: extra)
                    try row.lend(15, blob: part(contents.body))
                }
            }
        }
    }

    /// Appends the acceptance to the ledger, with the same bytes as the general entry.
    private static func record(_ message: SealedMessage, _ context: WriteContext) throws {
        let (contents, template) = (message.contents, message.template)
        try context.record(memory: template.entryBytes + 320) { entry, place in
            entry.put(template.entryStart)
            entry.put(contents.fingerprint)
            entry.put(template.entryLog)
            entry.put(message.id)
            entry.put(#"","prev":""#)
            entry.put(place.previous)
            entry.put(#"","pub":{"encrypted":true,"kind":"direct","priority":""#)
            entry.put(contents.priority.rawValue)
            entry.put(template.entryEnd)
            entry.put(place.seq)
            entry.put(#","ts":"#)
            entry.put(place.timestamp)
            entry.put(#","v":1}"#)
        }
    }

    private static func deliver(
        _ message: SealedMessage, _ seq: Int64, _ recipient: Route, _ connection: ConnectionID, expiresAt: Int64,
        _ context: WriteContext
    ) throws {
        let state = context.state
        let bucket = LiveMessage.bucket(expiresAt, acceptedAt: context.now)
        state.live[seq] = LiveMessage(remaining: 1, expiresAt: expiresAt, receiptsTo: nil, bucket: bucket)
        Deliveries.expect(seq, in: bucket, context)
        if PlantedFault.strikes(.dropDelivery) { return }
        var pending = Pending(message: seq, priority: message.contents.priority, acceptedAt: context.now)
        pending.attempts = 1
        pending.offeredAt = context.now
        pending.bytes = message.contents.box.count + StoredMessage.offerOverhead
        recipient.mailbox.offer(pending)
        try Deliveries.insertRow(seq, .session(recipient.session.number), .offered, attempts: 1, context)
        context.effects.append(.push(connection, message))
        Deliveries.armLease(recipient.session.number, recipient.mailbox, attempt: 1, context)
    }
}

/// A sealed message that was accepted: its push, and the answer to its sender. Its frames are written on the
/// connections' own loops.
package final class SealedMessage: Push {
    let contents: SealedContents
    let template: SenderTemplate
    /// Its public id.
    let id: String
    private let createdAt: String

    init(_ contents: SealedContents, _ template: SenderTemplate, id: String, createdAt: String) {
        self.contents = contents
        self.template = template
        self.id = id
        self.createdAt = createdAt
    }

    /// The answer to its sender.
    var ack: SendAck { SendAck(id: contents.id, messageId: id, queued: true, status: "accepted", recipients: 1) }

    /// The frame that `SendAck` writes.
    func ackFrame() -> [UInt8] {
        let bytes = contents.bytes
        return [UInt8](unsafeUninitializedCapacity: contents.idBytes.count + 128) { buffer, count in
            var frame = RawWriter(UnsafeMutableRawBufferPointer(buffer))
            frame.put(#"{"type":"ack","id":""#)
            frame.put(bytes, contents.idBytes)
            frame.put(#"","messageId":""#)
            frame.put(id)
            frame.put(#"","queued":true,"status":"accepted","recipients":1}"#)
            count = frame.bytes?.count ?? 0
        }
    }

    /// The frame that `MessagePush` writes for the same message, for both dialects.
    package func frame(for dialect: Dialect) -> [UInt8]? {
        let bytes = contents.bytes
        let capacity = template.push.count + bytes.count + 512
        let written = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var frame = RawWriter(UnsafeMutableRawBufferPointer(buffer))
            frame.put(#"{"type":"push","messageId":""#)
            frame.put(id)
            frame.put(template.push)
            frame.put(contents.priority.rawValue)
            frame.put(#"","nonce":""#)
            frame.put(bytes, SealedContents.nonce)
            frame.put(#"","ciphertext":""#)
            frame.put(bytes, contents.box)
            frame.put(#"","createdAt":""#)
            frame.put(createdAt)
            frame.put(#"","attempt":1,"kind":"direct","targetSpec":""#)
            frame.put(bytes, contents.keyHex)
            frame.put(#"","encrypted":true,"recipientKey":""#)
            frame.put(bytes, contents.keyHex)
            if let clientID = contents.clientID {
                frame.put(#"","client_message_id":""#)
                frame.put(bytes, clientID)
            }
            frame.put(#""}"#)
            count = frame.bytes?.count ?? 0
        }
        return written.isEmpty ? nil : written
    }
}

/// The answer to a sealed send.
package enum SealedAnswer: Reply {
    case sealed(SealedMessage)
    /// It took the general path.
    case general(SendAck)

    package static let type = SendAck.type
    package static let object = SendAck.object

    /// The same as the general answer.
    package var ack: SendAck {
        switch self {
        case .sealed(let message): message.ack
        case .general(let ack): ack
        }
    }

    package init(from decoder: any Decoder) throws { self = .general(try SendAck(from: decoder)) }
    package func encode(to encoder: any Encoder) throws { try ack.encode(to: encoder) }

    package func frame(requestID: String?) throws(MeshError) -> [UInt8] {
        if requestID == nil, case .sealed(let message) = self { return message.ackFrame() }
        return ack.frame(requestID: requestID)
    }
}
