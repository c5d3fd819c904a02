import MeshCore

/// What a client remembers, guarded by one lock that is never held over a wait.
struct ClientCore: Sendable {
    /// Who waits for an answer.
    struct Waiter: Sendable {
        /// Gets the answer, and how many bytes it has.
        var resume: @Sendable (Result<(JSON, Int), MeshError>) -> Void
        var deadline: Int64
    }

    /// A send that the broker has not answered yet: sent again after a reconnection.
    struct OpenSend: Sendable {
        var frame: [UInt8]
        var order: Int64
        var clientMessageID: String?
        var outboxName: String?
        /// Whether a refusal leaves it in the outbox, for whoever looks after it.
        var keepsWhenRefused = false
        var resume: (@Sendable (Result<SendAck, MeshError>) -> Void)?
        /// The error frame that came before a failed ack.
        var refusal: MeshError?
    }

    /// A watch that is begun again after a reconnection.
    struct Watch: Sendable {
        var frame: @Sendable () -> [UInt8]
        var take: @Sendable (_ type: String, JSON) -> Void
        var end: @Sendable () -> Void
    }

    /// Who waits for an answer to a message.
    struct Asker: Sendable {
        /// The message's public id, once the broker has given it.
        var messageID: String?
        /// Who was asked.
        var asked: AskedPeers?
        let answers: PossibleAnswers
    }

    var machine: ConnectionMachine
    var transport: (any Transport)?
    var waiters: [String: Waiter] = [:]
    var sends: [String: OpenSend] = [:]
    var watches: [String: Watch] = [:]
    var seen = DuplicateWindow()
    var waiting = WaitingMessages()
    var acknowledged: [String] = []
    /// Who waits for the answer to a message, by its idempotency key.
    var askers: [String: Asker] = [:]
    /// Entries of the outbox that are to be sent, in order.
    var outboxQueue: [String] = []
    private var lastOutboxOrder: Int64 = 0
    var resolved: [String: Resolved] = [:]
    var undecryptable = 0
    var refusal: MeshError?
    var ending: MeshError?
    var isEnded = false
    var nextNumber: Int64 = 0
    var lastHeard: Int64 = 0
    /// When the hello must have been answered; nil when it is, or there is no connection.
    var helloDeadline: Int64?
    /// Why there is no connection, as it was told; nil while there is one.
    var lastDisconnection: String?
    var workingLease: Int64?
    private var attachWaiters: [CheckedContinuation<Void, any Error>] = []

    init(backoff: MeshClient.Backoff) { machine = ConnectionMachine(backoff: backoff) }

    /// A number that was not used before.
    mutating func number() -> Int64 {
        nextNumber += 1
        return nextNumber
    }

    /// A number that sorts behind every one before it, of earlier runs as well.
    mutating func outboxOrder() -> Int64 {
        lastOutboxOrder = max(lastOutboxOrder + 1, SystemCalls.now() * 1_000)
        return lastOutboxOrder
    }

    /// Whether an entry of the outbox is under way.
    func isOpen(_ outboxName: String) -> Bool { sends.values.contains { $0.outboxName == outboxName } }

    /// Keeps a continuation until the session is attached. Returns what to do at once, outside the lock.
    mutating func waitUntilAttached(_ continuation: CheckedContinuation<Void, any Error>) -> (() -> Void)? {
        if machine.isAttached { return { continuation.resume() } }
        if isEnded {
            let error: any Error = ending ?? CancellationError()
            return { continuation.resume(throwing: error) }
        }
        attachWaiters.append(continuation)
        return nil
    }

    /// Takes everyone who waits for the attachment.
    mutating func takeAttachWaiters() -> [CheckedContinuation<Void, any Error>] {
        defer { attachWaiters = [] }
        return attachWaiters
    }
}
