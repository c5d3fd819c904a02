/// Changes what a member may do.
public struct SetRights: Request {
    /// The member.
    public var member: String
    /// A new role.
    public var role: Role?
    /// Rights beyond the role.
    public var grant: [Permission]?
    /// Rights taken away.
    public var deny: [Permission]?
    /// Makes a request.
    public init(member: String, role: Role? = nil, grant: [Permission]? = nil, deny: [Permission]? = nil) {
        self.member = member
        self.role = role
        self.grant = grant
        self.deny = deny
    }
    public static let type = "set_rights"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Change a member's role, and its rights beyond or below the role."
    public static let fields = [
        "member": "Its name or key.",
        "role": "`admin`, `member` or `observer`; as before when absent. Only the owner makes and unmakes admins.",
        "grant": "Rights that it has whatever its role: `send`, `write`, and by the owner `admin`. Replaces the list.",
        "deny": "Rights that it has not, whatever its role: `send`, `write`, `admin`. Replaces the list.",
    ]
    public typealias Answer = MemberRights
}

/// What a member may do.
public struct MemberRights: Reply {
    public static let type = "member_rights"
    /// The name.
    public var name: String
    /// The key.
    public var pubkey: PublicKey
    /// The role.
    public var role: Role
    /// Rights beyond the role.
    public var grant: [Permission]
    /// Rights taken away.
    public var deny: [Permission]
    /// What follows: every right that it has.
    public var may: [Permission]
    /// Makes an answer.
    public init(_ member: Member) {
        name = member.name
        pubkey = member.key
        role = member.role
        grant = Permission.allCases.filter(member.granted.contains)
        deny = Permission.allCases.filter(member.denied.contains)
        may = Permission.allCases.filter(member.may)
    }
}

/// Takes a member out of the mesh.
public struct RemoveMember: Request {
    /// The member.
    public var member: String
    /// Makes a request.
    public init(member: String) { self.member = member }
    public static let type = "remove_member"
    public static let isEssential = true
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Take a member out: its sessions end, its name is free. A new invite lets it in again."
    public static let fields = ["member": "Its name or key. Only the owner removes admins."]
    public typealias Answer = MemberRemoved
}

/// A member was taken out.
public struct MemberRemoved: Reply {
    public static let type = "member_removed"
    /// The name that it had.
    public var name: String
    /// Its key.
    public var pubkey: PublicKey
    /// How many sessions ended.
    public var sessions: Int
    /// Makes an answer.
    public init(name: String, pubkey: PublicKey, sessions: Int) {
        self.name = name
        self.pubkey = pubkey
        self.sessions = sessions
    }
}

/// Takes a member out for good.
public struct Ban: Request {
    /// The member.
    public var target: String
    /// Why.
    public var reason: String?
    /// Makes a request.
    public init(target: String, reason: String? = nil) {
        self.target = target
        self.reason = reason
    }
    public static let type = "ban"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Take a member out, and refuse its key until it is unbanned."
    public static let fields = [
        "target": "Its name, key, or unique key prefix of 8 or more. Only the owner bans admins.",
        "reason": "At most 512 bytes; kept as a hash in the ledger.",
    ]
    public typealias Answer = BanAck
}

/// A member was banned.
public struct BanAck: Reply {
    public static let type = "ban_ack"
    /// Its name.
    public var banned: String
    /// Makes an answer.
    public init(banned: String) { self.banned = banned }
}

/// Lifts a ban.
public struct Unban: Request {
    /// The member.
    public var target: String
    /// Makes a request.
    public init(target: String) { self.target = target }
    public static let type = "unban"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Lift a ban: the member is in again, as it was."
    public static let fields = ["target": "Its name or key."]
    public typealias Answer = UnbanAck
}

/// A ban was lifted.
public struct UnbanAck: Reply {
    public static let type = "unban_ack"
    /// The member's name.
    public var unbanned: String
    /// Makes an answer.
    public init(unbanned: String) { self.unbanned = unbanned }
}

/// Lists bans.
public struct ListBans: Request {
    /// Makes a request.
    public init() {}
    public static let type = "list_bans"
    public static let permission = Permission.admin
    public static let kind = RequestKind.read
    public static let help = "Members that are banned."
    public static let fields: [String: String] = [:]
    public typealias Answer = BanList
}

/// Bans.
public struct BanList: Reply {
    /// One ban.
    public struct Row: Codable, Sendable, Hashable {
        /// The member's name.
        public var name: String
        /// Its key.
        public var pubkey: PublicKey
        /// ISO 8601.
        public var revokedAt: String
        /// Makes a row.
        public init(name: String, pubkey: PublicKey, revokedAt: String) {
            self.name = name
            self.pubkey = pubkey
            self.revokedAt = revokedAt
        }
    }
    public static let type = "list_bans_result"
    /// In the order of joining.
    public var bans: [Row]
    /// Makes an answer.
    public init(bans: [Row]) { self.bans = bans }
}

/// Ends connections; their programs are told to stay away.
public struct Kick: Request {
    /// Whose.
    public var target: String?
    /// Everybody's but the caller's.
    public var all: Bool?
    /// Makes a request.
    public init(target: String? = nil, all: Bool? = nil) {
        self.target = target
        self.all = all
    }
    public static let type = "kick"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "End the connections of a member or session; its programs stay away until started again."
    public static let fields = [
        "target": "A name, a session's name, a key, or a unique key prefix of 8 or more.",
        "all":
            "`true`: everybody about whom the caller may decide. Silent connections need no kick: they end after 75 s.",
    ]
    public typealias Answer = KickAck
}

/// Whose connections ended.
public struct KickAck: Reply {
    public static let type = "kick_ack"
    /// Names.
    public var kicked: [String]
    /// The same, under the name that some clients read.
    public var affected: [String]
    /// Makes an answer.
    public init(kicked: [String]) { (self.kicked, affected) = (kicked, kicked) }
}

/// Ends connections; their programs may connect again.
public struct Disconnect: Request {
    /// Whose.
    public var target: String?
    /// Everybody's but the caller's.
    public var all: Bool?
    /// Makes a request.
    public init(target: String? = nil, all: Bool? = nil) {
        self.target = target
        self.all = all
    }
    public static let type = "disconnect"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "End the connections of a member or session; its programs connect again."
    public static let fields = Kick.fields
    public typealias Answer = DisconnectAck
}

/// Whose connections ended.
public struct DisconnectAck: Reply {
    public static let type = "disconnect_ack"
    /// Names.
    public var kicked: [String]
    /// The same, under the name that some clients read.
    public var affected: [String]
    /// Makes an answer.
    public init(kicked: [String]) { (self.kicked, affected) = (kicked, kicked) }
}

/// What a member lets another one send to it.
public enum PeerGrant: String, Sendable, Hashable, CaseIterable, Codable {
    /// Messages to it alone.
    case dm
    /// Messages to groups, topics and everyone.
    case broadcast
}

/// Decides what another member may send to the caller's member.
public struct SetGrants: Request {
    /// The other member.
    public var peer: String
    /// What it may send; everything when absent.
    public var grants: [PeerGrant]?
    /// Makes a request.
    public init(peer: String, grants: [PeerGrant]?) {
        self.peer = peer
        self.grants = grants
    }
    public static let type = "set_grants"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help = "Decide what another member may send to the caller's; a blocked sender is not told."
    public static let fields = [
        "peer": "Its name or key.", "grants": "`dm`, `broadcast`, both or none; everything again when absent.",
    ]
    public typealias Answer = GrantList
}

/// Lists the caller's grants.
public struct ListGrants: Request {
    /// Makes a request.
    public init() {}
    public static let type = "list_grants"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Members that may not send everything to the caller's member."
    public static let fields: [String: String] = [:]
    public typealias Answer = GrantList
}

/// Members that may not send everything.
public struct GrantList: Reply {
    /// One of them.
    public struct Row: Codable, Sendable, Hashable {
        /// The name.
        public var name: String
        /// The key.
        public var pubkey: PublicKey
        /// What it may send.
        public var grants: [PeerGrant]
        /// Makes a row.
        public init(name: String, pubkey: PublicKey, grants: [PeerGrant]) {
            self.name = name
            self.pubkey = pubkey
            self.grants = grants
        }
    }
    public static let type = "grant_list"
    /// In the order of joining.
    public var grants: [Row]
    /// Makes an answer.
    public init(grants: [Row]) { self.grants = grants }
}

/// Lists invites.
public struct ListInvites: Request {
    /// Makes a request.
    public init() {}
    public static let type = "list_invites"
    public static let permission = Permission.admin
    public static let kind = RequestKind.read
    public static let help = "Invites, newest first."
    public static let fields: [String: String] = [:]
    public typealias Answer = InviteList
}

/// Invites.
public struct InviteList: Reply {
    /// One invite.
    public struct Row: Codable, Sendable, Hashable {
        /// Its id; the code is known only to whoever has the link.
        public var inviteId: String
        /// The role that it gives.
        public var role: Role
        /// How often it can be used.
        public var uses: Int
        /// How often it was used.
        public var used: Int
        /// Unix milliseconds.
        public var expiresAt: Int64
        /// Unix milliseconds.
        public var createdAt: Int64
        /// The name of the member that made it.
        public var issuer: String
        /// `open`, `used`, `expired` or `revoked`.
        public var state: String
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
    }
    public static let type = "invite_list"
    /// Newest first.
    public var invites: [Row]
    /// Makes an answer.
    public init(invites: [Row]) { self.invites = invites }
}

/// Makes an invite worthless.
public struct RevokeInvite: Request {
    /// The invite.
    public var inviteId: String
    /// Makes a request.
    public init(inviteId: String) { self.inviteId = inviteId }
    public static let type = "revoke_invite"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Make an invite worthless; who has joined with it stays."
    public static let fields = ["inviteId": "Its id, or a unique prefix of 6 characters or more."]
    public typealias Answer = InviteRevoked
}

/// An invite was revoked.
public struct InviteRevoked: Reply {
    public static let type = "invite_revoked"
    /// The invite.
    public var inviteId: String
    /// Makes an answer.
    public init(inviteId: String) { self.inviteId = inviteId }
}

extension Permission: JSONSchemaProviding {}
extension PeerGrant: JSONSchemaProviding {}
