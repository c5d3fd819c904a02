public import MeshCore

/// A message as a program sees it: opened.
public struct Message: Sendable, Hashable, Identifiable {
    /// Who sent it.
    public struct Sender: Sendable, Hashable {
        /// The member's name, whatever the client calls itself. For people: what decides anything is `memberKey`.
        public var name: String
        /// The session's label: what the client calls itself.
        public var label: String?
        /// The member's key: who it is.
        public var memberKey: PublicKey?
        /// The session's key: a reply to it reaches exactly the session that sent.
        public var sessionKey: PublicKey?
    }

    /// The public id.
    public var id: String
    /// The sender's own id.
    public var clientMessageID: String?
    /// Who sent it.
    public var from: Sender
    /// What it says.
    public var text: String
    /// How urgent it is.
    public var priority: Priority
    /// Unix milliseconds, by the broker; 0 when it cannot be read.
    public var sentAt: Int64
    /// 1 for the first offer.
    public var attempt: Int
    /// True only when it was sealed and was opened here.
    public var isEncrypted: Bool
    /// `direct`, `group`, `topic`, `all` or `mixed`.
    public var kind: String
    /// The target as the sender wrote it.
    public var target: String
    /// The message that it answers.
    public var replyTo: String?
    /// The mesh.
    public var meshID: String
    /// The topic's name, when it came through one.
    public var topic: String?
    /// Names that it mentions.
    public var mentions: [String] = []

    /// An answer that reaches exactly the session that sent this message.
    public func reply(_ text: String) -> Outgoing {
        var answer = Outgoing(to: (from.sessionKey ?? from.memberKey)?.hex ?? from.name, text: text)
        answer.replyTo = id
        return answer
    }
}

/// A message to send.
public struct Outgoing: Sendable, Hashable {
    /// Whom it addresses.
    public var target: TargetSpec
    /// What it says; at most 64 KiB in UTF-8.
    public var text: String
    /// How urgent it is.
    public var priority: Priority = .next
    /// The message that it answers.
    public var replyTo: String?
    /// How long it may wait, in milliseconds; 7 days when nil.
    public var ttlMillis: Int64?
    /// The idempotency key: a retry with the same key is the same message.
    public var clientMessageID: String
    /// Asks for a `receipt` event at each change of a delivery.
    public var receipts = false
    /// Names of members that a message to a topic mentions.
    public var mentions: [String] = []
    /// Sends a direct message as plain text where the mesh allows it.
    public var allowPlaintext = false

    /// A message with a new idempotency key.
    public init(target: TargetSpec, text: String) {
        self.target = target
        self.text = text
        clientMessageID = Hex.encode(SecureRandom.bytes(16))
    }

    /// Fails with `too_large` when the text is longer than a message may be.
    package func checkSize() throws(MeshError) {
        let (size, limit) = (text.utf8.count, DeliveryPolicy.maximumBodyBytes)
        guard size > limit else { return }
        throw MeshError(
            .tooLarge, "the text has \(size) bytes; a message has at most \(limit)",
            hint: "send it in parts, or say where it can be fetched")
    }

    /// A message to one target: a name, a key, `@group`, `#topic` or `*`.
    public init(to target: String, text: String) { self.init(target: TargetSpec([target]), text: text) }
}

/// What the broker answered to a send: it is on disk.
public struct SendResult: Sendable, Hashable {
    /// The message's public id.
    public var messageID: String
    /// How many recipients it has.
    public var recipients: Int
    /// True when it was a retry of a message that was stored before.
    public var isDuplicate: Bool

    init(_ ack: SendAck) {
        messageID = ack.messageId
        recipients = ack.recipients ?? 0
        isDuplicate = ack.duplicate ?? false
    }
}

/// Something that happened in the mesh or to the connection.
public enum MeshEvent: Sendable, Hashable {
    /// The session is attached.
    case connected
    /// The connection was lost; the client connects again by itself.
    case disconnected(String)
    /// A peer joined: name and facts.
    case peerJoined(JSONObject)
    /// A peer came back.
    case peerReturned(JSONObject)
    /// A peer left.
    case peerLeft(JSONObject)
    /// A delivery of a message that asked for receipts, or is watched, changed.
    case receipt(ReceiptPush)
    /// Anything else, by its name.
    case other(String, JSONObject)
}

/// What a watch of the state gives.
public enum StateUpdate: Sendable, Hashable {
    /// All keys of the prefix, and the revision that this is. Comes first, and again after a reconnection.
    case snapshot([StateList.Entry], revision: Int64)
    /// The changes of one write.
    case changes([StateChanges.Change], revision: Int64, updatedBy: Author)

    /// Who wrote: the key decides, the name is for people.
    public struct Author: Sendable, Hashable {
        /// The member's name.
        public var name: String
        /// The member's key; nil when the broker does not say it.
        public var key: PublicKey?
        /// Makes an author.
        public init(name: String, key: PublicKey?) {
            self.name = name
            self.key = key
        }
    }
}
