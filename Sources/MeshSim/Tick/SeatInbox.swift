import MeshCore

/// A pending submission. Its outcome is decided on arrival, except for its place among the seat's
/// other actions of the tick; so the order of arrival does not matter.
struct PendingInput: Codable, Sendable {
    var submission: Submission
    var fingerprint: String
    /// The time of arrival, in milliseconds.
    var receivedAt: Int64
    /// The tick it was meant for.
    var target: Int64
    /// The tick whose seal contains it.
    var due: Int64
    var verdict: Verdict
    var reason: String?
    /// The normalised arguments; the original ones when they are refused.
    var arguments: JSON?
    var phase: Int64 = 1
    var priority: Int64 = 0
    /// How often its action may be performed in a tick.
    var maximumPerTick = 1

    /// An action for a tick, in time.
    init(submission: Submission, fingerprint: String, receivedAt: Int64, tick: Int64) {
        self.submission = submission
        self.fingerprint = fingerprint
        self.receivedAt = receivedAt
        target = tick
        due = tick
        verdict = .onTime
        arguments = submission.arguments
    }

    /// Whether it completes the seat's input for a tick. An action that was late for an earlier tick and is
    /// refused does not.
    func answers(_ tick: Int64) -> Bool { target <= tick && (due > tick || verdict != .late || target == tick) }

    /// Its form in the seal.
    var sealed: SealedInput {
        SealedInput(
            seat: submission.seat, generation: submission.generation, sequence: submission.sequence, phase: phase,
            priority: priority, action: submission.action, arguments: arguments,
            basedOn: submission.generation == 0 ? nil : submission.basedOn, verdict: verdict, reason: reason)
    }
}

/// The state kept for a seat, or for a sender of commands.
struct SeatInbox: Codable, Sendable, Named {
    var name: String
    var generation: Int64
    /// By sequence.
    var pending: [PendingInput] = []
    /// The last answers, by sequence, to answer retransmissions.
    private(set) var judged: [Judged] = []
    /// Answers up to this sequence may have been forgotten.
    private(set) var forgottenUpTo: Int64 = 0
    /// The last applied action of those allowed once per tick.
    var last: SealedInput?
    /// The number of consecutive ticks it was held.
    var heldFor: Int64 = 0
    /// The number of consecutive ticks the seat was thinking.
    var idleFor: Int64 = 0
    /// Why the seat's holder has failed in this tick.
    var failure: String?
    /// The last tick that the holder passes.
    var passedUpTo: Int64 = 0
    /// The pending actions of the previous holder.
    var superseded: [PendingInput] = []
    /// Whether the seat has joined in this tick.
    var isNew = false
    var isAwaited = false
    var stallMillis: Int64?
    var hasAnswered = false
    /// The last tick in which it was used.
    var touched: Int64 = 0

    struct Judged: Codable, Sendable {
        var fingerprint: String
        var receipt: Receipt
    }

    /// The number of answers kept: more than may be pending at once.
    static let memory = 2 * Seat.pendingLimit

    init(name: String, generation: Int64) {
        self.name = name
        self.generation = generation
    }

    /// Returns the earlier answer to a sequence; nil for a new one.
    func known(_ submission: Submission, fingerprint: String) -> Receipt? {
        let sequence = submission.sequence
        let found: (String, Receipt)? =
            if let waiting = pending.first(where: { $0.submission.sequence == sequence }) {
                (waiting.fingerprint, Receipt(waiting.submission, status: .pending, tick: waiting.due))
            } else if let old = judged.first(where: { $0.receipt.sequence == sequence }) {
                (old.fingerprint, old.receipt)
            } else {
                nil
            }
        guard let (first, answer) = found else {
            guard sequence <= forgottenUpTo else { return nil }
            let last = max(forgottenUpTo, judged.last?.receipt.sequence ?? 0)
            return Receipt(
                submission, refused: .forgotten, "sequence \(sequence) is too old; go on above \(last)")
        }
        guard first == fingerprint else {
            return Receipt(
                submission, refused: .conflict,
                "sequence \(sequence) was another action before; give each action a sequence of its own")
        }
        var receipt = answer
        receipt.isDuplicate = true
        return receipt
    }

    /// Inserts a submission, by sequence.
    mutating func insert(_ input: PendingInput) {
        let place = pending.firstIndex { $0.submission.sequence > input.submission.sequence } ?? pending.endIndex
        pending.insert(input, at: place)
    }

    /// Removes and returns what is due, by sequence.
    mutating func takeDue(_ tick: Int64) -> [PendingInput] {
        let due = pending.filter { $0.due <= tick }
        if !due.isEmpty { pending.removeAll { $0.due <= tick } }
        return due
    }

    /// Stores an answer; drops the lowest sequences.
    mutating func remember(_ receipt: Receipt, fingerprint: String) {
        let place = judged.firstIndex { $0.receipt.sequence > receipt.sequence } ?? judged.endIndex
        judged.insert(Judged(fingerprint: fingerprint, receipt: receipt), at: place)
        if judged.count > Self.memory {
            forgottenUpTo = max(forgottenUpTo, judged.removeFirst().receipt.sequence)
        }
    }
}
