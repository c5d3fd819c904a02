package import MeshCore
import Synchronization

/// Counts the connections of each member. One member gets at most a share of a node's connections, so that the others
/// find room too.
package final class MemberConnections: Sendable {
    private let counts = Mutex<[PublicKey: Int]>([:])
    private let limit: Int

    /// The maximum for one member, in all meshes of the node.
    package init(limit: Int) { self.limit = limit }

    /// Counts a connection of a member. Fails with `capacity` when its share is used up.
    package func enter(_ member: PublicKey) throws(MeshError) {
        let hasRoom = counts.withLock { counts in
            guard counts[member, default: 0] < limit else { return false }
            counts[member, default: 0] += 1
            return true
        }
        guard hasRoom else {
            throw MeshError(
                .capacity, "this member has \(limit) connections, as many as one may have here",
                hint: "end some, and share one connection between watches")
        }
    }

    /// A connection of a member has ended.
    package func leave(_ member: PublicKey) {
        counts.withLock { counts in
            guard let count = counts[member] else { return }
            counts[member] = count > 1 ? count - 1 : nil
        }
    }
}
