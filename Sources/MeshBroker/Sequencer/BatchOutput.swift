import MeshCore
import NIOCore

/// Collects the output of a batch, and hands each I/O loop its share in one hop.
final class BatchOutput {
    /// One item for one connection.
    enum Item: Sendable {
        case reply(Submission, any Reply)
        /// The answer to a read, which counts until it is sent.
        indirect case answer(Submission, any Reply, AnswerLease)
        /// Separate from answers and indirect: an error is large, and would make every item as large.
        indirect case refusal(Submission, MeshError)
        case push(any Push)
        case trackedPush(any Push, message: Int64)
        case close(CloseReason)
    }

    /// One per loop: few enough to scan.
    private var shares: [Share] = []
    private var callbacks: [() -> Void] = []
    private let answers: AnswerBudget?

    /// Makes an output that counts in a budget until all its shares are sent.
    init(_ answers: AnswerBudget? = nil) { self.answers = answers }

    func add(_ item: Item, for connection: PeerConnection) {
        for place in shares.indices where shares[place].post === connection.post {
            return shares[place].items.append((connection, item))
        }
        shares.append(Share(post: connection.post, items: [(connection, item)]))
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

    /// One hop per loop, one flush per touched connection.
    func send() {
        let told = shares.isEmpty ? nil : answers?.output()
        for var share in shares {
            share.told = told
            share.post.add(share)
        }
        shares.removeAll(keepingCapacity: true)
        for callback in callbacks { callback() }
        callbacks.removeAll(keepingCapacity: true)
    }
}

/// What one loop sends to its connections: all of it is written first, then each touched connection is flushed.
private struct Share: LoopWork {
    /// Items written, or flushed, between two time checks.
    private static let (writes, flushes) = (16, 8)

    let post: LoopPost
    var items: [(PeerConnection, BatchOutput.Item)]
    /// Held until all is sent.
    var told: AnswerLease?
    private var next = 0
    private var touched: [PeerConnection] = []
    private var flushed = 0

    init(post: LoopPost, items: [(PeerConnection, BatchOutput.Item)]) {
        self.post = post
        self.items = items
    }

    mutating func work(until isOver: () -> Bool) -> Bool {
        while next < items.count {
            writeSome()
            if isOver() { return false }
        }
        while flushed < touched.count {
            let some = touched[flushed..<min(flushed + Self.flushes, touched.count)]
            for connection in some { connection.flush() }
            flushed = some.endIndex
            if flushed < touched.count, isOver() { return false }
        }
        return true
    }

    /// Writes a few items; the answer to a read, which may be large, is the last of them.
    private mutating func writeSome() {
        let end = min(next + Self.writes, items.count)
        while next < end {
            let (connection, item) = items[next]
            next += 1
            if connection.deliver(item) { touched.append(connection) }
            if case .answer = item { return }
        }
    }
}
