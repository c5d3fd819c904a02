import MeshCore
import Synchronization

/// Unsent bytes of the connections of one member, over all loops: what a member leaves unread is bounded, however many
/// connections it opens.
package final class UnsentBytes: Sendable {
    /// Above this, a connection that cannot take what is sent to it is ended.
    package static let limit = 16 << 20

    private let bytes = Atomic<Int>(0)

    package init() {}

    /// Adds waiting bytes; a negative number removes them.
    func add(_ change: Int) { bytes.wrappingAdd(change, ordering: .relaxed) }

    /// Whether more waits than allowed.
    var isOver: Bool { bytes.load(ordering: .relaxed) > Self.limit }
}

/// The connected members, and what each leaves unread.
package final class MemberLines: Sendable {
    private let members = Mutex<[PublicKey: (connections: Int, unsent: UnsentBytes)]>([:])

    package init() {}

    /// Adds a connection of a member; `leave` removes it.
    func join(_ member: PublicKey) -> UnsentBytes {
        members.withLock { members in
            let known = members[member] ?? (0, UnsentBytes())
            members[member] = (known.connections + 1, known.unsent)
            return known.unsent
        }
    }

    /// Removes a connection of a member. Its unsent bytes count until they are sent.
    func leave(_ member: PublicKey) {
        members.withLock { members in
            guard let known = members[member] else { return }
            members[member] = known.connections > 1 ? (known.connections - 1, known.unsent) : nil
        }
    }
}
