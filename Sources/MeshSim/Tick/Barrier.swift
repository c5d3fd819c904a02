/// Which seats a tick waits for before it is sealed, and how long.
///
/// As JSON: `{"kind":"quorum","count":3,"deadlineMillis":500,"costBudget":2000}`; `{"kind":"required","seats":["judge"]}`;
/// `{"kind":"all"}`; `{"kind":"none"}`.
public struct Barrier: Sendable, Hashable {
    /// Which seats it waits for. Only blocking seats are waited for, and only from the tick after they have joined.
    public enum Kind: Sendable, Hashable {
        /// Every seat.
        case all
        /// This many seats; every seat when there are fewer.
        case quorum(Int)
        /// These seats, if they are taken.
        case required([String])
        /// No seat: the tick is sealed at its deadline, or at once without one.
        case none
    }
    /// Which seats it waits for.
    public var kind: Kind
    /// The deadline, in milliseconds from the opening of the tick; nil: unlimited.
    public var deadlineMillis: Int64?
    /// The maximum cost of an action in time, in the unit that seats report, such as tokens. An action of cost c
    /// with a budget b arrives (c - 1) / b ticks after its own, regardless of the clock: such lateness is reproducible.
    public var costBudget: Int64?

    /// The longest deadline: a day.
    public static let maximumMillis: Int64 = 86_400_000
    /// The maximum cost and budget: the largest integer that every JSON library reads exactly.
    public static let maximumCost: Int64 = 1 << 53

    /// Makes a barrier. Fails when a number is out of range or a name is invalid.
    public init(_ kind: Kind, deadlineMillis: Int64? = nil, costBudget: Int64? = nil) throws(SimError) {
        self.kind = kind
        self.deadlineMillis = deadlineMillis
        self.costBudget = costBudget
        try check()
    }

    /// Waits for every seat, without a deadline.
    public static let all = Barrier(kind: .all)
    /// Waits for no seat.
    public static let none = Barrier(kind: .none)

    private init(kind: Kind) { self.kind = kind }

    /// Fails when a number is out of range or a name is invalid.
    public func check() throws(SimError) {
        if case .quorum(let count) = kind, !(1...SeatTable.maximumSeats).contains(count) {
            throw SimError("a quorum of \(count); give 1 to \(SeatTable.maximumSeats)")
        }
        if case .required(let seats) = kind {
            guard (1...SeatTable.maximumSeats).contains(seats.count) else {
                throw SimError("\(seats.count) required seats; give 1 to \(SeatTable.maximumSeats)")
            }
            for seat in seats { try SimName.check(seat, what: "name of a required seat") }
        }
        if let deadlineMillis, !(0...Self.maximumMillis).contains(deadlineMillis) {
            throw SimError("a deadline of \(deadlineMillis) ms; give 0 to \(Self.maximumMillis) (a day), or none")
        }
        if let costBudget, !(1...Self.maximumCost).contains(costBudget) {
            throw SimError("a cost budget of \(costBudget); give 1 to 2^53, or none")
        }
    }

    /// Returns how many ticks an action is delayed by its cost.
    func delay(cost: Int64) -> Int64 {
        guard let costBudget, cost > 0 else { return 0 }
        return (cost - 1) / costBudget
    }
}

extension Barrier: Codable {
    private enum Key: String, CodingKey { case kind, count, seats, deadlineMillis, costBudget }
    private enum Word: String, CaseIterable { case all, quorum, required, none }

    /// Reads the plain form. Fails when the kind is unknown or a number is out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let text = try fields.decode(String.self, forKey: .kind)
        guard let word = Word(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: fields,
                debugDescription: "unknown; give one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        switch word {
        case .all: kind = .all
        case .quorum: kind = .quorum(try fields.decode(Int.self, forKey: .count))
        case .required: kind = .required(try fields.decode([String].self, forKey: .seats))
        case .none: kind = .none
        }
        deadlineMillis = try fields.decodeIfPresent(Int64.self, forKey: .deadlineMillis)
        costBudget = try fields.decodeIfPresent(Int64.self, forKey: .costBudget)
        do { try check() } catch {
            throw DecodingError.dataCorruptedError(forKey: .kind, in: fields, debugDescription: error.description)
        }
    }

    /// Writes the plain form.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch kind {
        case .all: try fields.encode(Word.all.rawValue, forKey: .kind)
        case .none: try fields.encode(Word.none.rawValue, forKey: .kind)
        case .quorum(let count):
            try fields.encode(Word.quorum.rawValue, forKey: .kind)
            try fields.encode(count, forKey: .count)
        case .required(let seats):
            try fields.encode(Word.required.rawValue, forKey: .kind)
            try fields.encode(seats, forKey: .seats)
        }
        try fields.encodeIfPresent(deadlineMillis, forKey: .deadlineMillis)
        try fields.encodeIfPresent(costBudget, forKey: .costBudget)
    }
}
