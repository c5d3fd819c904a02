public import MeshCore

/// An action requested by a seat.
public struct Submission: Codable, Sendable, Hashable {
    /// The seat.
    public var seat: String
    /// The generation of the seat's holder.
    public var generation: Int64
    /// The holder's count of its actions, from 1. Seat, generation and sequence identify the action: a retransmission
    /// is answered again, not performed again.
    public var sequence: Int64
    /// The tick of the observation it is based on.
    public var basedOn: Int64
    /// The tick it is meant for; nil: the one after its observation.
    public var tick: Int64?
    /// The action's name.
    public var action: String
    /// Its arguments; nil: none.
    public var arguments: JSON?
    /// The cost of deciding, in the unit of the barrier's budget.
    public var cost: Int64

    /// Makes a submission.
    public init(
        seat: String, generation: Int64 = 1, sequence: Int64, basedOn: Int64, tick: Int64? = nil, action: String,
        arguments: JSON? = nil, cost: Int64 = 0
    ) {
        self.seat = seat
        self.generation = generation
        self.sequence = sequence
        self.basedOn = basedOn
        self.tick = tick
        self.action = action
        self.arguments = arguments
        self.cost = cost
    }

    /// Its content, to distinguish a retransmission from another action with the same identifiers.
    var fingerprint: String {
        var hasher = StateHasher()
        hasher.add(basedOn)
        hasher.add(Int64(tick == nil ? 0 : 1))
        hasher.add(tick ?? 0)
        hasher.add(cost)
        hasher.add(Array(action.utf8))
        hasher.add((arguments ?? .null).canonicalBytes())
        return hasher.finish().hex
    }
}

/// An action commanded by a person or an orchestrator, in phase 0 of the open tick. It needs no seat and no
/// observation, and is never late.
public struct Command: Codable, Sendable, Hashable {
    /// The issuer.
    public var issuer: String
    /// The issuer's count of its commands, from 1.
    public var sequence: Int64
    /// The action's name.
    public var action: String
    /// Its arguments; nil: none.
    public var arguments: JSON?

    /// Makes a command.
    public init(issuer: String, sequence: Int64, action: String, arguments: JSON? = nil) {
        self.issuer = issuer
        self.sequence = sequence
        self.action = action
        self.arguments = arguments
    }

    /// The command as a submission: of generation 0, which no seat has.
    var submission: Submission {
        Submission(
            seat: issuer, generation: 0, sequence: sequence, basedOn: 0, action: action, arguments: arguments)
    }
}

/// The outcome of a submission.
public struct Receipt: Codable, Sendable, Hashable {
    /// Its state.
    public enum Status: String, Codable, Sendable, Hashable, CaseIterable {
        /// It waits for the seal of `tick`.
        case pending
        /// It is in the seal of `tick`, with `verdict`.
        case judged
        /// It was refused and is in no seal; see `refusal` and `reason`.
        case refused
    }
    /// Why a submission was refused.
    public enum Refusal: String, Codable, Sendable, Hashable, CaseIterable {
        /// The seat has no holder, or the name is invalid.
        case unknownSeat
        /// The seat is held from the next tick on.
        case notYet
        /// The seat has another holder, or this generation never existed.
        case wrongGeneration
        /// The sequence is not a positive number.
        case badSequence
        /// The same seat, generation and sequence were used for another action.
        case conflict
        /// The sequence is so old that its answer was dropped.
        case forgotten
        /// The seat has the maximum number of pending actions.
        case full
        /// It is meant for a tick too far away.
        case tooEarly
    }
    /// The seat.
    public var seat: String
    /// Its generation.
    public var generation: Int64
    /// The action's sequence.
    public var sequence: Int64
    /// Its state.
    public var status: Status
    /// The tick whose seal contains or will contain it.
    public var tick: Int64?
    /// The verdict, once decided.
    public var verdict: Verdict?
    /// Why it was refused.
    public var refusal: Refusal?
    /// The reason, as text, when it was refused or is not applied.
    public var reason: String?
    /// How long it waited for the seal, in milliseconds: a seat that waits long may observe later. From the clock,
    /// so never in a seal.
    public var waitedMillis: Int64?
    /// Whether it is a retransmission; this is the first one's answer, or its verdict.
    public var isDuplicate = false

    init(_ submission: Submission, status: Status, tick: Int64? = nil) {
        seat = submission.seat
        generation = submission.generation
        sequence = submission.sequence
        self.status = status
        self.tick = tick
    }

    init(_ submission: Submission, refused: Refusal, _ reason: String) {
        self.init(submission, status: .refused)
        refusal = refused
        self.reason = reason
    }
}
