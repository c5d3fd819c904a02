public import MeshCore

/// What happens when a seat has no action in time, and what happens to a late action.
///
/// As JSON: `{"policy":"reject"}`, `{"policy":"carry"}`, `{"policy":"holdLast","ticks":3}`, `{"policy":"idle","ticks":3}`,
/// `{"policy":"fallback","action":"wait","arguments":{}}`, `{"policy":"stall","milliseconds":30000}`.
public enum LatePolicy: Sendable, Hashable {
    /// A late action is not applied; without one the seat does nothing.
    case reject
    /// A late action is applied in the tick that is open when it arrives, if the seat has no newer one there.
    case carry
    /// A late action is not applied; without one the last applied action is repeated, for up to this many ticks on end.
    case holdLast(ticks: Int64)
    /// The seat may think for this many ticks, without acting; what arrives by then is applied. (Grid2op: idle for k
    /// steps, then apply.)
    case idle(ticks: Int64)
    /// A late action is not applied; without one, this action is.
    case fallback(action: String, arguments: JSON)
    /// The tick waits until the seat has acted or this many milliseconds have passed since it opened, even if its
    /// barrier is met; it may wait longer. A late action is not applied.
    case stall(milliseconds: Int64)

    /// The maximum number of ticks for `holdLast` and `idle`.
    public static let maximumTicks: Int64 = 1_000_000
    /// The longest stall: a day.
    public static let maximumMilliseconds: Int64 = 86_400_000

    /// Fails when a number or a name is out of range.
    public func check() throws(SimError) {
        switch self {
        case .reject, .carry: break
        case .holdLast(let ticks), .idle(let ticks):
            guard (1...Self.maximumTicks).contains(ticks) else {
                throw SimError("`ticks` of a late policy is \(ticks); give 1 to \(Self.maximumTicks)")
            }
        case .fallback(let action, _): try SimName.check(action, what: "fallback's action")
        case .stall(let milliseconds):
            guard (1...Self.maximumMilliseconds).contains(milliseconds) else {
                throw SimError(
                    "`milliseconds` of a stall is \(milliseconds); give 1 to \(Self.maximumMilliseconds) (a day)")
            }
        }
    }
}

extension LatePolicy: Codable {
    private enum Key: String, CodingKey { case policy, ticks, action, arguments, milliseconds }
    private enum Word: String, CaseIterable { case reject, carry, holdLast, idle, fallback, stall }

    /// Reads the plain form. Fails when the policy is unknown or a number is out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let text = try fields.decode(String.self, forKey: .policy)
        guard let word = Word(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .policy, in: fields,
                debugDescription: "unknown; give one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        switch word {
        case .reject: self = .reject
        case .carry: self = .carry
        case .holdLast: self = .holdLast(ticks: try fields.decode(Int64.self, forKey: .ticks))
        case .idle: self = .idle(ticks: try fields.decode(Int64.self, forKey: .ticks))
        case .fallback:
            self = .fallback(
                action: try fields.decode(String.self, forKey: .action),
                arguments: try fields.decodeIfPresent(JSON.self, forKey: .arguments) ?? [:])
        case .stall: self = .stall(milliseconds: try fields.decode(Int64.self, forKey: .milliseconds))
        }
        do { try check() } catch {
            throw DecodingError.dataCorruptedError(forKey: .policy, in: fields, debugDescription: error.description)
        }
    }

    /// Writes the plain form.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        func write(_ word: Word) throws { try fields.encode(word.rawValue, forKey: .policy) }
        switch self {
        case .reject: try write(.reject)
        case .carry: try write(.carry)
        case .holdLast(let ticks):
            try write(.holdLast)
            try fields.encode(ticks, forKey: .ticks)
        case .idle(let ticks):
            try write(.idle)
            try fields.encode(ticks, forKey: .ticks)
        case .fallback(let action, let arguments):
            try write(.fallback)
            try fields.encode(action, forKey: .action)
            try fields.encode(arguments, forKey: .arguments)
        case .stall(let milliseconds):
            try write(.stall)
            try fields.encode(milliseconds, forKey: .milliseconds)
        }
    }
}
