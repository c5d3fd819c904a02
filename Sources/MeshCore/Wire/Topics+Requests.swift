/// Makes a topic; one that exists is joined.
public struct CreateTopic: WriteRequest {
    @Field("The topic's name.", .text(.topicName)) public var name: String
    @Field("What it is about.", .bytes(0...512)) public var description: String?
    @Field("The topic's visibility; `private` and `dm` are joined through a lead.", default: "public")
    public var visibility: TopicVisibility?
    public init(name: String, description: String? = nil, visibility: TopicVisibility? = nil) {
        self.name = name
        self.description = description
        self.visibility = visibility
    }
    public static let declaration = RequestDeclaration(
        "topic_create", "Create a topic and lead it; an existing one is joined.", needs: .send, about: .topic("name"),
        http: .create("topics"), hints: .idempotent, errors: [.exists, .capacity])
    public typealias Answer = TopicCreated
    public init() {}
}

/// A topic was made, or was there.
public struct TopicCreated: Reply, Declared {
    /// The topic in short.
    public struct Short: Declared, Hashable {
        @Field("Its id.") public var id: String
        @Field("Its name.") public var name: String
        @Field("Who may enter.") public var visibility: TopicVisibility
        /// Makes one.
        public init(id: String, name: String, visibility: TopicVisibility) {
            self.id = id
            self.name = name
            self.visibility = visibility
        }
        public init() {}
    }
    public static let type = "topic_created"
    @Field("The topic.") public var topic: Short
    @Field("False when it already existed.") public var created: Bool
    public init(topic: Short, created: Bool) {
        self.topic = topic
        self.created = created
    }
    public init() {}
}

/// Lists topics.
public struct ListTopics: PagedRequest {
    @Field("The start of the page: `next` of the previous page.") public var after: String?
    public init(after: String? = nil) { self.after = after }
    public static let declaration = RequestDeclaration(
        "topic_list", "List topics that the caller may see, by name, with unread counts; `next` when more follow.",
        needs: .observe, http: .get("topics"), hints: .idempotent)
    public typealias Answer = TopicList
    public init() {}
}

/// Topics.
public struct TopicList: PagedReply, Declared {
    /// One topic.
    public struct Row: Declared, Hashable {
        @Field("Its id.") public var id: String
        @Field("Its name.") public var name: String
        @NullableField("What it is about.") public var description: String?
        @Field("Who may enter.") public var visibility: TopicVisibility
        @Field("How many members it has.") public var memberCount: Int
        @Field("ISO 8601.") public var createdAt: String
        @Field("The caller's role; absent when it did not join.") public var role: TopicRole?
        @Field("Messages of others that the caller has not read, counted to 1,000; absent when it did not join.")
        public var unread: Int?
        @Field("Those of them that mention the caller.") public var mentions: Int?
        /// Makes a row.
        public init(
            id: String, name: String, description: String?, visibility: TopicVisibility, memberCount: Int,
            createdAt: String
        ) {
            self.id = id
            self.name = name
            self.description = description
            self.visibility = visibility
            self.memberCount = memberCount
            self.createdAt = createdAt
        }
        public init() {}
    }
    public static let type = "topic_list_response"
    @Field("By name.") public var topics: [Row]
    @Field("The `after` of the next page; nil when this is the last.") public var next: String?
    public init(topics: [Row], next: String? = nil) {
        self.topics = topics
        self.next = next
    }
    public mutating func append(_ page: TopicList) {
        topics += page.topics
        next = page.next
    }
    public init() {}
}

/// Joins a topic, or lets another member in.
public struct JoinTopic: WriteRequest {
    @Field("Its id or name.") public var topic: String
    @Field("`member` (absent means this), `observer` or `lead`; members keep their role unless a lead changes it.")
    public var role: TopicRole?
    @Field("The name or key of another member, for a lead; absent means the caller.") public var member: String?
    public init(topic: String, role: TopicRole? = nil, member: String? = nil) {
        self.topic = topic
        self.role = role
        self.member = member
    }
    public static let declaration = RequestDeclaration(
        "topic_join", "Join a topic; a lead adds others and sets their roles.", needs: .observe,
        about: .topic("topic"), http: .put("topics/{topic}/membership"), hints: .idempotent,
        errors: [.notFound, .ambiguousTarget], isSilentForVersion1: true)
    public typealias Answer = TopicJoined
    public init() {}
}

/// A member belongs to a topic.
public struct TopicJoined: Reply, Declared {
    public static let type = "topic_joined"
    @Field("The topic's name.") public var topic: String
    @Field("The topic's id.") public var topicId: String
    @Field("The member's name.") public var member: String
    @Field("Its role.") public var role: TopicRole
    public init(topic: String, topicId: String, member: String, role: TopicRole) {
        self.topic = topic
        self.topicId = topicId
        self.member = member
        self.role = role
    }
    public init() {}
}

/// Leaves a topic, or takes another member out.
public struct LeaveTopic: WriteRequest {
    @Field("Its id or name.") public var topic: String
    @Field("The name or key of another member, for a lead; absent means the caller.") public var member: String?
    public init(topic: String, member: String? = nil) {
        self.topic = topic
        self.member = member
    }
    public static let declaration = RequestDeclaration(
        "topic_leave", "Leave a topic; a lead removes others.", needs: .observe, about: .topic("topic"),
        http: .delete("topics/{topic}/membership"), errors: [.notFound, .ambiguousTarget], isSilentForVersion1: true)
    public typealias Answer = TopicLeft
    public init() {}
}

/// A member does not belong to a topic any more.
public struct TopicLeft: Reply, Declared {
    public static let type = "topic_left"
    @Field("The topic's name.") public var topic: String
    @Field("The member's name.") public var member: String
    public init(topic: String, member: String) {
        self.topic = topic
        self.member = member
    }
    public init() {}
}

/// Lists a topic's members.
public struct ListTopicMembers: PagedRequest {
    @Field("Its id or name.") public var topic: String
    @Field("The start of the page: `next` of the previous page.") public var after: String?
    public init(topic: String, after: String? = nil) {
        self.topic = topic
        self.after = after
    }
    public static let declaration = RequestDeclaration(
        "topic_members", "List a topic's members, in the order of joining the mesh; `next` when more follow.",
        needs: .observe, about: .topic("topic"), http: .get("topics/{topic}/members"), hints: .idempotent,
        errors: [.notFound])
    public typealias Answer = TopicMembers
    public init() {}
}

/// A topic's members.
public struct TopicMembers: PagedReply, Declared {
    /// One member.
    public struct Row: Declared, Hashable {
        @Field("Its id.") public var memberId: String
        @Field("Its key.") public var pubkey: PublicKey
        @Field("Its name.") public var displayName: String
        @Field("Its role in the topic.") public var role: TopicRole
        @Field("ISO 8601.") public var joinedAt: String
        @NullableField("ISO 8601 of its last `topic_mark_read`.") public var lastReadAt: String?
        /// Makes a row.
        public init(
            memberId: String, pubkey: PublicKey, displayName: String, role: TopicRole, joinedAt: String,
            lastReadAt: String?
        ) {
            self.memberId = memberId
            self.pubkey = pubkey
            self.displayName = displayName
            self.role = role
            self.joinedAt = joinedAt
            self.lastReadAt = lastReadAt
        }
        public init() {}
    }
    public static let type = "topic_members_response"
    @Field("The topic, as requested.") public var topic: String
    @Field("In the order of joining the mesh.") public var members: [Row]
    @Field("The `after` of the next page; nil when this is the last.") public var next: String?
    public init(topic: String, members: [Row], next: String? = nil) {
        self.topic = topic
        self.members = members
        self.next = next
    }
    public mutating func append(_ page: TopicMembers) {
        members += page.members
        next = page.next
    }
    public init() {}
}

/// Reads a topic's history.
public struct TopicHistory: ReadRequest {
    @Field("Its id or name.") public var topic: String
    @Field("The maximum number of rows.", .range(1...200), default: 50) public var limit: Int?
    @Field("Only messages before the one with this id: the last of the previous page.") public var beforeId: String?
    public init(topic: String, limit: Int? = nil, beforeId: String? = nil) {
        self.topic = topic
        self.limit = limit
        self.beforeId = beforeId
    }
    public static let declaration = RequestDeclaration(
        "topic_history", "List a topic's messages, newest first; fewer than requested when they are large.",
        needs: .observe, about: .topic("topic"), http: .get("topics/{topic}/messages"), hints: .idempotent,
        errors: [.notFound])
    public typealias Answer = TopicHistoryPage
    public init() {}
}

/// One message of a topic.
public struct TopicMessage: Declared, Hashable {
    @Field("The message's id, the same as in its push.") public var id: String
    @Field("The topic's name.") public var topic: String
    @Field("The sender's session key, or its member key when it has none.") public var senderPubkey: String
    @Field("The sender's member id.") public var senderMemberId: String
    @Field("The sender's member name.") public var senderName: String
    @Field("The sender's member key.") public var senderMemberPubkey: PublicKey?
    @Field("Base64.") public var nonce: String
    @Field("Base64 of the text.") public var ciphertext: String
    @Field("The form of the body: 1 is text.") public var bodyVersion: Int
    @Field("The message that it answers.") public var replyToId: String?
    @Field("Names that it mentions.") public var mentions: [String]?
    @Field("ISO 8601.") public var createdAt: String
    /// Makes a message.
    public init(
        id: String, topic: String, senderPubkey: String, senderMemberId: String, senderName: String, nonce: String,
        ciphertext: String, bodyVersion: Int, replyToId: String?, mentions: [String]?, createdAt: String
    ) {
        self.id = id
        self.topic = topic
        self.senderPubkey = senderPubkey
        self.senderMemberId = senderMemberId
        self.senderName = senderName
        self.nonce = nonce
        self.ciphertext = ciphertext
        self.bodyVersion = bodyVersion
        self.replyToId = replyToId
        self.mentions = mentions
        self.createdAt = createdAt
    }
    public init() {}
}

/// A page of a topic's history.
public struct TopicHistoryPage: Reply, Declared {
    public static let type = "topic_history_response"
    @Field("The topic, as requested.") public var topic: String
    @Field("Newest first.") public var messages: [TopicMessage]
    @Field("Whether there are older ones.") public var more: Bool
    public init(topic: String, messages: [TopicMessage], more: Bool) {
        self.topic = topic
        self.messages = messages
        self.more = more
    }
    public init() {}
}

/// Moves the caller's read mark.
public struct MarkTopicRead: WriteRequest {
    @Field("Its id or name.") public var topic: String
    @Field("The last message that was read; the newest one when absent.") public var upToId: String?
    public init(topic: String, upToId: String? = nil) {
        self.topic = topic
        self.upToId = upToId
    }
    public static let declaration = RequestDeclaration(
        "topic_mark_read", "Set how far the caller's member has read; the mark never moves back.", needs: .observe,
        about: .topic("topic"), http: .put("topics/{topic}/read-mark"), hints: .idempotent, errors: [.notFound],
        isSilentForVersion1: true)
    public typealias Answer = TopicRead
    public init() {}
}

/// How far a member has read.
public struct TopicRead: Reply, Declared {
    public static let type = "topic_read"
    @Field("The topic's name.") public var topic: String
    @Field("Messages of others after the mark, counted to 1,000.") public var unread: Int
    public init(topic: String, unread: Int) {
        self.topic = topic
        self.unread = unread
    }
    public init() {}
}

/// Lists messages that mention the caller.
public struct ListMentions: ReadRequest {
    @Field("The maximum number of rows.", .range(1...200), default: 50) public var limit: Int?
    @Field("Only messages before the one with this id.") public var beforeId: String?
    @Field("`true`: only those beyond the caller's read marks.") public var unread: Bool?
    public init(limit: Int? = nil, beforeId: String? = nil, unread: Bool? = nil) {
        self.limit = limit
        self.beforeId = beforeId
        self.unread = unread
    }
    public static let declaration = RequestDeclaration(
        "topic_mentions", "List messages in topics that mention the caller's member, newest first.", needs: .observe,
        about: .caller, http: .get("mentions"), hints: .idempotent, errors: [.notFound])
    public typealias Answer = MentionList
    public init() {}
}

/// Messages that mention a member.
public struct MentionList: Reply, Declared {
    public static let type = "topic_mentions_response"
    @Field("Newest first.") public var messages: [TopicMessage]
    @Field("True when older ones within `limit` were left out; `beforeId` requests them.")
    public var more: Bool?
    public init(messages: [TopicMessage], more: Bool? = nil) {
        self.messages = messages
        self.more = more
    }
    public init() {}
}
