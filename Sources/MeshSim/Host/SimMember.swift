public import MeshCore

/// A member of the mesh as a simulation knows it. Its key decides what it may do and which seats are its own; its name is only
/// told to people.
public struct SimMember: Sendable {
    /// Its key.
    public var key: PublicKey
    /// Its name at this moment.
    public var name: String

    /// A member.
    public init(_ key: PublicKey, name: String) {
        self.key = key
        self.name = name
    }
}
