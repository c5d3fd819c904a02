public import MeshCore

/// Keys and facts of one profile: what a program needs to act as a member's session.
public struct Credentials: Sendable {
    /// `http://host:port` of the broker.
    public var broker: String
    /// The mesh.
    public var meshID: String
    /// The mesh's name.
    public var meshSlug: String
    /// The node's public key: every signature is made for it.
    public var node: PublicKey
    /// The owner's public key: what ledgers and certificates are checked against.
    public var owner: PublicKey
    /// The member's name.
    public var memberName: String
    /// The member's id.
    public var memberID: String
    /// The member's role.
    public var role: Role
    /// The session's label; nil for the member's first session.
    public var label: String?
    /// The member's key.
    public var memberKey: SigningKey
    /// The session's key.
    public var sessionKey: SigningKey
    /// The member's signature over the session's key.
    public var binding: Signature
    /// Keys of members whose safety number was compared, by name: nothing is sealed to another key under that name.
    public var verified: [String: PublicKey] = [:]

    /// The proof of the membership, when the member joined by an invite: an admin shows it to those whom it invites.
    public var certificate: MembershipCertificate?

    /// Makes credentials; the binding is signed here.
    public init(
        broker: String, meshID: String, meshSlug: String, node: PublicKey, owner: PublicKey, memberName: String,
        memberID: String, role: Role, label: String?, memberKey: SigningKey, sessionKey: SigningKey
    ) {
        self.broker = broker
        self.meshID = meshID
        self.meshSlug = meshSlug
        self.node = node
        self.owner = owner
        self.memberName = memberName
        self.memberID = memberID
        self.role = role
        self.label = label
        self.memberKey = memberKey
        self.sessionKey = sessionKey
        binding = Self.binding(meshID: meshID, member: memberKey, session: sessionKey.publicKey)
    }

    /// A member's word for a session key.
    static func binding(meshID: String, member: SigningKey, session: PublicKey) -> Signature {
        member.sign(SignedText.sessionBinding(meshID: meshID, member: member.publicKey, session: session))
    }

    /// The URL of the broker's WebSocket.
    public var webSocketURL: String {
        (try? BrokerAddress(parsing: broker))?.webSocketURL ?? "ws" + broker.dropFirst(4) + "/ws"
    }

    /// A new session of the same member.
    public func newSession(label: String) -> Credentials {
        Credentials(
            broker: broker, meshID: meshID, meshSlug: meshSlug, node: node, owner: owner, memberName: memberName,
            memberID: memberID, role: role, label: label, memberKey: memberKey, sessionKey: SigningKey()
        ).verifying(verified)
    }

    /// The same credentials with these verified members.
    func verifying(_ verified: [String: PublicKey]) -> Credentials {
        var copy = self
        copy.verified = verified
        return copy
    }

    /// The first frame of a new connection, for programs that bring their own client: fresh for each connection.
    /// Fails when a text of the configuration cannot be written as JSON.
    public func helloFrame(configuration: MeshClient.Configuration = .init()) throws(MeshError) -> [UInt8] {
        try WireFrame.bytes(type: SessionHello.type, body: hello(configuration: configuration, now: SystemCalls.now()))
    }

    /// A signed hello for a new connection: fresh for each, since a signature is accepted once.
    func hello(configuration: MeshClient.Configuration, now: Int64) -> SessionHello {
        let nonce = Hex.encode(SecureRandom.bytes(16))
        let text = SignedText.meshSessionHello(
            meshID: meshID, member: memberKey.publicKey, session: sessionKey.publicKey, audience: node.hex,
            timestamp: now, nonce: nonce)
        var hello = SessionHello(
            meshId: meshID, member: memberKey.publicKey, session: sessionKey.publicKey, audience: node.hex,
            nonce: nonce,
            timestamp: now, signature: sessionKey.sign(text), binding: binding)
        hello.attach = configuration.attach
        hello.replace = configuration.replace
        hello.messageMode = configuration.messageMode
        hello.displayName = label
        hello.sessionId = sessionKey.publicKey.shortHex
        hello.pid = SystemCalls.processID
        hello.cwd = SystemCalls.workingFolder
        hello.hostname = SystemCalls.hostname
        hello.channel = configuration.channel
        hello.peerType = configuration.peerType
        hello.groups = configuration.groups.isEmpty ? nil : configuration.groups
        return hello
    }
}
