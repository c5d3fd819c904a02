/// What kind of mind holds a seat.
public struct Mind: RawRepresentable, Codable, Sendable, Hashable {
    /// The raw value, as written in seals.
    public var rawValue: String
    /// A kind of mind defined by the scenario.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A rule-based program.
    public static let coded = Mind(rawValue: "coded")
    /// A language model.
    public static let model = Mind(rawValue: "model")
    /// A person.
    public static let human = Mind(rawValue: "human")
}

/// A seat: a body in the world and its holder.
public struct Seat: Codable, Sendable, Hashable, Named {
    /// Its name, which orders the seats: printable ASCII without space, at most 64 bytes.
    public var name: String
    /// Raised with each new holder; it separates their actions. The seat table assigns it.
    public internal(set) var generation: Int64 = 0
    /// The kind of mind that holds it.
    public var mind: Mind
    /// Its role, for example `customer`.
    public var role: String?
    /// What happens when it is late.
    public var latePolicy: LatePolicy
    /// Whether ticks wait for it.
    public var isBlocking: Bool
    /// The number of consecutive ticks it missed.
    public internal(set) var missed: Int64 = 0
    /// The maximum age of its observation, in ticks; nil: unlimited.
    public var stalenessLimit: Int64?
    /// The maximum number of its pending actions.
    public var maximumPending: Int
    /// The generation for which the body was made: a hand-over keeps the body, a rejoin gets a new one.
    var body: Int64 = 0

    /// The maximum of `maximumPending`.
    public static let pendingLimit = 64

    /// Makes a seat; the table assigns its generation.
    public init(
        _ name: String, mind: Mind, role: String? = nil, latePolicy: LatePolicy = .reject, isBlocking: Bool = true,
        stalenessLimit: Int64? = nil, maximumPending: Int = 8
    ) {
        self.name = name
        self.mind = mind
        self.role = role
        self.latePolicy = latePolicy
        self.isBlocking = isBlocking
        self.stalenessLimit = stalenessLimit
        self.maximumPending = maximumPending
    }

    /// Fails when something is out of range.
    public func check() throws(SimError) {
        try SimName.check(name, what: "name of a seat")
        try SimName.check(mind.rawValue, what: "mind of a seat")
        if let role { try SimName.check(role, what: "role of a seat") }
        try latePolicy.check()
        if let stalenessLimit, stalenessLimit < 0 {
            throw SimError("a staleness limit of \(stalenessLimit) ticks; give 0 or more, or none")
        }
        guard (1...Self.pendingLimit).contains(maximumPending) else {
            throw SimError("\(maximumPending) pending actions; give 1 to \(Self.pendingLimit)")
        }
    }
}
