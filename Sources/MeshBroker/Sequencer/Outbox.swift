import MeshCore
import NIOCore

/// Gathers what a batch has to tell, and hands each I/O loop its share in one hop.
final class Outbox {
    /// One thing for one connection.
    enum Item: Sendable {
        case reply(ReplyTag, Result<any Reply, MeshError>)
        case push(any Push)
        case trackedPush(any Push, message: Int64)
        case close(CloseReason)
    }

    private var byLoop: [ObjectIdentifier: (loop: any EventLoop, items: [(PeerConnection, Item)])] = [:]
    private var callbacks: [(@Sendable (Result<any Reply, MeshError>) -> Void, Result<any Reply, MeshError>)] = []

    func add(_ item: Item, for connection: PeerConnection) {
        byLoop[ObjectIdentifier(connection.loop), default: (connection.loop, [])].items.append((connection, item))
    }

    func answer(_ asker: Submission.Asker, _ result: Result<any Reply, MeshError>) {
        switch asker {
        case .nobody: break
        case .connection(let connection, let tag): add(.reply(tag, result), for: connection)
        case .callback(let callback): callbacks.append((callback, result))
        }
    }

    /// One hop for each loop, one flush for each touched connection.
    func send() {
        for (loop, items) in byLoop.values {
            loop.execute {
                var touched: [ConnectionKey: PeerConnection] = [:]
                for (connection, item) in items {
                    connection.deliver(item)
                    touched[ConnectionKey(connection)] = connection
                }
                for connection in touched.values { connection.flush() }
            }
        }
        byLoop.removeAll(keepingCapacity: true)
        for (callback, result) in callbacks { callback(result) }
        callbacks.removeAll(keepingCapacity: true)
    }

    private struct ConnectionKey: Hashable {
        let id: UInt64
        init(_ connection: PeerConnection) { id = connection.id.rawValue }
    }
}
