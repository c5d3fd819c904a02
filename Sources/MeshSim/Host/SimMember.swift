public import MeshCore

/// A member of the mesh in a simulation. Its key determines its permissions and its seats; its name is only
/// for display.
public struct SimMember: Sendable {
    /// Its key.
    public var key: PublicKey
    /// Its current name.
    public var name: String

    /// A member.
    public init(_ key: PublicKey, name: String) {
        self.key = key
        self.name = name
    }
}
