public import MeshCore

/// A mesh that is about to be made: the owner's keys are made here and stay here. Works over HTTP (`MeshAPI.createMesh`)
/// and with a broker in the same process (`Broker.createMesh`).
public struct NewMesh: Sendable {
    /// What to call the mesh.
    public let slug: String
    /// The owner's name in it.
    public let ownerName: String
    /// Whether direct messages may be sent unsealed: only for clients that cannot encrypt, and only at creation.
    public let allowsPlaintext: Bool
    private let owner: SigningKey
    private let session: SigningKey
    private let nonce: [UInt8]

    /// Takes keys, or makes them. Nothing is sent.
    public init(slug: String, ownerName: String, allowsPlaintext: Bool = false, keys: NewKeys = NewKeys()) {
        owner = keys.member
        session = keys.session
        nonce = keys.nonce
        self.slug = slug
        self.ownerName = Names.normalised(ownerName)
        self.allowsPlaintext = allowsPlaintext
    }

    /// What follows from the owner's key.
    public var meshID: String { MeshID.derive(owner: owner.publicKey, nonce: nonce) }

    /// What the broker is asked, signed by the owner for the node with this key.
    public func request(node: PublicKey) -> CreateMeshBody {
        let now = SystemCalls.now()
        let claim = owner.sign(
            SignedText.meshCreation(meshID: meshID, slug: slug, owner: owner.publicKey, node: node, timestamp: now))
        let binding = Credentials.binding(meshID: meshID, member: owner, session: session.publicKey)
        return CreateMeshBody(
            slug: slug, meshId: meshID, owner: owner.publicKey, name: ownerName, nonce: Hex.encode(nonce),
            timestamp: now, claim: claim,
            session: SessionBinding(pubkey: session.publicKey, binding: binding, label: nil),
            allowPlaintext: allowsPlaintext ? true : nil)
    }

    /// The owner's credentials, once the broker has made the mesh.
    public func credentials(broker: String, node: PublicKey, memberID: String) -> Credentials {
        Credentials(
            broker: broker, meshID: meshID, meshSlug: slug, node: node, owner: owner.publicKey, memberName: ownerName,
            memberID: memberID, role: .owner, label: nil, memberKey: owner, sessionKey: session)
    }
}
