public import MeshCore

/// The decision on a seat's input in a tick. It is written to the seal, so that a replay needs no clock.
public enum Verdict: String, Codable, Sendable, Hashable, CaseIterable {
    /// Arrived while the tick was open; applied.
    case onTime
    /// Arrived too late for its tick; applied in this one.
    case carried
    /// Nothing arrived: the seat's last action is repeated.
    case held
    /// Arrived within the ticks that the seat may think, in which it is idle; applied.
    case idled
    /// Nothing arrived: the seat's fallback is applied.
    case fallback
    /// Nothing arrived: the seat does nothing.
    case missing
    /// The seat passed.
    case passed
    /// Arrived too late; not applied.
    case late
    /// Based on an observation older than the seat's limit; not applied.
    case stale
    /// Not an action of this scenario, or its arguments are invalid; not applied.
    case invalid
    /// The seat's program failed or its connection was lost; it does nothing.
    case failed

    /// Whether the action is applied to the world.
    public var isApplied: Bool {
        switch self {
        case .onTime, .carried, .held, .idled, .fallback: true
        case .missing, .passed, .late, .stale, .invalid, .failed: false
        }
    }
}

/// One seat's input to a tick, with its verdict.
public struct SealedInput: Codable, Sendable, Hashable {
    /// The actor: the name of a seat.
    public var seat: String
    /// The generation of the seat's holder; it separates the actions of different holders.
    public var generation: Int64
    /// The holder's count of its actions; with seat and generation it identifies the action.
    public var sequence: Int64
    /// Inputs of a lower phase come first: 0 for commands of people, 1 for actions.
    public var phase: Int64
    /// Within a phase, higher priorities come first.
    public var priority: Int64
    /// The action's name; nil when there is none.
    public var action: String?
    /// Its arguments.
    public var arguments: JSON?
    /// The tick of the observation it was based on.
    public var basedOn: Int64?
    /// The verdict.
    public var verdict: Verdict
    /// The reason, for verdicts that refuse.
    public var reason: String?

    /// Makes an input.
    public init(
        seat: String, generation: Int64 = 1, sequence: Int64, phase: Int64 = 1, priority: Int64 = 0, action: String?,
        arguments: JSON? = nil, basedOn: Int64? = nil, verdict: Verdict, reason: String? = nil
    ) {
        self.seat = seat
        self.generation = generation
        self.sequence = sequence
        self.phase = phase
        self.priority = priority
        self.action = action
        self.arguments = arguments
        self.basedOn = basedOn
        self.verdict = verdict
        self.reason = reason
    }

    /// The order of a seal: phase, priority (high first), seat, generation, sequence. It is total: the last three
    /// identify an action.
    public static func precedes(_ one: SealedInput, _ other: SealedInput) -> Bool {
        if one.phase != other.phase { return one.phase < other.phase }
        if one.priority != other.priority { return one.priority > other.priority }
        if one.seat != other.seat { return one.seat.precedesInBytes(other.seat) }
        if one.generation != other.generation { return one.generation < other.generation }
        return one.sequence < other.sequence
    }
}

/// A change of a seat's holder, effective at the beginning of a tick.
public struct SeatChange: Codable, Sendable, Hashable {
    /// What happened.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The seat was taken: its body is in the world from this tick on.
        case joined
        /// The seat was given up.
        case left
        /// Another mind took over the same body: the generation increases.
        case handedOver
        /// The seat is no longer waited for: it was silent too often.
        case demoted
        /// The seat is waited for again.
        case readmitted
    }
    /// The seat.
    public var seat: String
    /// What happened.
    public var kind: Kind
    /// The seat's new generation.
    public var generation: Int64
    /// The kind of mind that holds it: `coded`, `model`, `human`, or a name defined by the scenario.
    public var mind: String?
    /// Its role, for example `customer`; the scenario gives it a body of that kind.
    public var role: String?

    /// Makes a change.
    public init(seat: String, kind: Kind, generation: Int64, mind: String? = nil, role: String? = nil) {
        self.seat = seat
        self.kind = kind
        self.generation = generation
        self.mind = mind
        self.role = role
    }
}

/// Values of another domain that a tick reads, as of that domain's sealed tick.
public struct SealedImport: Codable, Sendable, Hashable {
    /// The domain that owns them.
    public var domain: String
    /// The tick at which they were sealed.
    public var tick: Int64
    /// The values by key.
    public var values: JSON

    /// Makes an import.
    public init(domain: String, tick: Int64, values: JSON) {
        self.domain = domain
        self.tick = tick
        self.values = values
    }
}

/// All external input of a tick. Nothing is added after the seal; state(n) = advance(state(n-1), seal n,
/// seed), with no other input.
public struct Seal: Codable, Sendable, Hashable {
    /// The tick that the step leads to, from 1.
    public var tick: Int64
    /// The seats that were taken, given up or changed; by seat.
    public var changes: [SeatChange]
    /// The seats' inputs, in the order of `SealedInput.precedes`.
    public var inputs: [SealedInput]
    /// The imports from other domains; by domain.
    public var imports: [SealedImport]

    /// Makes a seal; sorts its parts.
    public init(
        tick: Int64, changes: [SeatChange] = [], inputs: [SealedInput] = [], imports: [SealedImport] = []
    ) {
        self.tick = tick
        self.changes = changes.sorted {
            $0.seat == $1.seat
                ? ($0.generation, $0.kind.rawValue) < ($1.generation, $1.kind.rawValue)
                : $0.seat.precedesInBytes($1.seat)
        }
        self.inputs = inputs.sorted(by: SealedInput.precedes)
        self.imports = imports.sorted {
            $0.domain == $1.domain ? $0.tick < $1.tick : $0.domain.precedesInBytes($1.domain)
        }
    }

    /// SHA-256 of its RFC 8785 form.
    public var hash: Digest {
        var hasher = StateHasher()
        // A seal has only texts and integers; arguments that were read from JSON can be written as JSON.
        hasher.add((try? JSONCoder.encode(self))?.canonicalBytes() ?? [])
        return hasher.finish()
    }
}

extension String {
    /// The order of names wherever it matters: by bytes, the same on every platform.
    func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
