/// One group of a session, with the free role that it plays there.
public struct GroupMembership: Declared, Hashable {
    @Field("The group's name; `/` nests: `@eng` reaches `eng/web`.") public var name: String
    @Field("The session's role in the group.") public var role: String?
    /// Makes a membership.
    public init(name: String, role: String? = nil) {
        self.name = name
        self.role = role
    }

    /// With the name as it is stored and compared.
    package var normalised: GroupMembership { GroupMembership(name: Names.normalised(name), role: role) }
    public init() {}
}

/// Joins a group, or changes the role in it.
public struct JoinGroup: WriteRequest {
    @Field("The group.", .text(.groupName)) public var name: String
    @Field("The session's role in it, free text.", .bytes(0...64)) public var role: String?
    public init(name: String, role: String? = nil) {
        self.name = name
        self.role = role
    }
    public static let declaration = RequestDeclaration(
        "join_group", "Join a group; joining again changes the role.", needs: .send, about: .group("name"),
        http: .put("groups/{name}/membership"), hints: .idempotent, errors: [.capacity], isSilentForVersion1: true)
    public typealias Answer = GroupsOfSession
    public init() {}
}

/// Leaves a group.
public struct LeaveGroup: WriteRequest {
    @Field("The group.") public var name: String
    public init(name: String) { self.name = name }
    public static let declaration = RequestDeclaration(
        "leave_group", "Leave a group.", needs: .send, about: .group("name"), http: .delete("groups/{name}/membership"),
        errors: [.notFound], isSilentForVersion1: true)
    public typealias Answer = GroupsOfSession
    public init() {}
}

/// The groups that the caller's session belongs to.
public struct GroupsOfSession: Reply, Declared {
    public static let type = "groups"
    @Field("In the order of joining.") public var groups: [GroupMembership]
    public init(groups: [GroupMembership]) { self.groups = groups }
    public init() {}
}

/// Lists all groups.
public struct ListGroups: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "list_groups", "List all groups with their members, by name.", needs: .observe, http: .get("groups"),
        hints: .idempotent)
    public typealias Answer = GroupList
}

/// All groups of a mesh.
public struct GroupList: Reply, Declared {
    /// One group.
    public struct Group: Declared, Hashable {
        @Field("The name.") public var name: String
        @Field("The group's members.") public var members: [Seat]
        /// Makes a group.
        public init(name: String, members: [Seat]) {
            self.name = name
            self.members = members
        }
        public init() {}
    }
    /// One session in a group.
    public struct Seat: Declared, Hashable {
        @Field("The member's name.") public var name: String
        @Field("The session's label.") public var label: String?
        @Field("The session key.") public var pubkey: String
        @Field("Its role in the group.") public var role: String?
        /// Makes a seat.
        public init(name: String, label: String?, pubkey: String, role: String?) {
            self.name = name
            self.label = label
            self.pubkey = pubkey
            self.role = role
        }
        public init() {}
    }
    public static let type = "group_list"
    @Field("By name.") public var groups: [Group]
    public init(groups: [Group]) { self.groups = groups }
    public init() {}
}
