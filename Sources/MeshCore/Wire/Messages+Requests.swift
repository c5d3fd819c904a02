/// How urgently a message wants its recipient: see `DeliveryPolicy`.
public enum Priority: String, Sendable, Hashable, CaseIterable, Codable {
    /// Interrupts, whatever the recipient does.
    case now
    /// Waits until the recipient is idle.
    case next
    /// Waits longer.
    case low

    /// Small integers for storage: 0 now, 1 next, 2 low.
    public var rank: Int { self == .now ? 0 : self == .next ? 1 : 2 }

    /// The priority of a stored rank.
    public init?(rank: Int) {
        guard let value = [Priority.now, .next, .low].dropFirst(rank).first, rank >= 0 else { return nil }
        self = value
    }
}

/// What has happened to one delivery, in the order it may happen.
public enum DeliveryState: String, Sendable, Hashable, CaseIterable, Codable {
    /// Waits, with a reason.
    case held
    /// Was pushed to the recipient, who has not acknowledged it yet.
    case offered
    /// The recipient acknowledged it.
    case delivered
    /// The recipient said that it was looked at.
    case read
    /// A message that answers it was accepted.
    case answered
    /// Its time to live or its attempts ran out: a dead letter.
    case expired
    /// The recipient or a rule refused it, with a reason.
    case rejected

    /// Whether nothing more will be tried.
    public var isFinal: Bool { self != .held && self != .offered }
    /// Whether the recipient has it.
    public var isReceived: Bool { self == .delivered || self == .read || self == .answered }
}

/// Why a delivery waits.
public enum HoldReason: String, Sendable, Hashable, CaseIterable, Codable {
    /// The recipient is not connected.
    case away
    /// The recipient has left and is not expected back: what is sealed for it can hardly be opened any more.
    case gone
    /// The recipient said that it is working.
    case working
    /// The recipient asked not to be disturbed.
    case dnd
    /// An earlier message of the same kind waits.
    case behind
    /// The recipient has too many unacknowledged messages.
    case window
    /// The recipient fetches its messages on demand (mode `inbox` or `off`).
    case inbox
}

/// One sealed copy of a direct message: for one session, or for a member that has no session yet.
public struct SealedCopy: Declared, Hashable {
    @Field("The session key (64 hex) that it is sealed to.") public var session: PublicKey?
    @Field("The member key that it is sealed to, when the member has no session.") public var member: PublicKey?
    @Field("Nonce of the box.", .text(.nonce)) public var nonce: String
    @Field("The box, base64.") public var ciphertext: String
    @Field("1: the text itself; 3: the text bound to sender, recipient, mesh and client message id.")
    public var bodyVersion: Int?

    /// Makes a copy.
    public init(
        session: PublicKey? = nil, member: PublicKey? = nil, nonce: String, ciphertext: String, bodyVersion: Int? = nil
    ) {
        self.session = session
        self.member = member
        self.nonce = nonce
        self.ciphertext = ciphertext
        self.bodyVersion = bodyVersion
    }
    public init() {}
}

/// Whom a message addresses: one target or a list of them.
public struct TargetSpec: Codable, Sendable, Hashable, WireValue {
    /// The targets as written.
    public var targets: [String]

    /// Makes a specification of one or more targets.
    public init(_ targets: [String]) { self.targets = targets }

    /// Reads a string or an array of strings.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(String.self) {
            targets = [one]
        } else {
            targets = try container.decode([String].self)
        }
    }

    /// Writes one target as a string, several as an array.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if targets.count == 1 { try container.encode(targets[0]) } else { try container.encode(targets) }
    }

    /// The targets, separated by commas.
    public var text: String { targets.joined(separator: ",") }

    /// A string or an array of strings.
    public static var schema: ValueSchema { ValueSchema(.stringOrStrings) }
    /// Everyone.
    public static var blank: TargetSpec { TargetSpec(["*"]) }
}

/// Sends a message.
public struct Send: WriteRequest {
    @Field("The caller's number for the answer.", .bytes(0...128)) public var id: String?
    @Field("Session or member key, name, `name/label`, unique key prefix, `@group`, `#topic`, `*`, or a list of these.")
    public var targetSpec: TargetSpec
    @Field("How urgent it is.", default: "next") public var priority: Priority?
    @Field(
        "Idempotency key; a retry has the same, and the same fingerprint or bytes.", .bytes(1...128),
        name: "client_message_id")
    public var clientMessageID: String?
    @Field("Nonce of the one body.", .text(.nonce)) public var nonce: String?
    @Field("The one body, base64.") public var ciphertext: String?
    @Field("One sealed copy for each recipient session.") public var copies: [SealedCopy]?
    @Field("`false` marks a direct message as plain text on purpose.") public var encrypted: Bool?
    @Field("1: raw text in a box; 3: bound to sender, recipient, mesh and client message id.")
    public var bodyVersion: Int?
    @Field("The message that this one answers.", name: "replyToId") public var replyToID: String?
    @Field(
        "Time to live in milliseconds.", .range(DeliveryPolicy.ttlRange),
        default: .integer(DeliveryPolicy.defaultTTLMillis))
    public var ttl: Int64?
    @Field("`true` requests a `receipt` frame at each change.") public var receipts: Bool?
    @Field("Names to mention.", .count(0...16, each: .bytes(0...64))) public var mentions: [String]?
    @Field("A kind of message known to both sides; not `system`.", .bytes(0...64)) public var subtype: String?
    @Field(
        "A hash of the intended message, the same in each retry; stored and echoed.", .bytes(0...128),
        name: "request_fingerprint")
    public var requestFingerprint: String?

    enum CodingKeys: String, CodingKey {
        case id, targetSpec, priority, nonce, ciphertext, copies, encrypted, bodyVersion, ttl, receipts, mentions
        case subtype
        case clientMessageID = "client_message_id"
        case replyToID = "replyToId"
        case requestFingerprint = "request_fingerprint"
    }

    /// Makes a send; the body is `copies` or `nonce` and `ciphertext`.
    public init(targetSpec: TargetSpec) { self.targetSpec = targetSpec }

    public static let declaration = RequestDeclaration(
        "send", "Send a message to sessions, members, groups or everyone.", needs: .send, about: .target("targetSpec"),
        http: .create("messages"),
        errors: [
            .unknownTarget, .ambiguousTarget, .noRecipients, .recipientsChanged, .plaintextRefused, .conflict,
            .queueFull, .capacity,
        ])
    public typealias Answer = SendAck
    public var outgoing: OutgoingMessage? { OutgoingMessage(id: id ?? "", priority: priority ?? .next) }

    /// The frame's bytes.
    package func frame() -> [UInt8] {
        let bodies = (copies ?? []).reduce(ciphertext?.utf8.count ?? 0) { $0 + 200 + $1.ciphertext.utf8.count }
        var writer = FlatWriter(type: "send", capacity: 512 + bodies)
        writer.add("id", ifPresent: id)
        writer.add("targetSpec", targetSpec)
        writer.add("priority", ifPresent: priority?.rawValue)
        writer.add("client_message_id", ifPresent: clientMessageID)
        writer.add("nonce", ifPresent: nonce)
        writer.add("ciphertext", ifPresent: ciphertext)
        writer.add("copies", ifPresent: copies)
        writer.add("encrypted", ifPresent: encrypted)
        writer.add("bodyVersion", ifPresent: bodyVersion)
        writer.add("replyToId", ifPresent: replyToID)
        writer.add("ttl", ifPresent: ttl)
        writer.add("receipts", ifPresent: receipts)
        writer.add("mentions", ifPresent: mentions)
        writer.add("subtype", ifPresent: subtype)
        writer.add("request_fingerprint", ifPresent: requestFingerprint)
        return writer.finish(requestID: nil)
    }
    public init() {}
}

/// One recipient of an accepted message and what happened to it so far.
public struct RecipientReceipt: Declared, Hashable {
    @Field("The recipient's member name.") public var name: String
    @Field("The session key, or the member key for a member without a session.") public var pubkey: PublicKey
    @Field("The session's label.") public var label: String?
    @Field("The status for claudemesh clients: `delivered`, `held` or `disconnected`.") public var status: String
    @Field("What has happened.") public var state: DeliveryState
    @Field("The reason why it waits, expired or was refused.") public var reason: String?
    @Field("The number of offers.") public var attempts: Int
    @Field("Unix milliseconds of the last change.") public var updatedAt: Int64

    /// Makes a receipt.
    public init(
        name: String, pubkey: PublicKey, label: String?, status: String, state: DeliveryState, reason: String?,
        attempts: Int, updatedAt: Int64
    ) {
        self.name = name
        self.pubkey = pubkey
        self.label = label
        self.status = status
        self.state = state
        self.reason = reason
        self.attempts = attempts
        self.updatedAt = updatedAt
    }
    public init() {}
}

/// The answer to a send: it is on disk.
public struct SendAck: Reply, Declared {
    public static let type = "ack"
    @Field("The send's own id, or the empty string.") public var id: String
    @Field("The message's public id; empty when it was refused.") public var messageId: String
    @Field("True when it was accepted.") public var queued: Bool
    @Field("`accepted`.") public var status: String?
    @Field("The number of recipients.") public var recipients: Int?
    @Field("True when this was a retry of a message that is already stored.") public var duplicate: Bool?
    @Field("Why it was refused.") public var error: String?

    public init(
        id: String, messageId: String, queued: Bool, status: String? = nil, recipients: Int? = nil,
        duplicate: Bool? = nil, error: String? = nil
    ) {
        self.id = id
        self.messageId = messageId
        self.queued = queued
        self.status = status
        self.recipients = recipients
        self.duplicate = duplicate
        self.error = error
    }

    public func frame(requestID: String?) -> [UInt8] {
        var writer = FlatWriter(type: "ack", capacity: 160)
        writer.add("id", id)
        writer.add("messageId", messageId)
        writer.add("queued", queued)
        writer.add("status", ifPresent: status)
        writer.add("recipients", ifPresent: recipients)
        if let duplicate { writer.add("duplicate", duplicate) }
        writer.add("error", ifPresent: error)
        return writer.finish(requestID: requestID)
    }
    public init() {}
}

/// Finds out whom a target reaches, so that the sender can seal a copy for each.
public struct Resolve: ReadRequest {
    @Field("As in `send`.") public var targetSpec: TargetSpec
    public init(targetSpec: TargetSpec) { self.targetSpec = targetSpec }

    public static let declaration = RequestDeclaration(
        "resolve", "Resolve a target to its current recipients, with the keys to seal to.", needs: .observe,
        about: .target("targetSpec"), http: .post("resolve"), hints: .idempotent,
        errors: [.unknownTarget, .ambiguousTarget, .noRecipients])
    public typealias Answer = Resolved
    public init() {}
}

/// Whom a target reaches.
public struct Resolved: Reply, Declared {
    /// One recipient.
    public struct Recipient: Declared, Hashable {
        @Field("The session key; absent for a member without a session.") public var session: PublicKey?
        @Field("The member key.") public var member: PublicKey
        @Field("The member's name.") public var name: String
        @Field("The session's label.") public var label: String?
        @Field("The member's signature over the session key (128 hex): proof of whose session it is.")
        public var binding: Signature?
        @Field("Body versions that it opens.") public var bodyVersions: [Int]
        public init() {}
    }
    public static let type = "resolve_result"
    @Field("`direct`, `group`, `topic`, `all` or `mixed`.") public var kind: String
    @Field("Whether a send must carry sealed copies.") public var sealed: Bool
    @Field("The recipients in the order of their sessions.") public var recipients: [Recipient]
    @Field(
        "The number of recipients, when `recipients` omits some, which is possible where nothing is sealed; nil otherwise."
    )
    public var recipientCount: Int?
    public init(kind: String, sealed: Bool, recipients: [Recipient]) {
        self.kind = kind
        self.sealed = sealed
        self.recipients = recipients
    }
    public init() {}
}

extension Resolved.Recipient {
    /// Makes a recipient.
    public init(
        session: PublicKey?, member: PublicKey, name: String, label: String?, binding: Signature?
    ) {
        self.session = session
        self.member = member
        self.name = name
        self.label = label
        self.binding = binding
        self.bodyVersions = [1]
    }
}

/// Says which messages arrived, were looked at, or cannot be used.
public struct Acknowledge: WriteRequest {
    /// The most messages that one request acknowledges.
    static let maximumIDs = 1_000
    @Field("One message by the broker's id.", name: "brokerMessageId") public var brokerMessageID: String?
    @Field("One message by its sender's id.", name: "clientMessageId") public var clientMessageID: String?
    @Field("Many messages by the broker's ids.", .count(0...Self.maximumIDs), name: "messageIds")
    public var messageIDs: [String]?
    @Field("`true`: they were looked at too.") public var read: Bool?
    @Field("The reason, when the messages are refused.", .bytes(1...64)) public var reject: String?

    enum CodingKeys: String, CodingKey {
        case read, reject
        case brokerMessageID = "brokerMessageId"
        case clientMessageID = "clientMessageId"
        case messageIDs = "messageIds"
    }

    /// Acknowledges messages.
    public init(messageIDs: [String], read: Bool? = nil, reject: String? = nil) {
        self.messageIDs = messageIDs
        self.read = read
        self.reject = reject
    }

    public static let declaration = RequestDeclaration(
        "client_ack", "Acknowledge messages: delivered, read, or refused.", needs: .observe, about: .caller,
        http: .post("acknowledgements"), hints: .idempotent, errors: [.notFound, .behind], isSilentForVersion1: true,
        isEssential: true)
    public typealias Answer = Acknowledged
    public init() {}
}

/// How many deliveries an acknowledgement changed.
public struct Acknowledged: Reply, Declared {
    public static let type = "acknowledged"
    @Field("Deliveries that changed; 0 when all were acknowledged before.") public var changed: Int
    public init(changed: Int) { self.changed = changed }
    public init() {}
}

/// Asks what happened to a message. Its sender and its recipients may.
public struct GetMessageStatus: ReadRequest {
    @Field("The message's id, or a unique prefix of 8 characters or more.") public var messageId: String
    public init(messageId: String) { self.messageId = messageId }

    public static let declaration = RequestDeclaration(
        "message_status", "Show a message's delivery status, for each recipient.", needs: .observe,
        about: .message("messageId"), http: .get("messages/{messageId}"), hints: .idempotent,
        errors: [.notFound, .ambiguousPrefix, .behind])
    public typealias Answer = MessageStatus
    public init() {}
}

/// Asks what happened to a message and to be told of every later change.
public struct WatchMessage: WatchRequest {
    @Field("The message's id.") public var messageId: String
    public init(messageId: String) { self.messageId = messageId }

    public static let declaration = RequestDeclaration(
        "watch_message", "Get a message's status, then a `receipt` frame at each change.", needs: .observe,
        about: .message("messageId"), http: .webSocketOnly, hints: .idempotent,
        errors: [.notFound, .ambiguousPrefix, .behind, .capacity])
    public static let updates: [any DeclaredPush.Type] = [ReceiptPush.self]
    public typealias Answer = MessageStatus
    public init() {}
}

/// What happened to a message.
public struct MessageStatus: Reply, Declared {
    public static let type = "message_status_result"
    @Field("The full id.") public var messageId: String
    @Field("The target as written.") public var targetSpec: String
    @Field("`accepted`, or the recipients' state when they all have the same.") public var status: String
    @Field("True when every recipient has it.") public var delivered: Bool
    @NullableField("ISO 8601 time of the last delivery, when `delivered`; null before.") public var deliveredAt: String?
    @Field("Unix milliseconds when it was accepted.") public var acceptedAt: Int64
    @Field("Unix milliseconds when it expires.") public var expiresAt: Int64
    @Field("One row for each recipient.") public var recipients: [RecipientReceipt]
    @Field("The number of recipients, when `recipients` does not contain them all; nil otherwise.")
    public var recipientCount: Int?
    public init(
        messageId: String, targetSpec: String, status: String, delivered: Bool, deliveredAt: String?, acceptedAt: Int64,
        expiresAt: Int64, recipients: [RecipientReceipt]
    ) {
        self.messageId = messageId
        self.targetSpec = targetSpec
        self.status = status
        self.delivered = delivered
        self.deliveredAt = deliveredAt
        self.acceptedAt = acceptedAt
        self.expiresAt = expiresAt
        self.recipients = recipients
    }
    public init() {}
}

/// Fetches what waits for the caller's session without changing it.
public struct ListInbox: ReadRequest {
    @Field("The maximum number of rows.", .range(1...200), default: 50) public var limit: Int?
    @Field("Only messages after this id.") public var after: String?
    public init(limit: Int? = nil, after: String? = nil) {
        self.limit = limit
        self.after = after
    }

    public static let declaration = RequestDeclaration(
        "list_inbox",
        "List messages the caller's session has not acknowledged, oldest first; fewer than requested when large.",
        needs: .observe, about: .caller, http: .get("inbox"), hints: .idempotent)
    public typealias Answer = Inbox
    public init() {}
}

/// Fetches the same as `list_inbox` and asks to be told when more arrives.
public struct WatchInbox: WatchRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "watch_inbox", "List the caller's unacknowledged messages, then an `inbox_changed` frame for each new one.",
        needs: .observe, about: .caller, http: .webSocketOnly, hints: .idempotent, errors: [.capacity])
    public static let updates: [any DeclaredPush.Type] = [InboxChanged.self]
    public typealias Answer = Inbox
}

/// Messages that wait for a session.
public struct Inbox: Reply, Declared {
    public static let type = "inbox"
    @Field("The messages, oldest first, in the form of a `push` frame; fewer than requested when they are large.")
    public var messages: [MessagePush]
    @Field("How many wait in all.") public var total: Int
    public init(messages: [MessagePush], total: Int) {
        self.messages = messages
        self.total = total
    }
    public init() {}
}

/// Lists messages that could not be delivered and were sent by the caller's member.
public struct ListDeadLetters: ReadRequest {
    @Field("The maximum number of rows.", .range(1...200), default: 50) public var limit: Int?
    public init(limit: Int? = nil) { self.limit = limit }
    public static let declaration = RequestDeclaration(
        "list_dead_letters", "List the caller's messages that expired or were refused, newest first.", needs: .observe,
        about: .caller, http: .get("dead-letters"), hints: .idempotent)
    public typealias Answer = DeadLetters
    public init() {}
}

/// Messages that could not be delivered.
public struct DeadLetters: Reply, Declared {
    /// One delivery that ended without its recipient.
    public struct Letter: Declared, Hashable {
        @Field("The message.") public var messageId: String
        @Field("The target as written.") public var targetSpec: String
        @Field("Who did not get it.") public var recipient: RecipientReceipt
        /// Makes a letter.
        public init(messageId: String, targetSpec: String, recipient: RecipientReceipt) {
            self.messageId = messageId
            self.targetSpec = targetSpec
            self.recipient = recipient
        }
        public init() {}
    }
    public static let type = "dead_letters"
    @Field("Newest first.") public var letters: [Letter]
    public init(letters: [Letter]) { self.letters = letters }
    public init() {}
}
