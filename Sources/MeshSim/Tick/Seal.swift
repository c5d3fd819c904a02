public import MeshCore

/// What was decided about a seat's part in a tick. It is written in the seal, so that a replay needs no clock.
public enum Verdict: String, Codable, Sendable, Hashable, CaseIterable {
    /// Came while the tick was open, and is applied.
    case onTime
    /// Came too late for the tick it was meant for, and is applied in this one.
    case carried
    /// Nothing came: the seat's last action is applied again.
    case held
    /// Nothing came for as many ticks as the seat may think: it is idle in them, and what came then is applied.
    case idled
    /// Nothing came: the seat's fallback has chosen.
    case fallback
    /// Nothing came: the seat does nothing.
    case missing
    /// The seat has said that it does nothing.
    case passed
    /// Came too late, and is not applied.
    case late
    /// Was based on an observation older than the seat's limit, and is not applied.
    case stale
    /// Is no action of this scenario, or its arguments do not fit, and is not applied.
    case invalid
    /// The seat's program failed or its connection was lost; it does nothing.
    case failed

    /// Whether the action reaches the world.
    public var isApplied: Bool {
        switch self {
        case .onTime, .carried, .held, .idled, .fallback: true
        case .missing, .passed, .late, .stale, .invalid, .failed: false
        }
    }
}

/// One seat's part in a tick, judged.
public struct SealedInput: Codable, Sendable, Hashable {
    /// Who acts: the name of a seat.
    public var seat: String
    /// How often the seat was taken before; an action of an earlier holder is not one of this holder.
    public var generation: Int64
    /// The holder's own count of its actions; with seat and generation it names the action once.
    public var sequence: Int64
    /// Inputs of a lower phase come first: 0 for commands of people, 1 for actions.
    public var phase: Int64
    /// Of one phase those of a higher priority come first.
    public var priority: Int64
    /// The action's name; nil when there is none.
    public var action: String?
    /// Its arguments.
    public var arguments: JSON?
    /// The tick of the observation that it was based on.
    public var basedOn: Int64?
    /// What was decided.
    public var verdict: Verdict
    /// Why, for the verdicts that refuse.
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

    /// The order of a seal: phase, priority (high first), seat, generation, sequence. It is total: the last three name
    /// an action once.
    public static func precedes(_ one: SealedInput, _ other: SealedInput) -> Bool {
        if one.phase != other.phase { return one.phase < other.phase }
        if one.priority != other.priority { return one.priority > other.priority }
        if one.seat != other.seat { return one.seat.precedesInBytes(other.seat) }
        if one.generation != other.generation { return one.generation < other.generation }
        return one.sequence < other.sequence
    }
}

/// A change of who holds a seat, effective at the beginning of a tick.
public struct SeatChange: Codable, Sendable, Hashable {
    /// What happened.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The seat was taken: its body is in the world from this tick on.
        case joined
        /// The seat was given up.
        case left
        /// Another mind took over the same body: the generation is raised.
        case handedOver
        /// The seat is not waited for any more: it was silent too often.
        case demoted
        /// The seat is waited for again.
        case readmitted
    }
    /// The seat.
    public var seat: String
    /// What happened.
    public var kind: Kind
    /// The seat's generation from now on.
    public var generation: Int64
    /// What kind of mind holds it: `coded`, `model`, `human`, or a name of the scenario's own.
    public var mind: String?
    /// Which part it plays, for example `customer`; the scenario gives it a body of that kind.
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

/// Values of another domain that a tick reads: as they were at that domain's sealed tick.
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

/// Everything from outside that a tick depends on. After the seal nothing is added; state(n) = advance(state(n-1), seal n,
/// seed), and nothing else enters.
public struct Seal: Codable, Sendable, Hashable {
    /// The tick that the step leads to, from 1.
    public var tick: Int64
    /// Who came, left, changed; by seat.
    public var changes: [SeatChange]
    /// What the seats do, in the order of `SealedInput.precedes`.
    public var inputs: [SealedInput]
    /// What other domains have sealed; by domain.
    public var imports: [SealedImport]

    /// Makes a seal; puts everything into its order.
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
        // A seal is texts and whole numbers; arguments that came in as JSON go out as JSON.
        hasher.add((try? JSONCoder.encode(self))?.canonicalBytes() ?? [])
        return hasher.finish()
    }
}

extension String {
    /// The order of names wherever one decides something: by bytes, the same everywhere.
    func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
