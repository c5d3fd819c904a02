/// Lists the sessions of a member.
public struct ListSessions: Request {
    /// The member, by name or key; the caller's own when absent.
    public var member: String?
    /// Makes a request.
    public init(member: String? = nil) { self.member = member }
    public static let type = "list_sessions"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The sessions of the caller's member, oldest first; admins may ask for another member's."
    public static let fields = ["member": "A name or key; the caller's own member when absent."]
    public typealias Answer = SessionList
}

/// The sessions of a member.
public struct SessionList: Reply {
    /// One session.
    public struct Row: Codable, Sendable, Hashable {
        /// Its key, 64 hex; for a session without one, what stands for it.
        public var session: String
        /// Its label.
        public var label: String?
        /// Whether its key is kept on its client's disk: then it stays until it is removed.
        public var durable: Bool
        /// Whether it proved its key.
        public var sessionProven: Bool
        /// `online`, `grace` (connection just lost), `away`, or `gone` (not expected back).
        public var connection: String
        /// ISO 8601 time of the last attachment; absent when it was never attached.
        public var connectedAt: String?
        /// ISO 8601 time when it was last seen.
        public var lastSeenAt: String
        /// Messages that wait for it.
        public var pending: Int
        /// The client program that it named.
        public var channel: String?
        /// True for the caller's own session.
        public var you: Bool?
    }
    public static let type = "session_list"
    /// Whose they are.
    public var member: String
    /// The key of that member.
    public var pubkey: PublicKey
    /// How many sessions a member has at most.
    public var limit: Int
    /// In the order in which they were first seen.
    public var sessions: [Row]
    /// How many there are, when the answer does not hold all of them: the rest is listed when some were removed.
    public var sessionCount: Int?
    /// Makes an answer.
    public init(member: String, pubkey: PublicKey, limit: Int, sessions: [Row]) {
        self.member = member
        self.pubkey = pubkey
        self.limit = limit
        self.sessions = sessions
    }
}

extension SessionList.Row {
    /// Makes the row of a session.
    public init(session: Session, pending: Int, you: Bool, now: Int64) {
        self.session = session.keyHex
        label = session.label
        durable = !session.isForeign
        sessionProven = session.isProven
        connection = session.isGone ? "gone" : session.attachment.name
        connectedAt = session.attachedAt > 0 ? Timestamp.iso8601(session.attachedAt) : nil
        lastSeenAt = Timestamp.iso8601(session.attachment.isAttached ? now : session.lastSeenAt)
        self.pending = pending
        channel = session.info.channel
        self.you = you ? true : nil
    }
}

/// Removes a session: its connections end, what waits for it becomes dead letters.
public struct RemoveSession: Request {
    /// Its key, a unique prefix of 8 characters or more, or its label.
    public var session: String
    /// The member, by name or key; the caller's own when absent.
    public var member: String?
    /// Makes a request.
    public init(session: String, member: String? = nil) {
        self.session = session
        self.member = member
    }
    public static let type = "remove_session"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help =
        "Remove a session of the caller's member, not the one that asks; admins may remove another member's."
    public static let fields = [
        "session": "Its key, a unique prefix of 8 characters or more, or its label.",
        "member": "A name or key; the caller's own member when absent.",
    ]
    public typealias Answer = SessionRemoved
}

/// A session that was removed.
public struct SessionRemoved: Reply {
    public static let type = "session_removed"
    /// Its key; for a session without one, what stood for it.
    public var session: String
    /// Its label.
    public var label: String?
    /// Whose it was.
    public var member: String
    /// Messages that waited for it and are dead letters now.
    public var abandoned: Int
    /// Makes an answer.
    public init(session: String, label: String?, member: String, abandoned: Int) {
        self.session = session
        self.label = label
        self.member = member
        self.abandoned = abandoned
    }
}
