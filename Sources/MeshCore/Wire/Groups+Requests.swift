/// One group of a session, with the free role that it plays there.
public struct GroupMembership: Codable, Sendable, Hashable {
    /// The group's name; `/` nests: `@eng` reaches `eng/web`.
    public var name: String
    /// What the session is in the group.
    public var role: String?
    /// Makes a membership.
    public init(name: String, role: String? = nil) {
        self.name = name
        self.role = role
    }

    /// With the name as it is stored and compared.
    package var normalised: GroupMembership { GroupMembership(name: Names.normalised(name), role: role) }
}

/// Joins a group, or changes the role in it.
public struct JoinGroup: Request {
    /// The group.
    public var name: String
    /// The role in it.
    public var role: String?
    /// Makes a request.
    public init(name: String, role: String? = nil) {
        self.name = name
        self.role = role
    }
    public static let type = "join_group"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Join a group; joining again changes the role."
    public static let fields = [
        "name":
            "1 to 64 letters with marks, digits, `_`, `-`, `.`, and `/` between nested names; NFC.",
        "role": "Free text, at most 64 bytes.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = GroupsOfSession
}

/// Leaves a group.
public struct LeaveGroup: Request {
    /// The group.
    public var name: String
    /// Makes a request.
    public init(name: String) { self.name = name }
    public static let type = "leave_group"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Leave a group."
    public static let fields = ["name": "The group."]
    public static let isSilentForVersion1 = true
    public typealias Answer = GroupsOfSession
}

/// The groups that the caller's session belongs to.
public struct GroupsOfSession: Reply {
    public static let type = "groups"
    /// In the order of joining.
    public var groups: [GroupMembership]
    /// Makes an answer.
    public init(groups: [GroupMembership]) { self.groups = groups }
}

/// Lists all groups.
public struct ListGroups: Request {
    /// Makes a request.
    public init() {}
    public static let type = "list_groups"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "All groups with their members, by name."
    public static let fields: [String: String] = [:]
    public typealias Answer = GroupList
}

/// All groups of a mesh.
public struct GroupList: Reply {
    /// One group.
    public struct Group: Codable, Sendable, Hashable {
        /// The name.
        public var name: String
        /// Who belongs to it.
        public var members: [Seat]
        /// Makes a group.
        public init(name: String, members: [Seat]) {
            self.name = name
            self.members = members
        }
    }
    /// One session in a group.
    public struct Seat: Codable, Sendable, Hashable {
        /// The member's name.
        public var name: String
        /// The session's label.
        public var label: String?
        /// The session key.
        public var pubkey: String
        /// Its role in the group.
        public var role: String?
        /// Makes a seat.
        public init(name: String, label: String?, pubkey: String, role: String?) {
            self.name = name
            self.label = label
            self.pubkey = pubkey
            self.role = role
        }
    }
    public static let type = "group_list"
    /// By name.
    public var groups: [Group]
    /// Makes an answer.
    public init(groups: [Group]) { self.groups = groups }
}
