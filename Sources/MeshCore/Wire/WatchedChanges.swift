import Synchronization

/// The changes of one write, for one connection: everything that any of its watches matches, in one frame that names
/// them.
package struct WatchedChanges: Push {
    /// The content, written once for all connections with the same changes.
    package final class Body: Sendable {
        /// The changes, without the name of a watch.
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

    /// The shared content.
    package let body: Body
    /// The names of the watches that match any of it, in the order of subscription.
    package let watchIDs: [String]

    /// Makes the push for a connection.
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
