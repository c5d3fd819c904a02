package import MeshCore
package import MeshEngine

/// Something for a mesh's writer to do, and who waits for the answer.
package struct Submission: Sendable {
    /// What to do.
    package enum Work: Sendable {
        /// Decide and store.
        case command(any Request, Actor)
        /// Answer from what is committed, and perhaps subscribe the connection.
        case query(any Request, Actor)
    }

    /// Who waits.
    package enum Asker: Sendable {
        /// Nobody.
        case nobody
        /// A connection; its answers keep the order of its questions.
        case connection(PeerConnection, ReplyTag)
        /// A caller outside the event loops.
        case callback(@Sendable (Result<any Reply, MeshError>) -> Void)
    }

    package var work: Work
    package var asker: Asker
    /// The priority of a message that is sent; nil for everything else.
    let sendPriority: Priority?
    /// Whether it is answered from what is committed.
    let isQuery: Bool

    package init(_ work: Work, for asker: Asker) {
        self.work = work
        self.asker = asker
        if case .command(let request, _) = work, let send = request as? Send {
            sendPriority = send.priority ?? .next
        } else {
            sendPriority = nil
        }
        isQuery = if case .query = work { true } else { false }
    }

    var connection: PeerConnection? { if case .connection(let connection, _) = asker { connection } else { nil } }
}

/// What a connection needs to know when the answer comes.
package struct ReplyTag: Sendable {
    /// The request's wire type.
    package var type: String
    /// The request's `_reqId`.
    package var requestID: String?
    /// A send's own id.
    package var sendID: String?
    /// Whether a success is answered at all.
    package var isSilent: Bool
    /// The request's size, given back to the connection's budget.
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

/// Gives the commands of one mesh one order and makes them durable. Today in one process; the engine cannot tell.
package protocol Sequencer: Sendable {
    /// Takes work in order. Answers and effects follow once they are durable.
    func submit(_ submissions: [Submission])
}
