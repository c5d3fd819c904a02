/// Lists the sessions of a member.
public struct ListSessions: ReadRequest {
    @Field("A name or key; the caller's own member when absent.") public var member: String?
    public init(member: String? = nil) { self.member = member }
    public static let declaration = RequestDeclaration(
        "list_sessions", "List the sessions of the caller's member, oldest first; admins may list another member's.",
        needs: .observe, about: .member("member"), http: .get("sessions"), hints: .idempotent,
        errors: [.notFound, .ambiguousTarget])
    public typealias Answer = SessionList
    public init() {}
}

/// The sessions of a member.
public struct SessionList: Reply, Declared {
    /// One session.
    public struct Row: Declared, Hashable {
        @Field("Its key, 64 hex; for a session without one, its substitute.") public var session: String
        @Field("Its label.") public var label: String?
        @Field("Whether its key is stored on its client's disk: the session then stays until it is removed.")
        public var durable: Bool
        @Field("Whether it proved its key.") public var sessionProven: Bool
        @Field("`online`, `grace` (connection just lost), `away`, or `gone` (not expected back).")
        public var connection: String
        @Field("ISO 8601 time of the last attachment; absent when it was never attached.")
        public var connectedAt: String?
        @Field("ISO 8601 time when it was last seen.") public var lastSeenAt: String
        @Field("Messages that wait for it.") public var pending: Int
        @Field("The client program that it reported.") public var channel: String?
        @Field("True for the caller's own session.") public var you: Bool?
        public init() {}
    }
    public static let type = "session_list"
    @Field("Whose they are.") public var member: String
    @Field("The key of that member.") public var pubkey: PublicKey
    @Field("The maximum number of sessions of a member.") public var limit: Int
    @Field("In the order in which they were first seen.") public var sessions: [Row]
    @Field("The number of sessions, when the answer omits some: the rest is listed when some are removed.")
    public var sessionCount: Int?
    public init(member: String, pubkey: PublicKey, limit: Int, sessions: [Row]) {
        self.member = member
        self.pubkey = pubkey
        self.limit = limit
        self.sessions = sessions
    }
    public init() {}
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
public struct RemoveSession: WriteRequest {
    @Field("Its key, a unique prefix of 8 characters or more, or its label.") public var session: String
    @Field("A name or key; the caller's own member when absent.") public var member: String?
    public init(session: String, member: String? = nil) {
        self.session = session
        self.member = member
    }
    public static let declaration = RequestDeclaration(
        "remove_session",
        "Remove a session of the caller's member, except the calling one; admins may remove another member's.",
        needs: .observe, about: .member("member"), http: .delete("sessions/{session}"), hints: .destructive,
        errors: [.notFound, .ambiguousTarget])
    public typealias Answer = SessionRemoved
    public init() {}
}

/// A session that was removed.
public struct SessionRemoved: Reply, Declared {
    public static let type = "session_removed"
    @Field("Its key; for a session without one, its substitute.") public var session: String
    @Field("Its label.") public var label: String?
    @Field("Whose it was.") public var member: String
    @Field("The number of waiting messages that became dead letters.") public var abandoned: Int
    public init(session: String, label: String?, member: String, abandoned: Int) {
        self.session = session
        self.label = label
        self.member = member
        self.abandoned = abandoned
    }
    public init() {}
}
