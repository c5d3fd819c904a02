/// A message as its recipient receives it.
public struct MessagePush: DeclaredPush, Reply, Declared, Hashable {
    public static let type = "push"
    public static let help = "A message for the session."
    @Field("The message's public id.") public var messageId: String
    @Field("The mesh.") public var meshId: String
    @Field("The sender's session key, or its member key when it has none.") public var senderPubkey: String
    @Field("The sender's member key.") public var senderMemberPubkey: PublicKey?
    @Field("The sender's member id.") public var senderMemberId: String?
    @Field("The sender's member name.") public var senderName: String?
    @Field(
        "The name for clients that show only one: the sender's member name; for a foreign client its label, as `member/label` where that could be mistaken for another."
    )
    public var senderDisplayName: String?
    @Field("The sender's session label.") public var senderLabel: String?
    @Field("How urgent it is.") public var priority: Priority
    @Field("Base64; may be empty.") public var nonce: String
    @Field("Base64: a box when `encrypted`, else the text.") public var ciphertext: String
    @Field("ISO 8601, milliseconds, UTC.") public var createdAt: String
    @Field("1 for the first offer, more for later ones.") public var attempt: Int
    @Field("`direct`, `group`, `topic`, `all` or `mixed`.") public var kind: String
    @Field("The target as the sender wrote it.") public var targetSpec: String
    @Field("Whether the body is sealed. A client shows as encrypted only what it opened itself.")
    public var encrypted: Bool
    @Field("The key (64 hex) that the body is sealed to.") public var recipientKey: PublicKey?
    @Field("The form of the body.") public var bodyVersion: Int?
    @Field("The message that this one answers.") public var replyToId: String?
    @Field("The sender's idempotency key.", name: "client_message_id") public var clientMessageID: String?
    @Field("A claudemesh sender's fingerprint.", name: "request_fingerprint") public var requestFingerprint: String?
    @Field("A kind of message known to both sides.") public var subtype: String?
    @Field("The topic's name, when it came through one.") public var topic: String?
    @Field("Names that it mentions.") public var mentions: [String]?

    enum CodingKeys: String, CodingKey {
        case messageId, meshId, senderPubkey, senderMemberPubkey, senderMemberId, senderName
        case senderDisplayName, senderLabel, priority, nonce, ciphertext, createdAt, attempt, kind
        case targetSpec, encrypted, recipientKey, bodyVersion, replyToId, subtype
        case topic, mentions
        case clientMessageID = "client_message_id"
        case requestFingerprint = "request_fingerprint"
    }

    /// Makes a push.
    public init(
        messageId: String, meshId: String, senderPubkey: String, priority: Priority, nonce: String, ciphertext: String,
        createdAt: String, attempt: Int, kind: String, targetSpec: String, encrypted: Bool
    ) {
        self.messageId = messageId
        self.meshId = meshId
        self.senderPubkey = senderPubkey
        self.priority = priority
        self.nonce = nonce
        self.ciphertext = ciphertext
        self.createdAt = createdAt
        self.attempt = attempt
        self.kind = kind
        self.targetSpec = targetSpec
        self.encrypted = encrypted
    }

    public func frame(for dialect: Dialect) -> [UInt8]? { frame(requestID: nil) }

    public func frame(requestID: String?) -> [UInt8] {
        var writer = FlatWriter(type: "push", capacity: 900 + ciphertext.utf8.count)
        writer.add("messageId", messageId)
        writer.add("meshId", meshId)
        writer.add("senderPubkey", senderPubkey)
        writer.add("senderMemberPubkey", ifPresent: senderMemberPubkey)
        writer.add("senderMemberId", ifPresent: senderMemberId)
        writer.add("senderName", ifPresent: senderName)
        writer.add("senderDisplayName", ifPresent: senderDisplayName)
        writer.add("senderLabel", ifPresent: senderLabel)
        writer.add("priority", priority.rawValue)
        writer.add("nonce", nonce)
        writer.add("ciphertext", ciphertext)
        writer.add("createdAt", createdAt)
        writer.add("attempt", attempt)
        writer.add("kind", kind)
        writer.add("targetSpec", targetSpec)
        writer.add("encrypted", encrypted)
        writer.add("recipientKey", ifPresent: recipientKey)
        writer.add("bodyVersion", ifPresent: bodyVersion)
        writer.add("replyToId", ifPresent: replyToId)
        writer.add("client_message_id", ifPresent: clientMessageID)
        writer.add("request_fingerprint", ifPresent: requestFingerprint)
        writer.add("subtype", ifPresent: subtype)
        writer.add("topic", ifPresent: topic)
        writer.add("mentions", ifPresent: mentions)
        return writer.finish(requestID: requestID)
    }
    public init() {}
}

/// One change of one delivery, sent to watchers of the message.
public struct ReceiptPush: DeclaredPush, Reply, Declared, Hashable {
    public static let type = "receipt"
    public static let help = "One change of one delivery."
    @Field("The message.") public var messageId: String
    @Field("The recipient and its new state.") public var recipient: RecipientReceipt
    /// Makes a receipt.
    public init(messageId: String, recipient: RecipientReceipt) {
        self.messageId = messageId
        self.recipient = recipient
    }
    public func frame(for dialect: Dialect) -> [UInt8]? { dialect == .mesh ? try? frame(requestID: nil) : nil }
    public init() {}
}

/// Reports that a message waits for a session, to watchers of its inbox.
public struct InboxChanged: DeclaredPush, Reply, Declared, Hashable {
    public static let type = "inbox_changed"
    public static let help = "A message arrived in the inbox."
    @Field("The message that arrived.") public var message: MessagePush
    /// Makes a notice.
    public init(message: MessagePush) { self.message = message }
    public func frame(for dialect: Dialect) -> [UInt8]? { dialect == .mesh ? try? frame(requestID: nil) : nil }
    public init() {}
}

/// Something that happened in the mesh, in claudemesh's form: a `push` with `subtype` `system`.
public struct SystemEvent: Sendable, Hashable, DeclaredPush {
    public static let type = "push"
    public static let help = "An event in the mesh: `subtype` is `system`, `event` is its name."
    public static let object = ObjectSchema([
        .init("messageId", String.schema, help: "The event's own id: a client that sees it twice counts it once."),
        .init("meshId", String.schema, help: "The mesh."),
        .init("senderPubkey", String.schema, help: "`system`."),
        .init("priority", Priority.schema, help: "`low`."),
        .init("nonce", String.schema, help: "Empty."),
        .init("ciphertext", String.schema, help: "Empty."),
        .init("createdAt", String.schema, help: "ISO 8601."),
        .init("subtype", String.schema, help: "`system`."),
        .init("event", String.schema, help: "The event's name."),
        .init("eventData", ValueSchema(.anyObject), help: "What happened; its fields are those of the event."),
    ])
    /// The event's name, for example `peer_joined`.
    public var event: String
    /// What happened.
    public var data: JSONObject
    /// The event's own id: a client that receives it twice counts it once.
    public var id: String
    /// The mesh.
    public var meshID: String
    /// Unix milliseconds.
    public var at: Int64

    /// Makes an event.
    public init(event: String, data: JSONObject, id: String, meshID: String, at: Int64) {
        self.event = event
        self.data = data
        self.id = id
        self.meshID = meshID
        self.at = at
    }

    public func frame(for dialect: Dialect) -> [UInt8]? {
        // Claudemesh's SDK knows only `peer_joined`; a return is sent to it under that name.
        let name = dialect == .claudemesh && event == "peer_returned" ? "peer_joined" : event
        // For our clients a name is the member's; the label of a foreign client is beside it.
        var data = data
        if dialect == .mesh, let member = data["memberName"] { data["name"] = member }
        return WireFrame.bytes(
            type: "push",
            fields: [
                "messageId": .string(id), "meshId": .string(meshID), "senderPubkey": "system", "priority": "low",
                "nonce": "", "ciphertext": "", "createdAt": .string(Timestamp.iso8601(at)), "subtype": "system",
                "event": .string(name), "eventData": .object(data),
            ])
    }
}
