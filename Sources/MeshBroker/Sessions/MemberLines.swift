import MeshCore
import Synchronization

/// Bytes that the connections of one member have not sent yet, over all loops: what a member leaves unread is bounded, however
/// many connections it opens.
package final class UnsentBytes: Sendable {
    /// Beyond it a connection that cannot take what is sent to it is ended.
    package static let limit = 16 << 20

    private let bytes = Atomic<Int>(0)

    package init() {}

    /// Counts bytes that wait, or with a negative number bytes that wait no more.
    func add(_ change: Int) { bytes.wrappingAdd(change, ordering: .relaxed) }

    /// Whether more waits than may.
    var isOver: Bool { bytes.load(ordering: .relaxed) > Self.limit }
}

/// The members that are connected, and what each leaves unread.
package final class MemberLines: Sendable {
    private let members = Mutex<[PublicKey: (connections: Int, unsent: UnsentBytes)]>([:])

    package init() {}

    /// Adds a connection of a member; `leave` takes it away.
    func join(_ member: PublicKey) -> UnsentBytes {
        members.withLock { members in
            let known = members[member] ?? (0, UnsentBytes())
            members[member] = (known.connections + 1, known.unsent)
            return known.unsent
        }
    }

    /// Takes a connection of a member away. What it still has to send counts until it has left.
    func leave(_ member: PublicKey) {
        members.withLock { members in
            guard let known = members[member] else { return }
            members[member] = known.connections > 1 ? (known.connections - 1, known.unsent) : nil
        }
    }
}
