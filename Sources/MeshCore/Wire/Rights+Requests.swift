/// Changes what a member may do.
public struct SetRights: WriteRequest {
    @Field("Its name or key.") public var member: String
    @Field("`admin`, `member` or `observer`; as before when absent. Only the owner adds and removes admins.")
    public var role: Role?
    @Field("Rights granted regardless of role: `send`, `write`, and by the owner `admin`. Replaces the list.")
    public var grant: [Permission]?
    @Field("Rights denied regardless of role: `send`, `write`, `admin`. Replaces the list.")
    public var deny: [Permission]?
    public init(member: String, role: Role? = nil, grant: [Permission]? = nil, deny: [Permission]? = nil) {
        self.member = member
        self.role = role
        self.grant = grant
        self.deny = deny
    }
    public static let declaration = RequestDeclaration(
        "set_rights", "Change a member's role, and its rights beyond or below the role.", needs: .admin,
        about: .member("member"), http: .put("members/{member}/rights"), hints: .idempotent,
        errors: [.notFound, .ambiguousTarget])
    public typealias Answer = MemberRights
    public init() {}
}

/// What a member may do.
public struct MemberRights: Reply, Declared {
    public static let type = "member_rights"
    @Field("The name.") public var name: String
    @Field("The key.") public var pubkey: PublicKey
    @Field("The role.") public var role: Role
    @Field("Rights beyond the role.") public var grant: [Permission]
    @Field("Rights taken away.") public var deny: [Permission]
    @Field("The resulting rights.") public var may: [Permission]
    public init(_ member: Member) {
        name = member.name
        pubkey = member.key
        role = member.role
        grant = Permission.allCases.filter(member.granted.contains)
        deny = Permission.allCases.filter(member.denied.contains)
        may = Permission.allCases.filter(member.may)
    }
    public init() {}
}

/// Takes a member out of the mesh.
public struct RemoveMember: WriteRequest {
    @Field("Its name or key. Only the owner removes admins.") public var member: String
    public init(member: String) { self.member = member }
    public static let declaration = RequestDeclaration(
        "remove_member", "Remove a member: its sessions end, its name becomes free. A new invite readmits it.",
        needs: .admin, about: .member("member"), http: .delete("members/{member}"), hints: .destructive,
        errors: [.notFound, .ambiguousTarget], isEssential: true)
    public typealias Answer = MemberRemoved
    public init() {}
}

/// A member was taken out.
public struct MemberRemoved: Reply, Declared {
    public static let type = "member_removed"
    @Field("The name that it had.") public var name: String
    @Field("Its key.") public var pubkey: PublicKey
    @Field("How many sessions ended.") public var sessions: Int
    public init(name: String, pubkey: PublicKey, sessions: Int) {
        self.name = name
        self.pubkey = pubkey
        self.sessions = sessions
    }
    public init() {}
}

/// Takes a member out for good.
public struct Ban: WriteRequest {
    @Field("Its name, key, or unique key prefix of 8 or more. Only the owner bans admins.") public var target: String
    @Field("Kept as a hash in the ledger.", .bytes(0...512)) public var reason: String?
    public init(target: String, reason: String? = nil) {
        self.target = target
        self.reason = reason
    }
    public static let declaration = RequestDeclaration(
        "ban", "Remove a member, and refuse its key until it is unbanned.", needs: .admin, about: .member("target"),
        http: .put("bans/{target}"), hints: .destructive, errors: [.notFound, .ambiguousTarget, .exists])
    public typealias Answer = BanAck
    public init() {}
}

/// A member was banned.
public struct BanAck: Reply, Declared {
    public static let type = "ban_ack"
    @Field("Its name.") public var banned: String
    public init(banned: String) { self.banned = banned }
    public init() {}
}

/// Lifts a ban.
public struct Unban: WriteRequest {
    @Field("Its name or key.") public var target: String
    public init(target: String) { self.target = target }
    public static let declaration = RequestDeclaration(
        "unban", "Lift a ban: the member is restored as it was.", needs: .admin, about: .member("target"),
        http: .delete("bans/{target}"), errors: [.notFound, .ambiguousTarget, .exists])
    public typealias Answer = UnbanAck
    public init() {}
}

/// A ban was lifted.
public struct UnbanAck: Reply, Declared {
    public static let type = "unban_ack"
    @Field("The member's name.") public var unbanned: String
    public init(unbanned: String) { self.unbanned = unbanned }
    public init() {}
}

/// Lists bans.
public struct ListBans: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "list_bans", "Members that are banned.", needs: .admin, http: .get("bans"), hints: .idempotent)
    public typealias Answer = BanList
}

/// Bans.
public struct BanList: Reply, Declared {
    /// One ban.
    public struct Row: Declared, Hashable {
        @Field("The member's name.") public var name: String
        @Field("Its key.") public var pubkey: PublicKey
        @Field("ISO 8601.") public var revokedAt: String
        /// Makes a row.
        public init(name: String, pubkey: PublicKey, revokedAt: String) {
            self.name = name
            self.pubkey = pubkey
            self.revokedAt = revokedAt
        }
        public init() {}
    }
    public static let type = "list_bans_result"
    @Field("In the order of joining.") public var bans: [Row]
    public init(bans: [Row]) { self.bans = bans }
    public init() {}
}

/// Ends connections; their programs are told to stay away.
public struct Kick: WriteRequest {
    @Field("A name, a session's name, a key, or a unique key prefix of 8 or more.") public var target: String?
    @Field("`true`: everybody about whom the caller may decide. Silent connections need no kick: they end after 75 s.")
    public var all: Bool?
    public init(target: String? = nil, all: Bool? = nil) {
        self.target = target
        self.all = all
    }
    public static let declaration = RequestDeclaration(
        "kick", "End the connections of a member or session; its programs stay away until started again.",
        needs: .admin, about: .target("target"), http: .post("kick"), hints: .destructive,
        errors: [.notFound, .unknownTarget, .ambiguousTarget, .noRecipients])
    public typealias Answer = KickAck
    public init() {}
}

/// Whose connections ended.
public struct KickAck: Reply, Declared {
    public static let type = "kick_ack"
    @Field("Names.") public var kicked: [String]
    @Field("The same, under the name that some clients read.") public var affected: [String]
    public init(kicked: [String]) { (self.kicked, affected) = (kicked, kicked) }
    public init() {}
}

/// Ends connections; their programs may connect again.
public struct Disconnect: WriteRequest {
    @Field("A name, a session's name, a key, or a unique key prefix of 8 or more.") public var target: String?
    @Field("`true`: everybody about whom the caller may decide. Silent connections need no kick: they end after 75 s.")
    public var all: Bool?
    public init(target: String? = nil, all: Bool? = nil) {
        self.target = target
        self.all = all
    }
    public static let declaration = RequestDeclaration(
        "disconnect", "End the connections of a member or session; its programs reconnect.", needs: .admin,
        about: .target("target"), http: .post("disconnect"), hints: .destructive,
        errors: [.notFound, .unknownTarget, .ambiguousTarget, .noRecipients])
    public typealias Answer = DisconnectAck
    public init() {}
}

/// Whose connections ended.
public struct DisconnectAck: Reply, Declared {
    public static let type = "disconnect_ack"
    @Field("Names.") public var kicked: [String]
    @Field("The same, under the name that some clients read.") public var affected: [String]
    public init(kicked: [String]) { (self.kicked, affected) = (kicked, kicked) }
    public init() {}
}

/// What a member lets another one send to it.
public enum PeerGrant: String, Sendable, Hashable, CaseIterable, Codable {
    /// Messages to it alone.
    case dm
    /// Messages to groups, topics and everyone.
    case broadcast
}

/// Decides what another member may send to the caller's member.
public struct SetGrants: WriteRequest {
    @Field("Its name or key.") public var peer: String
    @Field("`dm`, `broadcast`, both or none; everything is allowed when absent.") public var grants: [PeerGrant]?
    public init(peer: String, grants: [PeerGrant]?) {
        self.peer = peer
        self.grants = grants
    }
    public static let declaration = RequestDeclaration(
        "set_grants", "Set what another member may send to the caller's member; a blocked sender is not notified.",
        needs: .observe, about: .member("peer"), http: .put("grants/{peer}"), hints: .idempotent,
        errors: [.notFound, .ambiguousTarget, .capacity])
    public typealias Answer = GrantList
    public init() {}
}

/// Lists the caller's grants.
public struct ListGrants: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "list_grants", "List members restricted in sending to the caller's member.", needs: .observe, about: .caller,
        http: .get("grants"), hints: .idempotent)
    public typealias Answer = GrantList
}

/// Members that may not send everything.
public struct GrantList: Reply, Declared {
    /// One of them.
    public struct Row: Declared, Hashable {
        @Field("The name.") public var name: String
        @Field("The key.") public var pubkey: PublicKey
        @Field("What it may send.") public var grants: [PeerGrant]
        /// Makes a row.
        public init(name: String, pubkey: PublicKey, grants: [PeerGrant]) {
            self.name = name
            self.pubkey = pubkey
            self.grants = grants
        }
        public init() {}
    }
    public static let type = "grant_list"
    @Field("In the order of joining.") public var grants: [Row]
    public init(grants: [Row]) { self.grants = grants }
    public init() {}
}

/// Lists invites.
public struct ListInvites: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "list_invites", "Invites, newest first.", needs: .admin, http: .get("invites"), hints: .idempotent)
    public typealias Answer = InviteList
}

/// Invites.
public struct InviteList: Reply, Declared {
    /// One invite.
    public struct Row: Declared, Hashable {
        @Field("The invite's id; only holders of the link know the code.") public var inviteId: String
        @Field("The role that the invite grants.") public var role: Role
        @Field("The number of times that it can be used.") public var uses: Int
        @Field("How often it was used.") public var used: Int
        @Field("Unix milliseconds.") public var expiresAt: Int64
        @Field("Unix milliseconds.") public var createdAt: Int64
        @Field("The name of the member that created it.") public var issuer: String
        @Field("`open`, `used`, `expired` or `revoked`.") public var state: String
        /// Makes a row.
        public init(
            inviteId: String, role: Role, uses: Int, used: Int, expiresAt: Int64, createdAt: Int64, issuer: String,
            state: String
        ) {
            self.inviteId = inviteId
            self.role = role
            self.uses = uses
            self.used = used
            self.expiresAt = expiresAt
            self.createdAt = createdAt
            self.issuer = issuer
            self.state = state
        }
        public init() {}
    }
    public static let type = "invite_list"
    @Field("Newest first.") public var invites: [Row]
    public init(invites: [Row]) { self.invites = invites }
    public init() {}
}

/// Makes an invite worthless.
public struct RevokeInvite: WriteRequest {
    @Field("Its id, or a unique prefix of 6 characters or more.") public var inviteId: String
    public init(inviteId: String) { self.inviteId = inviteId }
    public static let declaration = RequestDeclaration(
        "revoke_invite", "Revoke an invite; members that joined with it stay.", needs: .admin,
        about: .invite("inviteId"), http: .delete("invites/{inviteId}"), hints: .destructive,
        errors: [.notFound, .ambiguousPrefix])
    public typealias Answer = InviteRevoked
    public init() {}
}

/// An invite was revoked.
public struct InviteRevoked: Reply, Declared {
    public static let type = "invite_revoked"
    @Field("The invite.") public var inviteId: String
    public init(inviteId: String) { self.inviteId = inviteId }
    public init() {}
}
