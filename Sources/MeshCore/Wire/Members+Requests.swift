/// Adds a member with a public key: how clients that make their own keys get in.
public struct AddMember: WriteRequest {
    @Field("The member's name.", .text(.memberName)) public var name: String
    @Field("The member's key.") public var pubkey: PublicKey
    @Field("Its role; only the owner adds admins.", default: "member") public var role: Role?
    public init(name: String, pubkey: PublicKey, role: Role? = nil) {
        self.name = name
        self.pubkey = pubkey
        self.role = role
    }
    public static let declaration = RequestDeclaration(
        "add_member", "Add a member by its public key.", needs: .admin, about: .member("pubkey"),
        http: .create("members"), hints: .idempotent, errors: [.exists, .capacity])
    public typealias Answer = MemberAdded
    public init() {}
}

/// A member that was added.
public struct MemberAdded: Reply, Declared {
    public static let type = "member_added"
    @Field("The mesh.") public var meshId: String
    @Field("The member's id.") public var memberId: String
    @Field("The name.") public var name: String
    @Field("The public key.") public var pubkey: PublicKey
    @Field("The role.") public var role: Role
    public init(meshId: String, memberId: String, name: String, pubkey: PublicKey, role: Role) {
        self.meshId = meshId
        self.memberId = memberId
        self.name = name
        self.pubkey = pubkey
        self.role = role
    }
    public init() {}
}

/// Lists the members.
public struct ListMembers: PagedRequest {
    @Field("The start of the page: `next` of the previous page.") public var after: String?
    public init(after: String? = nil) { self.after = after }
    public static let declaration = RequestDeclaration(
        "list_members", "List all members, in the order of joining; `next` when more follow.", needs: .observe,
        http: .get("members"), hints: .idempotent)
    public typealias Answer = MemberList
    public init() {}
}

/// The members of a mesh.
public struct MemberList: PagedReply, Declared {
    /// One member.
    public struct Row: Declared, Hashable {
        @Field("The member's id.") public var memberId: String
        @Field("The name.") public var name: String
        @Field("The public key.") public var pubkey: PublicKey
        @Field("The role.") public var role: Role
        @Field("ISO 8601.") public var joinedAt: String
        @Field("Sessions that are not retired.") public var sessions: Int
        @Field("Sessions that are connected.") public var online: Int
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
        public init() {}
    }
    public static let type = "member_list"
    @Field("In the order of joining.") public var members: [Row]
    @Field("The `after` of the next page; nil when this is the last.") public var next: String?
    public init(members: [Row], next: String? = nil) {
        self.members = members
        self.next = next
    }
    public mutating func append(_ page: MemberList) {
        members += page.members
        next = page.next
    }
    public init() {}
}

/// Registers an invite that its issuer signed. The broker never learns the code, only its hash.
public struct CreateInvite: WriteRequest {
    @Field("Mesh, id, role, uses, expiry, hash of the code, issuer.") public var capability: InviteCapability
    @Field("The issuer's signature over the capability's text, 128 hex.") public var signature: Signature
    @Field("The issuer's certificate, when an admin invites.") public var certificate: MembershipCertificate?
    public init(capability: InviteCapability, signature: Signature, certificate: MembershipCertificate? = nil) {
        self.capability = capability
        self.signature = signature
        self.certificate = certificate
    }
    public static let declaration = RequestDeclaration(
        "create_invite", "Register a signed invite.", needs: .admin, http: .create("invites"), hints: .idempotent,
        errors: [.badSignature, .exists, .capacity])
    public typealias Answer = InviteCreated
    public init() {}
}

/// An invite that was registered.
public struct InviteCreated: Reply, Declared {
    public static let type = "invite_created"
    @Field("The invite's id.") public var inviteId: String
    @Field("The role that the invite grants.") public var role: Role
    @Field("The number of times that it can be used.") public var uses: Int
    @Field("Unix milliseconds.") public var expiresAt: Int64
    public init(inviteId: String, role: Role, uses: Int, expiresAt: Int64) {
        self.inviteId = inviteId
        self.role = role
        self.uses = uses
        self.expiresAt = expiresAt
    }
    public init() {}
}

/// Asks who the caller is.
public struct WhoAmI: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "whoami", "Get the caller's member, session, role and groups.", needs: .observe, about: .caller,
        http: .get("whoami"), hints: .idempotent)
    public typealias Answer = Identity
}

/// Who the caller is.
public struct Identity: Reply, Declared {
    public static let type = "whoami_result"
    @Field("The mesh.") public var meshId: String
    @Field("The mesh's name.") public var meshSlug: String
    @Field("The member's id.") public var memberId: String
    @Field("The member's name.") public var name: String
    @Field("The member's public key.") public var pubkey: PublicKey
    @Field("The role.") public var role: Role
    @Field("The session key.") public var sessionPubkey: String
    @Field("The session's label.") public var label: String?
    @Field("What the session is doing.") public var status: PeerStatus
    @Field("What it is working on.") public var summary: String?
    @Field("Its groups.") public var groups: [GroupMembership]
    @Field("Messages that wait for it.") public var pending: Int
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
    public init() {}
}
