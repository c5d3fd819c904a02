public import MeshCore

/// The keys of somebody who is about to join a mesh or to make one. They are made here and stay here. Asking again with
/// the same keys goes on where the first try stopped: nobody joins twice, and no mesh is made twice.
public struct NewKeys: Sendable {
    /// The member's key.
    public let member: SigningKey
    /// The key of the member's first session.
    public let session: SigningKey
    /// 16 random bytes, from which the id of a new mesh follows.
    public let nonce: [UInt8]

    /// Makes new keys.
    public init() { self.init(member: SigningKey(), session: SigningKey(), nonce: SecureRandom.bytes(16)) }

    init(member: SigningKey, session: SigningKey, nonce: [UInt8]) {
        self.member = member
        self.session = session
        self.nonce = nonce
    }
}
