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
public struct SealedCopy: Codable, Sendable, Hashable {
    /// The session key (64 hex) that it is sealed to.
    public var session: PublicKey?
    /// The member key that it is sealed to, when the member has no session.
    public var member: PublicKey?
    /// 24 bytes, base64.
    public var nonce: String
    /// The box, base64.
    public var ciphertext: String
    /// 1: the text itself; 3: the text bound to sender, recipient, mesh and client message id.
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
}

/// Whom a message addresses: one target or a list of them.
public struct TargetSpec: Codable, Sendable, Hashable, JSONSchemaProviding {
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

    /// For the generated tables.
    public static var schemaType: SchemaType { .string }
    /// For the generated tables.
    public static var probeValue: TargetSpec { TargetSpec(["*"]) }
}

/// Sends a message.
public struct Send: Request {
    /// The caller's own number for the answer; it correlates, it does not de-duplicate.
    public var id: String?
    /// Whom it addresses.
    public var targetSpec: TargetSpec
    /// How urgent it is; `next` when absent.
    public var priority: Priority?
    /// The idempotency key: same id and same content is one message, same id and other content is a conflict.
    public var clientMessageID: String?
    /// The nonce of the one body, base64; may be empty.
    public var nonce: String?
    /// The one body, base64: a box for one session key, or plain text for groups and broadcasts.
    public var ciphertext: String?
    /// One sealed copy for each recipient of a direct message.
    public var copies: [SealedCopy]?
    /// False says that the body of a direct message is plain text on purpose.
    public var encrypted: Bool?
    /// The form of the one body.
    public var bodyVersion: Int?
    /// The message that this one answers.
    public var replyToID: String?
    /// Time to live in milliseconds; 7 days when absent.
    public var ttl: Int64?
    /// Asks for a `receipt` frame at each change of a delivery.
    public var receipts: Bool?
    /// Names to mention.
    public var mentions: [String]?
    /// A kind of message known to both sides.
    public var subtype: String?
    /// What stays the same in a retry, whose sealed bytes differ: when the first try and the retry both have one, it alone
    /// says whether they are the same message. Stored and echoed.
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

    public static let type = "send"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Send a message to sessions, members, groups or everyone."
    public static let fields = [
        "id": "The caller's number for the answer.",
        "targetSpec":
            "Session or member key, name, `name/label`, unique key prefix, `@group`, `#topic`, `*`, or a list of these.",
        "priority": "`now`, `next` (default) or `low`.",
        "client_message_id":
            "Idempotency key, 1 to 128 bytes; a retry has the same, and the same fingerprint or bytes.",
        "nonce": "Nonce of the one body, base64; may be empty.",
        "ciphertext": "The one body, base64.",
        "copies": "One sealed copy for each recipient session.",
        "encrypted": "`false` marks a direct message as plain text on purpose.",
        "bodyVersion": "1: raw text in a box; 3: bound to sender, recipient, mesh and client message id.",
        "replyToId": "The message that this one answers.",
        "ttl": "Time to live in milliseconds, 1,000 to 30 days; 7 days when absent.",
        "receipts": "`true` asks for a `receipt` frame at each change.",
        "mentions": "Names to mention, at most 16.",
        "subtype": "A kind of message known to both sides.",
        "request_fingerprint": "A hash of what is meant, the same in each retry, at most 128 bytes; stored and echoed.",
    ]
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
}

/// One recipient of an accepted message and what happened to it so far.
public struct RecipientReceipt: Codable, Sendable, Hashable {
    /// The recipient's member name.
    public var name: String
    /// The session key, or the member key for a member without a session.
    public var pubkey: PublicKey
    /// The session's label.
    public var label: String?
    /// What claudemesh clients read: `delivered`, `held` or `disconnected`.
    public var status: String
    /// What has happened.
    public var state: DeliveryState
    /// Why it waits, expired or was refused.
    public var reason: String?
    /// How often it was offered.
    public var attempts: Int
    /// Unix milliseconds of the last change.
    public var updatedAt: Int64

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
}

/// The answer to a send: it is on disk.
public struct SendAck: Reply {
    public static let type = "ack"
    /// The send's own id, or the empty string.
    public var id: String
    /// The message's public id; empty when it was refused.
    public var messageId: String
    /// True when it was accepted.
    public var queued: Bool
    /// `accepted`.
    public var status: String?
    /// How many recipients it has.
    public var recipients: Int?
    /// True when this was a retry of a message that is already stored.
    public var duplicate: Bool?
    /// Why it was refused.
    public var error: String?

    /// Makes an answer.
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
}

/// Finds out whom a target reaches, so that the sender can seal a copy for each.
public struct Resolve: Request {
    /// Whom to resolve.
    public var targetSpec: TargetSpec
    /// Makes a request.
    public init(targetSpec: TargetSpec) { self.targetSpec = targetSpec }

    public static let type = "resolve"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Whom a target reaches now, with the keys to seal to."
    public static let fields = ["targetSpec": "As in `send`."]
    public typealias Answer = Resolved
}

/// Whom a target reaches.
public struct Resolved: Reply {
    /// One recipient.
    public struct Recipient: Codable, Sendable, Hashable {
        /// The session key; absent for a member without a session.
        public var session: PublicKey?
        /// The member key.
        public var member: PublicKey
        /// The member's name.
        public var name: String
        /// The session's label.
        public var label: String?
        /// The member's signature over the session key (128 hex): proof whose session it is.
        public var binding: Signature?
        /// Body versions that it opens.
        public var bodyVersions: [Int]
    }
    public static let type = "resolve_result"
    /// `direct`, `group`, `topic`, `all` or `mixed`.
    public var kind: String
    /// Whether a send must carry sealed copies.
    public var sealed: Bool
    /// The recipients in the order of their sessions.
    public var recipients: [Recipient]
    /// How many recipients there are, when `recipients` does not hold them all, as it may be where nothing is sealed; nil
    /// otherwise.
    public var recipientCount: Int?
    /// Makes an answer.
    public init(kind: String, sealed: Bool, recipients: [Recipient]) {
        self.kind = kind
        self.sealed = sealed
        self.recipients = recipients
    }
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
public struct Acknowledge: Request {
    /// One message, by the broker's id.
    public var brokerMessageID: String?
    /// One message, by its sender's id.
    public var clientMessageID: String?
    /// Many messages, by the broker's ids.
    public var messageIDs: [String]?
    /// True says that they were looked at as well.
    public var read: Bool?
    /// Refuses them, with the reason, instead of acknowledging them.
    public var reject: String?

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

    public static let type = "client_ack"
    public static let isEssential = true
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help = "Acknowledge messages: delivered, read, or refused."
    public static let fields = [
        "brokerMessageId": "One message by the broker's id.",
        "clientMessageId": "One message by its sender's id.",
        "messageIds": "Many messages by the broker's ids, at most 1,000.",
        "read": "`true`: they were looked at too.",
        "reject": "Refuses them, with this reason.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = Acknowledged
}

/// How many deliveries an acknowledgement changed.
public struct Acknowledged: Reply {
    public static let type = "acknowledged"
    /// Deliveries that changed; 0 when all were acknowledged before.
    public var changed: Int
    /// Makes an answer.
    public init(changed: Int) { self.changed = changed }
}

/// Asks what happened to a message. Its sender and its recipients may.
public struct GetMessageStatus: Request {
    /// The message's id, or a unique prefix of 8 characters or more.
    public var messageId: String
    /// Makes a request.
    public init(messageId: String) { self.messageId = messageId }

    public static let type = "message_status"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "What happened to a message, for each recipient."
    public static let fields = ["messageId": "The message's id, or a unique prefix of 8 characters or more."]
    public typealias Answer = MessageStatus
}

/// Asks what happened to a message and to be told of every later change.
public struct WatchMessage: Request {
    /// The message's id.
    public var messageId: String
    /// Makes a request.
    public init(messageId: String) { self.messageId = messageId }

    public static let type = "watch_message"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help = "A message's status now, then a `receipt` frame at each change."
    public static let fields = ["messageId": "The message's id."]
    public typealias Answer = MessageStatus
}

/// What happened to a message.
public struct MessageStatus: Reply {
    public static let type = "message_status_result"
    /// The full id.
    public var messageId: String
    /// The target as written.
    public var targetSpec: String
    /// `accepted`, or when all recipients agree their state.
    public var status: String
    /// True when every recipient has it.
    public var delivered: Bool
    /// ISO 8601 time of the last delivery, when `delivered`; null before.
    @Nullable public var deliveredAt: String?
    /// Unix milliseconds when it was accepted.
    public var acceptedAt: Int64
    /// Unix milliseconds when it expires.
    public var expiresAt: Int64
    /// One row for each recipient.
    public var recipients: [RecipientReceipt]
    /// How many recipients there are, when `recipients` does not hold them all; nil otherwise.
    public var recipientCount: Int?
    /// Makes an answer.
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
}

/// Fetches what waits for the caller's session without changing it.
public struct ListInbox: Request {
    /// At most this many, 1 to 200; 50 when absent.
    public var limit: Int?
    /// Only messages after this one.
    public var after: String?
    /// Makes a request.
    public init(limit: Int? = nil, after: String? = nil) {
        self.limit = limit
        self.after = after
    }

    public static let type = "list_inbox"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help =
        "Messages that the caller's session has not acknowledged, oldest first; of large ones fewer than asked for."
    public static let fields = ["limit": "1 to 200; 50 when absent.", "after": "Only messages after this id."]
    public typealias Answer = Inbox
}

/// Fetches the same as `list_inbox` and asks to be told when more arrives.
public struct WatchInbox: Request {
    /// Makes a request.
    public init() {}
    public static let type = "watch_inbox"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help = "The caller's unacknowledged messages now, then an `inbox_changed` frame for each new one."
    public static let fields: [String: String] = [:]
    public typealias Answer = Inbox
}

/// Messages that wait for a session.
public struct Inbox: Reply {
    public static let type = "inbox"
    /// Oldest first; the same form as a `push` frame. Large ones may be fewer than asked for.
    public var messages: [MessagePush]
    /// How many wait in all.
    public var total: Int
    /// Makes an answer.
    public init(messages: [MessagePush], total: Int) {
        self.messages = messages
        self.total = total
    }
}

/// Lists messages that could not be delivered and were sent by the caller's member.
public struct ListDeadLetters: Request {
    /// At most this many, 1 to 200; 50 when absent.
    public var limit: Int?
    /// Makes a request.
    public init(limit: Int? = nil) { self.limit = limit }
    public static let type = "list_dead_letters"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The caller's messages that expired or were refused, newest first."
    public static let fields = ["limit": "1 to 200; 50 when absent."]
    public typealias Answer = DeadLetters
}

/// Messages that could not be delivered.
public struct DeadLetters: Reply {
    /// One delivery that ended without its recipient.
    public struct Letter: Codable, Sendable, Hashable {
        /// The message.
        public var messageId: String
        /// The target as written.
        public var targetSpec: String
        /// Who did not get it.
        public var recipient: RecipientReceipt
        /// Makes a letter.
        public init(messageId: String, targetSpec: String, recipient: RecipientReceipt) {
            self.messageId = messageId
            self.targetSpec = targetSpec
            self.recipient = recipient
        }
    }
    public static let type = "dead_letters"
    /// Newest first.
    public var letters: [Letter]
    /// Makes an answer.
    public init(letters: [Letter]) { self.letters = letters }
}
