/// What kind of mind holds a seat.
public struct Mind: RawRepresentable, Codable, Sendable, Hashable {
    /// The word, as it stands in seals.
    public var rawValue: String
    /// A mind of the scenario's own word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A program of rules.
    public static let coded = Mind(rawValue: "coded")
    /// A language model.
    public static let model = Mind(rawValue: "model")
    /// A person.
    public static let human = Mind(rawValue: "human")
}

/// A place for one who acts: a body of the world, and whoever holds it.
public struct Seat: Codable, Sendable, Hashable, Named {
    /// Its name, which orders the seats: printable ASCII without space, at most 64 bytes.
    public var name: String
    /// Raised with each new holder; an action of an earlier holder is not one of this holder. The table counts it.
    public internal(set) var generation: Int64 = 0
    /// The kind of mind that holds it.
    public var mind: Mind
    /// Which part it plays, for example `customer`.
    public var role: String?
    /// What happens when it is late.
    public var latePolicy: LatePolicy
    /// Whether ticks wait for it.
    public var isBlocking: Bool
    /// For how many ticks on end it had nothing in time.
    public internal(set) var missed: Int64 = 0
    /// How many ticks older than the newest its observation may be; nil: as old as it likes.
    public var stalenessLimit: Int64?
    /// How many actions may wait for it to be judged.
    public var maximumPending: Int
    /// The generation for which the body was made: a hand-over keeps the body, a rejoin gets another.
    var body: Int64 = 0

    /// The most that `maximumPending` may be.
    public static let pendingLimit = 64

    /// Makes a seat; the table gives it its generation.
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
