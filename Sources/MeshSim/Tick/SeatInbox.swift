import MeshCore

/// A submission that waits for its tick. What becomes of it is known when it comes, but for its place among the seat's
/// other actions of the tick; so the order of arrival decides nothing.
struct PendingInput: Codable, Sendable {
    var submission: Submission
    var fingerprint: String
    /// When it came, in milliseconds.
    var receivedAt: Int64
    /// The tick it was meant for.
    var target: Int64
    /// The tick in whose seal it stands.
    var due: Int64
    var verdict: Verdict
    var reason: String?
    /// The arguments as the world gets them; as they came when they are refused.
    var arguments: JSON?
    var phase: Int64 = 1
    var priority: Int64 = 0
    /// How often its action may be done in a tick.
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

    /// Whether the seat need not be waited for in a tick because of it. An action that was late for an earlier tick and is
    /// refused says nothing about this one.
    func answers(_ tick: Int64) -> Bool { target <= tick && (due > tick || verdict != .late || target == tick) }

    /// How it stands in the seal.
    var sealed: SealedInput {
        SealedInput(
            seat: submission.seat, generation: submission.generation, sequence: submission.sequence, phase: phase,
            priority: priority, action: submission.action, arguments: arguments,
            basedOn: submission.generation == 0 ? nil : submission.basedOn, verdict: verdict, reason: reason)
    }
}

/// What is remembered for a seat, or for one who commands.
struct SeatInbox: Codable, Sendable, Named {
    var name: String
    var generation: Int64
    /// By sequence.
    var pending: [PendingInput] = []
    /// The last answers, by sequence, so that what is sent again is answered again.
    private(set) var judged: [Judged] = []
    /// Every sequence up to this one may have been answered and is not known any more.
    private(set) var forgottenUpTo: Int64 = 0
    /// The last action that was applied, of those that may be done once a tick.
    var last: SealedInput?
    /// For how many ticks on end it was held.
    var heldFor: Int64 = 0
    /// For how many ticks on end the seat thought.
    var idleFor: Int64 = 0
    /// Why the seat's holder has failed in this tick.
    var failure: String?
    /// Up to which tick the holder has said that it does nothing.
    var passedUpTo: Int64 = 0
    /// What the holder before had pending.
    var superseded: [PendingInput] = []
    /// Whether the seat has joined in this tick.
    var isNew = false
    var isAwaited = false
    var stallMillis: Int64?
    var hasAnswered = false
    /// The last tick in which it was of use.
    var touched: Int64 = 0

    struct Judged: Codable, Sendable {
        var fingerprint: String
        var receipt: Receipt
    }

    /// How many answers are remembered: more than may be pending at once.
    static let memory = 2 * Seat.pendingLimit

    init(name: String, generation: Int64) {
        self.name = name
        self.generation = generation
    }

    /// What was answered to a sequence before: nil for a new one.
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

    /// Takes one in, by sequence.
    mutating func insert(_ input: PendingInput) {
        let place = pending.firstIndex { $0.submission.sequence > input.submission.sequence } ?? pending.endIndex
        pending.insert(input, at: place)
    }

    /// Takes out what is due, by sequence.
    mutating func takeDue(_ tick: Int64) -> [PendingInput] {
        let due = pending.filter { $0.due <= tick }
        if !due.isEmpty { pending.removeAll { $0.due <= tick } }
        return due
    }

    /// Remembers an answer; forgets the lowest sequences.
    mutating func remember(_ receipt: Receipt, fingerprint: String) {
        let place = judged.firstIndex { $0.receipt.sequence > receipt.sequence } ?? judged.endIndex
        judged.insert(Judged(fingerprint: fingerprint, receipt: receipt), at: place)
        if judged.count > Self.memory {
            forgottenUpTo = max(forgottenUpTo, judged.removeFirst().receipt.sequence)
        }
    }
}
