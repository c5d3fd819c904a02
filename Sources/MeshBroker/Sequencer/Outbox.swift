import MeshCore
import NIOCore

/// Gathers what a batch has to tell, and hands each I/O loop its share in one hop.
final class Outbox {
    /// One thing for one connection.
    enum Item: Sendable {
        case reply(Submission, any Reply)
        /// The answer to a read, which counts until it has left.
        indirect case answer(Submission, any Reply, AnswerLease)
        /// Apart from answers, and out of the way: an error is large, and every item would be as large.
        indirect case refusal(Submission, MeshError)
        case push(any Push)
        case trackedPush(any Push, message: Int64)
        case close(CloseReason)
    }

    /// What one loop has to tell its connections.
    private struct Share {
        let loop: any EventLoop
        var items: [(PeerConnection, Item)] = []
    }

    /// As many as there are loops: few enough to look through.
    private var shares: [Share] = []
    private var callbacks: [() -> Void] = []
    private let answers: AnswerBudget?

    /// An outbox that counts in a budget until all its shares were told.
    init(_ answers: AnswerBudget? = nil) { self.answers = answers }

    func add(_ item: Item, for connection: PeerConnection) {
        for place in shares.indices where shares[place].loop === connection.loop {
            return shares[place].items.append((connection, item))
        }
        shares.append(Share(loop: connection.loop, items: [(connection, item)]))
    }

    func answer(_ submission: Submission, _ result: Result<any Reply, MeshError>, lease: AnswerLease? = nil) {
        if let connection = submission.connection {
            switch result {
            case .success(let reply):
                if let lease {
                    add(.answer(submission, reply, lease), for: connection)
                } else {
                    add(.reply(submission, reply), for: connection)
                }
            case .failure(let error): add(.refusal(submission, error), for: connection)
            }
        } else if let callback = submission.callback {
            callbacks.append { callback(result, lease) }
        }
    }

    /// One hop for each loop, one flush for each touched connection.
    func send() {
        let told = shares.isEmpty ? nil : answers?.outbox()
        for share in shares {
            share.loop.execute { [items = share.items, told] in
                var touched: [PeerConnection] = []
                for (connection, item) in items where connection.deliver(item) { touched.append(connection) }
                for connection in touched { connection.flush() }
                withExtendedLifetime(told) {}
            }
        }
        shares.removeAll(keepingCapacity: true)
        for callback in callbacks { callback() }
        callbacks.removeAll(keepingCapacity: true)
    }
}
