import Synchronization

/// The changes of one write, for one connection: all that any of its watches sees, in one frame that names them.
package struct WatchedChanges: Push {
    /// What is told, written once for all connections that see the same.
    package final class Body: Sendable {
        /// The changes, with the name of no watch.
        package let changes: StateChanges
        private let written = Mutex<[UInt8]?>(nil)

        /// Shares changes.
        package init(_ changes: StateChanges) { self.changes = changes }

        /// The end of the frame, from its second field.
        fileprivate var tail: [UInt8] {
            written.withLock { written in
                if let written { return written }
                let tail = Array((changes.frame(for: .mesh) ?? []).dropFirst(WatchedChanges.opening.count))
                written = tail
                return tail
            }
        }
    }

    private static let opening = Array(#"{"type":"state_change","#.utf8)

    /// What is told.
    package let body: Body
    /// The names of the watches that see any of it, in the order of subscription.
    package let watchIDs: [String]

    /// Tells a connection.
    package init(_ body: Body, watchIDs: [String]) {
        self.body = body
        self.watchIDs = watchIDs
    }

    package func frame(for dialect: Dialect) -> [UInt8]? {
        guard dialect == .mesh else { return body.changes.frame(for: dialect) }
        let tail = body.tail
        var frame = Self.opening
        frame.reserveCapacity(frame.count + tail.count + 32 * (watchIDs.count + 1))
        frame += #""watchId":"#.utf8
        frame += JSON.string(watchIDs.first ?? "").bytes()
        if watchIDs.count > 1 {
            frame += #","watchIds":"#.utf8
            frame += JSON.array(watchIDs.map { .string($0) }).bytes()
        }
        frame.append(UInt8(ascii: ","))
        frame += tail
        return frame
    }
}
