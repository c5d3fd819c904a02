/// The first frame of a claudemesh client: a member key, proved by a signature over mesh, member, key and time.
public struct Hello: Codable, Sendable {
    public static let type = "hello"
    /// The mesh.
    public var meshId: String
    /// The member's id; signed, not looked up.
    public var memberId: String
    /// The member key, 64 hex.
    public var pubkey: String
    /// The session key, 64 lower-case hex.
    public var sessionPubkey: String?
    /// The session's label.
    public var displayName: String?
    /// The client's own id of the session.
    public var sessionId: String?
    /// The process.
    public var pid: Int64?
    /// The working folder.
    public var cwd: String?
    /// The machine.
    public var hostname: String?
    /// `ai`, `human`, `connector`, ….
    public var peerType: String?
    /// The client program.
    public var channel: String?
    /// The model behind it.
    public var model: String?
    /// Groups to join at the start.
    public var groups: [GroupMembership]?
    /// 1 when absent.
    public var protocolVersion: Int?
    /// `ack`: the client acknowledges messages itself.
    public var capabilities: [String]?
    /// Unix milliseconds, at most 60 s off.
    public var timestamp: JSON
    /// 128 hex.
    public var signature: String
}

/// The first frame of a session that holds its own key. Version 2 is ours: it proves the session key to one node with
/// a nonce; version 1 is claudemesh's, with a member's attestation.
public struct SessionHello: Codable, Sendable {
    public static let type = "session_hello"

    /// A member's signature for a session key, in claudemesh's form.
    public struct Attestation: Codable, Sendable {
        /// The session key, 64 lower-case hex.
        public var sessionPubkey: String
        /// The member key, 64 lower-case hex.
        public var parentMemberPubkey: String
        /// Unix milliseconds, at most 24 h ahead.
        public var expiresAt: Int64
        /// 128 hex.
        public var signature: String
    }

    /// The mesh.
    public var meshId: String
    /// The member's id; not looked up.
    public var parentMemberId: String?
    /// The member key, 64 lower-case hex.
    public var parentMemberPubkey: String
    /// The session key, 64 lower-case hex.
    public var sessionPubkey: String
    /// Version 1: the member's attestation.
    public var parentAttestation: Attestation?
    /// Version 2: the member's signature over the session key, 128 hex.
    public var binding: String?
    /// Version 2: the node's public key, 64 hex.
    public var audience: String?
    /// Version 2: 16 to 32 random bytes, hex, never reused.
    public var nonce: String?
    /// Version 2: false asks for a connection without presence.
    public var attach: Bool?
    /// Version 2: replaces a live connection of the same session.
    public var replace: Bool?
    /// Version 2: how the session wants its messages.
    public var messageMode: MessageMode?
    /// The session's label.
    public var displayName: String?
    /// The client's own id of the session.
    public var sessionId: String?
    /// The process.
    public var pid: Int64?
    /// The working folder.
    public var cwd: String?
    /// The machine.
    public var hostname: String?
    /// `ai`, `human`, `connector`, ….
    public var peerType: String?
    /// The client program.
    public var channel: String?
    /// The model behind it.
    public var model: String?
    /// Groups to join at the start.
    public var groups: [GroupMembership]?
    /// Unix milliseconds, at most 60 s off.
    public var timestamp: Int64
    /// 128 hex.
    public var signature: String
    /// 1 when absent.
    public var protocolVersion: Int?
    /// `ack`: the client acknowledges messages itself.
    public var capabilities: [String]?

    /// Makes a version 2 hello.
    public init(
        meshId: String, member: PublicKey, session: PublicKey, audience: String, nonce: String, timestamp: Int64,
        signature: Signature, binding: Signature
    ) {
        self.meshId = meshId
        self.parentMemberPubkey = member.hex
        self.sessionPubkey = session.hex
        self.audience = audience
        self.nonce = nonce
        self.timestamp = timestamp
        self.signature = signature.hex
        self.binding = binding.hex
        self.protocolVersion = 2
        self.capabilities = ["ack"]
    }
}

/// The answer to either hello.
public struct HelloAck: Reply, Declared {
    public static let type = "hello_ack"

    /// The member fields that claudemesh clients read.
    public struct Profile: Declared, Hashable {
        @Field("The member's role.") public var roleTag: String
        @Field("The groups to join at the start.") public var groups: [GroupMembership]
        @Field("How messages are delivered to the session.") public var messageMode: String
        /// Makes a profile.
        public init(roleTag: String, groups: [GroupMembership], messageMode: String) {
            self.roleTag = roleTag
            self.groups = groups
            self.messageMode = messageMode
        }
        public init() {}
    }

    /// The limits that a client must keep.
    public struct Limits: Declared, Hashable {
        @Field("Largest frame in bytes.") public var frameBytes: Int
        @Field("Largest message body in bytes.") public var bodyBytes: Int
        @Field("Unacknowledged messages before the broker holds.") public var window: Int
        /// Makes limits.
        public init(frameBytes: Int, bodyBytes: Int, window: Int) {
            self.frameBytes = frameBytes
            self.bodyBytes = bodyBytes
            self.window = window
        }
        public init() {}
    }

    @Field("The session's id as others see it.") public var presenceId: String
    @Field("The member's name.") public var memberDisplayName: String
    @Field("The member's profile.") public var memberProfile: Profile
    @Field("True when the session came back within its grace.") public var reattached: Bool?
    @Field("2: this broker's version.") public var protocolVersion: Int
    @Field("The mesh's name.") public var meshSlug: String
    @Field("The member's id.") public var memberId: String
    @Field("The member's role.") public var role: Role
    @Field("The number of waiting messages.") public var pending: Int
    @Field("Unix milliseconds on the broker.") public var serverTime: Int64
    @Field("The limits.") public var limits: Limits
    @Field("What the session is doing.") public var status: PeerStatus

    public init(
        presenceId: String, memberDisplayName: String, memberProfile: Profile, reattached: Bool?, meshSlug: String,
        memberId: String, role: Role, pending: Int, serverTime: Int64, limits: Limits, status: PeerStatus
    ) {
        self.presenceId = presenceId
        self.memberDisplayName = memberDisplayName
        self.memberProfile = memberProfile
        self.reattached = reattached
        self.protocolVersion = 2
        self.meshSlug = meshSlug
        self.memberId = memberId
        self.role = role
        self.pending = pending
        self.serverTime = serverTime
        self.limits = limits
        self.status = status
    }
    public init() {}
}

/// A session key and the member's signature for it, as registered over HTTP.
public struct SessionBinding: Declared, Hashable {
    @Field("The session key.") public var pubkey: PublicKey
    @Field("The member's signature over `SignedText.sessionBinding`.") public var binding: Signature
    @Field("The session's label; unique among the member's sessions.") public var label: String?
    /// Makes a binding.
    public init(pubkey: PublicKey, binding: Signature, label: String?) {
        self.pubkey = pubkey
        self.binding = binding
        self.label = label
    }
    public init() {}
}

/// The body of `POST /v1/meshes`: authorised by the admin token, signed by the owner.
public struct CreateMeshBody: Declared {
    @Field("The name: 1 to 63 of `a-z 0-9 -`.") public var slug: String
    @Field("Derived from owner and nonce.") public var meshId: String
    @Field("The owner's public key.") public var owner: PublicKey
    @Field("The owner's member name.") public var name: String
    @Field("16 bytes, hex.") public var nonce: String
    @Field("Unix milliseconds.") public var timestamp: Int64
    @Field("The owner's signature over `SignedText.meshCreation`.") public var claim: Signature
    @Field("The owner's first session.") public var session: SessionBinding
    @Field("Whether direct messages may be plain text when their sender chooses so; false when absent.")
    public var allowPlaintext: Bool?
    /// Makes a body.
    public init(
        slug: String, meshId: String, owner: PublicKey, name: String, nonce: String, timestamp: Int64, claim: Signature,
        session: SessionBinding, allowPlaintext: Bool? = nil
    ) {
        self.slug = slug
        self.meshId = meshId
        self.owner = owner
        self.name = name
        self.nonce = nonce
        self.timestamp = timestamp
        self.claim = claim
        self.session = session
        self.allowPlaintext = allowPlaintext
    }
    public init() {}
}

/// The answer to `POST /v1/meshes`.
public struct MeshCreated: Reply, Declared {
    public static let type = "mesh_created"
    @Field("The mesh.") public var meshId: String
    @Field("Its name.") public var slug: String
    @Field("The owner's member id.") public var memberId: String
    @Field("The node's public key: the audience of every signature made for this broker.") public var node: PublicKey
    public init(meshId: String, slug: String, memberId: String, node: PublicKey) {
        self.meshId = meshId
        self.slug = slug
        self.memberId = memberId
        self.node = node
    }
    public init() {}
}

/// The body of `POST /v1/join`: the code and a proof of the joiner's key.
public struct JoinBody: Declared {
    @Field("The mesh.") public var meshId: String
    @Field("The invite's code, 22 base64url characters.") public var code: String
    @Field("The joiner's name.") public var name: String
    @Field("The joiner's public key.") public var pubkey: PublicKey
    @Field("Unix milliseconds.") public var timestamp: Int64
    @Field("The joiner's signature over `SignedText.joinClaim`.") public var signature: Signature
    @Field("The joiner's first session.") public var session: SessionBinding?
    /// Makes a body.
    public init(
        meshId: String, code: String, name: String, pubkey: PublicKey, timestamp: Int64, signature: Signature,
        session: SessionBinding?
    ) {
        self.meshId = meshId
        self.code = code
        self.name = name
        self.pubkey = pubkey
        self.timestamp = timestamp
        self.signature = signature
        self.session = session
    }
    public init() {}
}

/// The answer to `POST /v1/join`.
public struct Joined: Reply, Declared {
    public static let type = "joined"
    @Field("The mesh.") public var meshId: String
    @Field("Its name.") public var meshSlug: String
    @Field("The member's id.") public var memberId: String
    @Field("The member's name.") public var name: String
    @Field("The role.") public var role: Role
    @Field("The owner's public key: compare it with the invite's fingerprint.") public var owner: PublicKey
    @Field("The node's public key.") public var node: PublicKey
    @Field("True when this key was already a member; no use was counted.") public var alreadyMember: Bool
    @Field("The proof of membership.") public var certificate: MembershipCertificate?
    public init(
        meshId: String, meshSlug: String, memberId: String, name: String, role: Role, owner: PublicKey, node: PublicKey,
        alreadyMember: Bool, certificate: MembershipCertificate?
    ) {
        self.meshId = meshId
        self.meshSlug = meshSlug
        self.memberId = memberId
        self.name = name
        self.role = role
        self.owner = owner
        self.node = node
        self.alreadyMember = alreadyMember
        self.certificate = certificate
    }
    public init() {}
}
