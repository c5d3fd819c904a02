import MeshCore

/// A summary of a recording.
public struct SimReport: Codable, Sendable, Hashable {
    /// One metric over all ticks.
    public struct Metric: Codable, Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Of how many ticks it is known.
        public var count: Int
        /// Its value at the first tick that has one.
        public var first: Double
        /// Its value at the last tick that has one.
        public var last: Double
        /// Its smallest value.
        public var min: Double
        /// Its largest value.
        public var max: Double
        /// Its mean over the ticks.
        public var mean: Double
        /// Its standard deviation over the ticks.
        public var sd: Double
    }
    /// How often each verdict was given to one seat.
    public struct Seat: Codable, Sendable, Hashable {
        /// The seat.
        public var name: String
        /// How often, by verdict, in the order of `Verdict.allCases`.
        public var verdicts: [Int]
        /// How often one verdict was given.
        public subscript(verdict: Verdict) -> Int {
            Verdict.allCases.firstIndex(of: verdict).flatMap { $0 < verdicts.count ? verdicts[$0] : nil } ?? 0
        }
    }

    /// The header of the run.
    public var header: SimRecording.Header
    /// The first tick; nil when there is none.
    public var firstTick: Int64?
    /// The last tick; nil when there is none.
    public var lastTick: Int64?
    /// The chain's last hash, hex.
    public var chain: String = ""
    /// The ticks at which the state is in the record.
    public var checkpoints: [Int64] = []
    /// The metrics, in the model's order.
    public var metrics: [Metric] { names.enumerated().map { Metric($1, statistics[$0]) } }
    /// The seats that acted, by name.
    public private(set) var seats: [Seat] = []
    /// The result of verifying the run; nil when it was not verified.
    public var verification: Verification?
    /// The number of a torn last line, which is skipped.
    public var tornLine: Int?
    /// Whether seats beyond the limit were left out.
    public private(set) var leftOutSeats = false

    private var names: [String] = []
    private var statistics: [SampleStatistics] = []
    /// The maximum number of seats counted.
    public static let seatLimit = 10_000

    /// A report of a run whose ticks are added one by one.
    public init(_ header: SimRecording.Header) { self.header = header }

    /// A report of a whole recording.
    public init(_ recording: SimRecording, verification: Verification? = nil) {
        self.init(recording.header)
        for tick in recording.ticks { add(tick) }
        self.verification = verification
    }

    /// A report of a file, read line by line.
    public init(file path: String) throws(SimError) {
        var reader = try RunFileReader(path)
        self.init(reader.header)
        while let tick = try reader.next() { add(tick) }
        tornLine = reader.tornLine
    }

    /// Adds the next tick.
    public mutating func add(_ tick: SimRecording.Tick) {
        if firstTick == nil { firstTick = tick.tick }
        lastTick = tick.tick
        chain = tick.chain
        if tick.state != nil { checkpoints.append(tick.tick) }
        for (name, value) in tick.metrics.objectValue ?? JSONObject() {
            guard let value = value.doubleValue else { continue }
            if let place = names.firstIndex(of: name) {
                statistics[place].add(value)
            } else {
                names.append(name)
                statistics.append(SampleStatistics())
                statistics[names.count - 1].add(value)
            }
        }
        for input in tick.seal?.inputs ?? [] { count(input) }
    }

    private mutating func count(_ input: SealedInput) {
        guard let verdict = Verdict.allCases.firstIndex(of: input.verdict) else { return }
        // Few seats and many ticks: a search in the sorted seats.
        var (low, high) = (0, seats.count)
        while low < high {
            let middle = (low + high) / 2
            if seats[middle].name.precedesInBytes(input.seat) { low = middle + 1 } else { high = middle }
        }
        if low == seats.count || seats[low].name != input.seat {
            guard seats.count < Self.seatLimit else {
                leftOutSeats = true
                return
            }
            let none = [Int](repeating: 0, count: Verdict.allCases.count)
            seats.insert(Seat(name: input.seat, verdicts: none), at: low)
        }
        seats[low].verdicts[verdict] += 1
    }
}

extension SimReport.Metric {
    init(_ name: String, _ values: SampleStatistics) {
        self.init(
            name: name, count: values.count, first: values.first, last: values.last, min: values.min, max: values.max,
            mean: values.mean, sd: values.deviation)
    }
}
