/// Makes a topic; one that exists is joined.
public struct CreateTopic: Request {
    /// Its name.
    public var name: String
    /// What it is about.
    public var description: String?
    /// Who may enter; everyone when absent.
    public var visibility: TopicVisibility?
    /// Makes a request.
    public init(name: String, description: String? = nil, visibility: TopicVisibility? = nil) {
        self.name = name
        self.description = description
        self.visibility = visibility
    }
    public static let type = "topic_create"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Make a topic and lead it; one that exists is joined."
    public static let fields = [
        "name":
            "1 to 64 letters with marks, digits, `_`, `-`, `.`, and `/` between nested names; NFC.",
        "description": "What it is about, at most 512 bytes.",
        "visibility": "`public` (absent means this), `private` or `dm`: the last two are entered through a lead.",
    ]
    public typealias Answer = TopicCreated
}

/// A topic was made, or was there.
public struct TopicCreated: Reply {
    /// The topic in short.
    public struct Short: Codable, Sendable, Hashable {
        /// Its id.
        public var id: String
        /// Its name.
        public var name: String
        /// Who may enter.
        public var visibility: TopicVisibility
        /// Makes one.
        public init(id: String, name: String, visibility: TopicVisibility) {
            self.id = id
            self.name = name
            self.visibility = visibility
        }
    }
    public static let type = "topic_created"
    /// The topic.
    public var topic: Short
    /// False when it was there before.
    public var created: Bool
    /// Makes an answer.
    public init(topic: Short, created: Bool) {
        self.topic = topic
        self.created = created
    }
}

/// Lists topics.
public struct ListTopics: PagedRequest {
    /// Only topics after this one: `next` of the page before.
    public var after: String?
    /// Makes a request.
    public init(after: String? = nil) { self.after = after }
    public static let type = "topic_list"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help =
        "Topics that the caller may see, by name, with what it has not read; `next` when more follow."
    public static let fields = ["after": "Only what follows: `next` of the page before."]
    public typealias Answer = TopicList
}

/// Topics.
public struct TopicList: PagedReply {
    /// One topic.
    public struct Row: Codable, Sendable, Hashable {
        /// Its id.
        public var id: String
        /// Its name.
        public var name: String
        /// What it is about.
        @Nullable public var description: String?
        /// Who may enter.
        public var visibility: TopicVisibility
        /// How many members it has.
        public var memberCount: Int
        /// ISO 8601.
        public var createdAt: String
        /// The caller's role; absent when it did not join.
        public var role: TopicRole?
        /// Messages of others that the caller has not read, counted to 1,000; absent when it did not join.
        public var unread: Int?
        /// Those of them that mention the caller.
        public var mentions: Int?
        /// Makes a row.
        public init(
            id: String, name: String, description: String?, visibility: TopicVisibility, memberCount: Int,
            createdAt: String
        ) {
            self.id = id
            self.name = name
            _description = Nullable(wrappedValue: description)
            self.visibility = visibility
            self.memberCount = memberCount
            self.createdAt = createdAt
        }
    }
    public static let type = "topic_list_response"
    /// By name.
    public var topics: [Row]
    /// What the next page comes after; nil when this is the last.
    public var next: String?
    /// Makes an answer.
    public init(topics: [Row], next: String? = nil) {
        self.topics = topics
        self.next = next
    }
    public mutating func append(_ page: TopicList) {
        topics += page.topics
        next = page.next
    }
}

/// Joins a topic, or lets another member in.
public struct JoinTopic: Request {
    /// The topic.
    public var topic: String
    /// The role.
    public var role: TopicRole?
    /// Another member.
    public var member: String?
    /// Makes a request.
    public init(topic: String, role: TopicRole? = nil, member: String? = nil) {
        self.topic = topic
        self.role = role
        self.member = member
    }
    public static let type = "topic_join"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help = "Join a topic; a lead lets others in and gives them roles."
    public static let fields = [
        "topic": "Its id or name.",
        "role":
            "`member` (absent means this), `observer` or `lead`; who is in keeps its role unless a lead changes it.",
        "member": "The name or key of another member, for a lead; absent means the caller.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = TopicJoined
}

/// A member belongs to a topic.
public struct TopicJoined: Reply {
    public static let type = "topic_joined"
    /// The topic's name.
    public var topic: String
    /// The topic's id.
    public var topicId: String
    /// The member's name.
    public var member: String
    /// Its role.
    public var role: TopicRole
    /// Makes an answer.
    public init(topic: String, topicId: String, member: String, role: TopicRole) {
        self.topic = topic
        self.topicId = topicId
        self.member = member
        self.role = role
    }
}

/// Leaves a topic, or takes another member out.
public struct LeaveTopic: Request {
    /// The topic.
    public var topic: String
    /// Another member.
    public var member: String?
    /// Makes a request.
    public init(topic: String, member: String? = nil) {
        self.topic = topic
        self.member = member
    }
    public static let type = "topic_leave"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help = "Leave a topic; a lead takes others out."
    public static let fields = [
        "topic": "Its id or name.",
        "member": "The name or key of another member, for a lead; absent means the caller.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = TopicLeft
}

/// A member does not belong to a topic any more.
public struct TopicLeft: Reply {
    public static let type = "topic_left"
    /// The topic's name.
    public var topic: String
    /// The member's name.
    public var member: String
    /// Makes an answer.
    public init(topic: String, member: String) {
        self.topic = topic
        self.member = member
    }
}

/// Lists a topic's members.
public struct ListTopicMembers: PagedRequest {
    /// The topic.
    public var topic: String
    /// Only members after this one: `next` of the page before.
    public var after: String?
    /// Makes a request.
    public init(topic: String, after: String? = nil) {
        self.topic = topic
        self.after = after
    }
    public static let type = "topic_members"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "A topic's members, in the order of joining the mesh; `next` when more follow."
    public static let fields = [
        "topic": "Its id or name.", "after": "Only what follows: `next` of the page before.",
    ]
    public typealias Answer = TopicMembers
}

/// A topic's members.
public struct TopicMembers: PagedReply {
    /// One member.
    public struct Row: Codable, Sendable, Hashable {
        /// Its id.
        public var memberId: String
        /// Its key.
        public var pubkey: PublicKey
        /// Its name.
        public var displayName: String
        /// Its role in the topic.
        public var role: TopicRole
        /// ISO 8601.
        public var joinedAt: String
        /// ISO 8601 of its last `topic_mark_read`.
        @Nullable public var lastReadAt: String?
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
            _lastReadAt = Nullable(wrappedValue: lastReadAt)
        }
    }
    public static let type = "topic_members_response"
    /// The topic, as it was asked for.
    public var topic: String
    /// In the order of joining the mesh.
    public var members: [Row]
    /// What the next page comes after; nil when this is the last.
    public var next: String?
    /// Makes an answer.
    public init(topic: String, members: [Row], next: String? = nil) {
        self.topic = topic
        self.members = members
        self.next = next
    }
    public mutating func append(_ page: TopicMembers) {
        members += page.members
        next = page.next
    }
}

/// Reads a topic's history.
public struct TopicHistory: Request {
    /// The topic.
    public var topic: String
    /// At most this many.
    public var limit: Int?
    /// Only messages before this one.
    public var beforeId: String?
    /// Makes a request.
    public init(topic: String, limit: Int? = nil, beforeId: String? = nil) {
        self.topic = topic
        self.limit = limit
        self.beforeId = beforeId
    }
    public static let type = "topic_history"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "A topic's messages, newest first; a page of large ones may hold fewer than asked for."
    public static let fields = [
        "topic": "Its id or name.", "limit": "1 to 200; 50 when absent.",
        "beforeId": "Only messages before the one with this id: the last of the page before.",
    ]
    public typealias Answer = TopicHistoryPage
}

/// One message of a topic.
public struct TopicMessage: Codable, Sendable, Hashable {
    /// The message's id, the same as in its push.
    public var id: String
    /// The topic's name.
    public var topic: String
    /// The sender's session key, or its member key when it has none.
    public var senderPubkey: String
    /// The sender's member id.
    public var senderMemberId: String
    /// The sender's member name.
    public var senderName: String
    /// The sender's member key.
    public var senderMemberPubkey: PublicKey?
    /// Base64.
    public var nonce: String
    /// Base64 of the text.
    public var ciphertext: String
    /// The form of the body: 1 is text.
    public var bodyVersion: Int
    /// The message that it answers.
    public var replyToId: String?
    /// Names that it mentions.
    public var mentions: [String]?
    /// ISO 8601.
    public var createdAt: String
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
}

/// A page of a topic's history.
public struct TopicHistoryPage: Reply {
    public static let type = "topic_history_response"
    /// The topic, as it was asked for.
    public var topic: String
    /// Newest first.
    public var messages: [TopicMessage]
    /// Whether there are older ones.
    public var more: Bool
    /// Makes an answer.
    public init(topic: String, messages: [TopicMessage], more: Bool) {
        self.topic = topic
        self.messages = messages
        self.more = more
    }
}

/// Moves the caller's read mark.
public struct MarkTopicRead: Request {
    /// The topic.
    public var topic: String
    /// The last message that was read.
    public var upToId: String?
    /// Makes a request.
    public init(topic: String, upToId: String? = nil) {
        self.topic = topic
        self.upToId = upToId
    }
    public static let type = "topic_mark_read"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help = "Say how far the caller's member has read; the mark never goes back."
    public static let fields = [
        "topic": "Its id or name.", "upToId": "The last message that was read; the newest one when absent.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = TopicRead
}

/// How far a member has read.
public struct TopicRead: Reply {
    public static let type = "topic_read"
    /// The topic's name.
    public var topic: String
    /// Messages of others after the mark, counted to 1,000.
    public var unread: Int
    /// Makes an answer.
    public init(topic: String, unread: Int) {
        self.topic = topic
        self.unread = unread
    }
}

/// Lists messages that mention the caller.
public struct ListMentions: Request {
    /// At most this many.
    public var limit: Int?
    /// Only messages before this one.
    public var beforeId: String?
    /// Only those beyond the read marks.
    public var unread: Bool?
    /// Makes a request.
    public init(limit: Int? = nil, beforeId: String? = nil, unread: Bool? = nil) {
        self.limit = limit
        self.beforeId = beforeId
        self.unread = unread
    }
    public static let type = "topic_mentions"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Messages in topics that mention the caller's member, newest first."
    public static let fields = [
        "limit": "1 to 200; 50 when absent.", "beforeId": "Only messages before the one with this id.",
        "unread": "`true`: only those beyond the caller's read marks.",
    ]
    public typealias Answer = MentionList
}

/// Messages that mention a member.
public struct MentionList: Reply {
    public static let type = "topic_mentions_response"
    /// Newest first.
    public var messages: [TopicMessage]
    /// True when older ones were left out that `limit` would have allowed; `beforeId` asks for them.
    public var more: Bool?
    /// Makes an answer.
    public init(messages: [TopicMessage], more: Bool? = nil) {
        self.messages = messages
        self.more = more
    }
}

extension TopicVisibility: JSONSchemaProviding {}
extension TopicRole: JSONSchemaProviding {}
