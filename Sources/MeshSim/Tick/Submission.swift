public import MeshCore

/// An action that a seat asks for.
public struct Submission: Codable, Sendable, Hashable {
    /// The seat.
    public var seat: String
    /// Which of the seat's holders asks.
    public var generation: Int64
    /// The holder's own count of its actions, from 1. Seat, generation and sequence name the action once: what is sent again
    /// is answered again, not done again.
    public var sequence: Int64
    /// The tick of the observation that it is based on.
    public var basedOn: Int64
    /// The tick it is meant for; nil: the one after its observation.
    public var tick: Int64?
    /// The action's name.
    public var action: String
    /// Its arguments; nil: none.
    public var arguments: JSON?
    /// What it cost to decide, in the unit of the barrier's budget.
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

    /// What it says, for telling a repetition from another action under the same name.
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

/// An action that a person or an orchestrator orders, in phase 0 of the tick that is open. It needs no seat and no
/// observation, and is never late.
public struct Command: Codable, Sendable, Hashable {
    /// Who orders it.
    public var issuer: String
    /// The issuer's own count of its commands, from 1.
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

    /// The command as what is judged: of generation 0, which no seat has.
    var submission: Submission {
        Submission(
            seat: issuer, generation: 0, sequence: sequence, basedOn: 0, action: action, arguments: arguments)
    }
}

/// What became of a submission.
public struct Receipt: Codable, Sendable, Hashable {
    /// How far it is.
    public enum Status: String, Codable, Sendable, Hashable, CaseIterable {
        /// It waits for the seal of `tick`.
        case pending
        /// It stands in the seal of `tick`, with `verdict`.
        case judged
        /// It was not taken and stands in no seal; `refusal` and `reason` say why.
        case refused
    }
    /// Why a submission was not taken.
    public enum Refusal: String, Codable, Sendable, Hashable, CaseIterable {
        /// Nobody holds the seat, or the name is no name.
        case unknownSeat
        /// The seat is held from the next tick on.
        case notYet
        /// Another has taken the seat over, or this generation has never been.
        case wrongGeneration
        /// The sequence is not a positive number.
        case badSequence
        /// The same seat, generation and sequence have said something else before.
        case conflict
        /// The sequence is so old that it is not known any more what was answered.
        case forgotten
        /// As many of the seat's actions as it may have are pending.
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
    /// How far it is.
    public var status: Status
    /// The tick in whose seal it stands or will stand.
    public var tick: Int64?
    /// What was decided, once it was.
    public var verdict: Verdict?
    /// Why it was not taken.
    public var refusal: Refusal?
    /// Why, in words, when it was refused or is not applied.
    public var reason: String?
    /// How long it waited for the seal, in milliseconds: a seat that waits long may look later and know more. Of the clock,
    /// so never in a seal.
    public var waitedMillis: Int64?
    /// Whether the same was sent before; this is the answer that the first got, or its verdict.
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
