package import MeshCore
package import MeshEngine

/// Work for a mesh's writer, and who waits for the answer. A class: it passes through several owners, and a copy of all
/// that it refers to would count ten references each time.
package final class Submission: Sendable {
    /// What to do.
    package enum Work: Sendable {
        /// Decide and store.
        case command(any Request, Actor)
        /// Answer from committed state, and perhaps subscribe the connection.
        case query(any Request, Actor)
    }

    /// The receiver of the answer.
    package enum Asker: Sendable {
        /// Nobody.
        case nobody
        /// A connection; its answers keep the order of its requests.
        case connection(PeerConnection, ReplyTag)
        /// A caller outside the event loops.
        case callback(@Sendable (Result<any Reply, MeshError>) -> Void)
        /// The same, with the lease of the answer: kept until the answer has left.
        case caller(@Sendable (Result<any Reply, MeshError>, AnswerLease?) -> Void)
    }

    package let request: any Request
    package let actor: Actor
    /// Whether it is answered from committed state.
    let isQuery: Bool
    /// The priority of a message that is sent; nil for everything else.
    let sendPriority: Priority?
    /// The connection that waits for the answer.
    let connection: PeerConnection?
    /// What that connection needs to know when the answer comes.
    let tag: ReplyTag?
    /// What a caller outside the event loops waits with.
    let callback: (@Sendable (Result<any Reply, MeshError>, AnswerLease?) -> Void)?

    package convenience init(_ work: Work, for asker: Asker) {
        switch work {
        case .command(let request, let actor):
            self.init(request, actor, isQuery: false, sendPriority: request.outgoing?.priority, for: asker)
        case .query(let request, let actor):
            self.init(request, actor, isQuery: true, sendPriority: nil, for: asker)
        }
    }

    init(_ request: any Request, _ actor: Actor, isQuery: Bool, sendPriority: Priority?, for asker: Asker) {
        self.request = request
        self.actor = actor
        self.isQuery = isQuery
        self.sendPriority = sendPriority
        switch asker {
        case .nobody: (connection, tag, callback) = (nil, nil, nil)
        case .connection(let connection, let tag):
            (self.connection, self.tag, callback) = (connection, tag, nil)
        case .callback(let callback):
            (connection, tag) = (nil, nil)
            self.callback = { result, _ in callback(result) }
        case .caller(let callback): (connection, tag, self.callback) = (nil, nil, callback)
        }
    }
}

/// What a connection needs to know when the answer comes.
package struct ReplyTag: Sendable {
    /// The request's wire type.
    package var type: String
    /// The request's `_reqId`.
    package var requestID: String?
    /// A send's own id.
    package var sendID: String?
    /// Whether a success gets an answer.
    package var isSilent: Bool
    /// The request's size, returned to the connection's budget.
    package var bytes: Int

    package init(type: String, requestID: String? = nil, sendID: String? = nil, isSilent: Bool = false, bytes: Int = 0)
    {
        self.type = type
        self.requestID = requestID
        self.sendID = sendID
        self.isSilent = isSilent
        self.bytes = bytes
    }
}

/// Gives the commands of one mesh one order and makes them durable. Today in one process; the engine does not depend
/// on it.
package protocol Sequencer: Sendable {
    /// Takes work in order. Answers and effects follow once they are durable.
    func submit(_ submissions: [Submission])
}
