/// How the ticks of a run follow the clock. It never enters a seal: the same seals give the same run at every pace.
///
/// As JSON: `{"pace":"paused"}`, `{"pace":"step","ticks":5}`, `{"pace":"realTime","times":2.0,"tickMillis":1000}`,
/// `{"pace":"asFastAsPossible"}`, `{"pace":"barrier"}`, `{"pace":"eventSkip"}`.
public enum Pacing: Sendable, Hashable {
    /// No tick begins.
    case paused
    /// This many ticks begin, then the run pauses.
    case step(ticks: Int64)
    /// A tick of `tickMillis` milliseconds of the world takes `tickMillis / times` of the clock.
    case realTime(times: Double, tickMillis: Int64)
    /// Each tick begins when the previous one is done, and is sealed with what has arrived.
    case asFastAsPossible
    /// Each tick begins when the previous one is done, and is sealed when its barrier is met.
    case barrier
    /// Ticks before the next event are as fast as possible; the others wait for the barrier.
    case eventSkip

    /// The fastest and slowest real time.
    public static let timesRange: ClosedRange<Double> = 0.001...1_000_000

    /// Fails when a number is out of range.
    public func check() throws(SimError) {
        switch self {
        case .step(let ticks) where ticks < 1: throw SimError("a step of \(ticks) ticks; give 1 or more")
        case .realTime(let times, let tickMillis):
            guard Self.timesRange.contains(times) else {
                throw SimError("real time x \(times); give 0.001 to 1000000")
            }
            guard (1...Barrier.maximumMillis).contains(tickMillis) else {
                throw SimError("a tick of \(tickMillis) ms; give 1 to \(Barrier.maximumMillis) (a day)")
            }
        default: break
        }
    }
}

extension Pacing: Codable {
    private enum Key: String, CodingKey { case pace, ticks, times, tickMillis }
    private enum Word: String, CaseIterable { case paused, step, realTime, asFastAsPossible, barrier, eventSkip }

    private var word: Word {
        switch self {
        case .paused: .paused
        case .step: .step
        case .realTime: .realTime
        case .asFastAsPossible: .asFastAsPossible
        case .barrier: .barrier
        case .eventSkip: .eventSkip
        }
    }

    /// Reads the plain form. Fails when the pace is unknown or a number is out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let text = try fields.decode(String.self, forKey: .pace)
        guard let word = Word(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .pace, in: fields,
                debugDescription: "unknown; give one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        switch word {
        case .paused: self = .paused
        case .step: self = .step(ticks: try fields.decode(Int64.self, forKey: .ticks))
        case .realTime:
            self = .realTime(
                times: try fields.decode(Double.self, forKey: .times),
                tickMillis: try fields.decode(Int64.self, forKey: .tickMillis))
        case .asFastAsPossible: self = .asFastAsPossible
        case .barrier: self = .barrier
        case .eventSkip: self = .eventSkip
        }
        do { try check() } catch {
            throw DecodingError.dataCorruptedError(forKey: .pace, in: fields, debugDescription: error.description)
        }
    }

    /// Writes the plain form.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(word.rawValue, forKey: .pace)
        switch self {
        case .step(let ticks): try fields.encode(ticks, forKey: .ticks)
        case .realTime(let times, let tickMillis):
            try fields.encode(times, forKey: .times)
            try fields.encode(tickMillis, forKey: .tickMillis)
        default: break
        }
    }
}

/// What happens when real time cannot be kept.
public enum OverrunPolicy: Sendable, Hashable {
    /// Falls behind, then catches up: overdue ticks begin at once.
    case bestEffort
    /// Stops with an error when the lag exceeds this many milliseconds.
    case hardLimit(milliseconds: Int64)
    /// Resets the schedule: nothing is caught up, the run takes longer.
    case slowDown
}
