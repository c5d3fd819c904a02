public import MeshCore

/// `sim_join`, peer to controller: asks for a seat.
public struct SimJoin: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_join"
    /// The seat's name; nil: the controller chooses one.
    public var name: String?
    /// The role; nil: any.
    public var role: String?
    /// What kind of mind will hold it.
    public var mind: Mind
    /// The generation that the peer held before, when its connection was lost and it wants to go on.
    public var resume: Int64?

    /// Makes a message.
    public init(name: String? = nil, role: String? = nil, mind: Mind, resume: Int64? = nil) {
        self.name = name
        self.role = role
        self.mind = mind
        self.resume = resume
    }
}

/// `sim_welcome`, controller to peer: a seat is the peer's.
public struct SimWelcome: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_welcome"
    /// The seat.
    public var seat: String
    /// The peer's generation, which its actions must name.
    public var generation: Int64
    /// The run's name.
    public var sim: String
    /// The part of the world that the controller runs.
    public var domain: String
    /// The tick from which the seat is held.
    public var tick: Int64
    /// The available actions.
    public var actions: ActionCatalog
    /// What happens when the seat is late.
    public var latePolicy: LatePolicy
    /// Which seats ticks wait for, how long, and the cost budget.
    public var barrier: Barrier

    /// Makes a message.
    public init(
        seat: String, generation: Int64, sim: String, domain: String, tick: Int64, actions: ActionCatalog,
        latePolicy: LatePolicy, barrier: Barrier
    ) {
        self.seat = seat
        self.generation = generation
        self.sim = sim
        self.domain = domain
        self.tick = tick
        self.actions = actions
        self.latePolicy = latePolicy
        self.barrier = barrier
    }
}

/// `sim_observation`, controller to peer: what the seat sees.
public struct SimObservation: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_observation"
    /// The seat.
    public var seat: String
    /// The seat's generation.
    public var generation: Int64
    /// The sealed tick after which it was seen; an action upon it names it as `basedOn`.
    public var tick: Int64
    /// The controller's count of the seat's observations.
    public var sequence: Int64
    /// The sequence of the observation that this one is a delta against; nil: it is full.
    public var base: Int64?
    /// How long from its sending an action is in time, in milliseconds; nil: as long as it takes.
    public var deadlineMillis: Int64?
    /// What is seen.
    public var payload: JSON

    /// Makes a message.
    public init(
        seat: String, generation: Int64, tick: Int64, sequence: Int64, base: Int64? = nil, deadlineMillis: Int64? = nil,
        payload: JSON
    ) {
        self.seat = seat
        self.generation = generation
        self.tick = tick
        self.sequence = sequence
        self.base = base
        self.deadlineMillis = deadlineMillis
        self.payload = payload
    }
}

/// `sim_ack`, peer to controller: an observation has arrived, or a full one is needed.
public struct SimAck: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_ack"
    /// The seat.
    public var seat: String
    /// The seat's generation.
    public var generation: Int64
    /// The sequence of the observation that has arrived.
    public var sequence: Int64
    /// Whether the next must be full, for example because the peer has lost its state; absent: no.
    public var keyframe: Bool?
    /// The tick of an observation after which the seat does nothing: the tick that follows it does not wait for the seat.
    public var passAfter: Int64?

    /// Makes a message.
    public init(
        seat: String, generation: Int64, sequence: Int64, keyframe: Bool? = nil, passAfter: Int64? = nil
    ) {
        self.seat = seat
        self.generation = generation
        self.sequence = sequence
        self.keyframe = keyframe
        self.passAfter = passAfter
    }
}

/// `sim_action`, peer to controller: what the seat does.
public struct SimAction: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_action"
    /// The seat.
    public var seat: String
    /// The seat's generation.
    public var generation: Int64
    /// The peer's count of its actions, from 1; a retransmission keeps its sequence.
    public var sequence: Int64
    /// The tick of the observation it is based on.
    public var basedOn: Int64
    /// The tick it is meant for; nil: the one after its observation.
    public var tick: Int64?
    /// The action's name.
    public var action: String
    /// Its arguments; nil: none.
    public var arguments: JSON?
    /// What it cost to decide, in the unit of the barrier's budget; nil: nothing.
    public var cost: Int64?

    /// Makes a message.
    public init(
        seat: String, generation: Int64, sequence: Int64, basedOn: Int64, tick: Int64? = nil, action: String,
        arguments: JSON? = nil, cost: Int64? = nil
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

    /// What the collector takes.
    public var submission: Submission {
        Submission(
            seat: seat, generation: generation, sequence: sequence, basedOn: basedOn, tick: tick, action: action,
            arguments: arguments, cost: cost ?? 0)
    }
}

/// `sim_result`, controller to peer: the outcome of actions.
public struct SimResult: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_result"
    /// The seat.
    public var seat: String
    /// The seat's generation.
    public var generation: Int64
    /// One for each action.
    public var results: [SimActionResult]

    /// Makes a message.
    public init(seat: String, generation: Int64, results: [SimActionResult]) {
        self.seat = seat
        self.generation = generation
        self.results = results
    }
}

/// The outcome of an action, in `sim_result`.
public struct SimActionResult: Codable, Sendable, Hashable {
    /// The action's sequence.
    public var sequence: Int64
    /// The tick whose seal contains it; nil: none.
    public var tick: Int64?
    /// What was decided; nil: it was not taken.
    public var verdict: Verdict?
    /// Whether it was performed.
    public var accepted: Bool
    /// The code of the refusal, when it was refused.
    public var refusal: Receipt.Refusal?
    /// The reason: what is wrong and what is valid.
    public var reason: String?
    /// Its effects, as defined by the scenario.
    public var effects: JSON?
    /// How long it waited for the seal, in milliseconds.
    public var waitedMillis: Int64?

    /// What a receipt says. A world that refuses an action which was in time sets `accepted` and `reason` itself.
    public init(_ receipt: Receipt, effects: JSON? = nil) {
        sequence = receipt.sequence
        tick = receipt.tick
        verdict = receipt.verdict
        accepted = receipt.verdict?.isApplied ?? false
        refusal = receipt.refusal
        reason = receipt.reason
        self.effects = effects
        waitedMillis = receipt.waitedMillis
    }
}

/// `sim_leave`, peer to controller: the seat is given up.
public struct SimLeave: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_leave"
    /// The seat.
    public var seat: String
    /// The seat's generation.
    public var generation: Int64
    /// The reason, as text.
    public var reason: String?

    /// Makes a message.
    public init(seat: String, generation: Int64, reason: String? = nil) {
        self.seat = seat
        self.generation = generation
        self.reason = reason
    }
}
