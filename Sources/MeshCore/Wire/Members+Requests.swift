/// Adds a member with a public key: how clients that make their own keys get in.
public struct AddMember: Request {
    /// The name, unique in the mesh.
    public var name: String
    /// The member's public key.
    public var pubkey: PublicKey
    /// The role; `member` when absent.
    public var role: Role?
    /// Makes a request.
    public init(name: String, pubkey: PublicKey, role: Role? = nil) {
        self.name = name
        self.pubkey = pubkey
        self.role = role
    }
    public static let type = "add_member"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Add a member by its public key."
    public static let fields = [
        "name": "1 to 64 characters, unique in the mesh; no `@ # * , / |`; NFC.",
        "pubkey": "64 lower-case hex characters.",
        "role": "`admin`, `member` (default) or `observer`; only the owner adds admins.",
    ]
    public typealias Answer = MemberAdded
}

/// A member that was added.
public struct MemberAdded: Reply {
    public static let type = "member_added"
    /// The mesh.
    public var meshId: String
    /// The member's id.
    public var memberId: String
    /// The name.
    public var name: String
    /// The public key.
    public var pubkey: PublicKey
    /// The role.
    public var role: Role
    /// Makes an answer.
    public init(meshId: String, memberId: String, name: String, pubkey: PublicKey, role: Role) {
        self.meshId = meshId
        self.memberId = memberId
        self.name = name
        self.pubkey = pubkey
        self.role = role
    }
}

/// Lists the members.
public struct ListMembers: PagedRequest {
    /// Only members after this one: `next` of the page before.
    public var after: String?
    /// Makes a request.
    public init(after: String? = nil) { self.after = after }
    public static let type = "list_members"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "All members, in the order of joining; `next` when more follow."
    public static let fields = ["after": "Only what follows: `next` of the page before."]
    public typealias Answer = MemberList
}

/// The members of a mesh.
public struct MemberList: PagedReply {
    /// One member.
    public struct Row: Codable, Sendable, Hashable {
        /// The member's id.
        public var memberId: String
        /// The name.
        public var name: String
        /// The public key.
        public var pubkey: PublicKey
        /// The role.
        public var role: Role
        /// ISO 8601.
        public var joinedAt: String
        /// Sessions that are not retired.
        public var sessions: Int
        /// Sessions that are connected.
        public var online: Int
        /// Makes a row.
        public init(
            memberId: String, name: String, pubkey: PublicKey, role: Role, joinedAt: String, sessions: Int, online: Int
        ) {
            self.memberId = memberId
            self.name = name
            self.pubkey = pubkey
            self.role = role
            self.joinedAt = joinedAt
            self.sessions = sessions
            self.online = online
        }
    }
    public static let type = "member_list"
    /// In the order of joining.
    public var members: [Row]
    /// What the next page comes after; nil when this is the last.
    public var next: String?
    /// Makes an answer.
    public init(members: [Row], next: String? = nil) {
        self.members = members
        self.next = next
    }
    public mutating func append(_ page: MemberList) {
        members += page.members
        next = page.next
    }
}

/// Registers an invite that its issuer signed. The broker never learns the code, only its hash.
public struct CreateInvite: Request {
    /// What the invite grants.
    public var capability: InviteCapability
    /// The issuer's signature over the capability's text.
    public var signature: Signature
    /// The issuer's own certificate, when the issuer is an admin and not the owner.
    public var certificate: MembershipCertificate?
    /// Makes a request.
    public init(capability: InviteCapability, signature: Signature, certificate: MembershipCertificate? = nil) {
        self.capability = capability
        self.signature = signature
        self.certificate = certificate
    }
    public static let type = "create_invite"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Register a signed invite."
    public static let fields = [
        "capability": "Mesh, id, role, uses, expiry, hash of the code, issuer.",
        "signature": "The issuer's signature over the capability's text, 128 hex.",
        "certificate": "The issuer's certificate, when an admin invites.",
    ]
    public typealias Answer = InviteCreated
}

/// An invite that was registered.
public struct InviteCreated: Reply {
    public static let type = "invite_created"
    /// The invite's id.
    public var inviteId: String
    /// The role that it gives.
    public var role: Role
    /// How often it can be used.
    public var uses: Int
    /// Unix milliseconds.
    public var expiresAt: Int64
    /// Makes an answer.
    public init(inviteId: String, role: Role, uses: Int, expiresAt: Int64) {
        self.inviteId = inviteId
        self.role = role
        self.uses = uses
        self.expiresAt = expiresAt
    }
}

/// Asks who the caller is.
public struct WhoAmI: Request {
    /// Makes a request.
    public init() {}
    public static let type = "whoami"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The caller's member, session, role and groups."
    public static let fields: [String: String] = [:]
    public typealias Answer = Identity
}

/// Who the caller is.
public struct Identity: Reply {
    public static let type = "whoami_result"
    /// The mesh.
    public var meshId: String
    /// The mesh's name.
    public var meshSlug: String
    /// The member's id.
    public var memberId: String
    /// The member's name.
    public var name: String
    /// The member's public key.
    public var pubkey: PublicKey
    /// The role.
    public var role: Role
    /// The session key.
    public var sessionPubkey: String
    /// The session's label.
    public var label: String?
    /// What the session is doing.
    public var status: PeerStatus
    /// What it is working on.
    public var summary: String?
    /// Its groups.
    public var groups: [GroupMembership]
    /// Messages that wait for it.
    public var pending: Int
    /// Makes an answer.
    public init(
        meshId: String, meshSlug: String, memberId: String, name: String, pubkey: PublicKey, role: Role,
        sessionPubkey: String, label: String?, status: PeerStatus, summary: String?, groups: [GroupMembership],
        pending: Int
    ) {
        self.meshId = meshId
        self.meshSlug = meshSlug
        self.memberId = memberId
        self.name = name
        self.pubkey = pubkey
        self.role = role
        self.sessionPubkey = sessionPubkey
        self.label = label
        self.status = status
        self.summary = summary
        self.groups = groups
        self.pending = pending
    }
}
