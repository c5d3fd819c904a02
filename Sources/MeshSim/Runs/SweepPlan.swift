public import MeshCore

/// Which runs to make: every combination of the axes' values, each repeated.
public struct SweepPlan: Codable, Sendable, Hashable {
    /// One parameter and the values that it takes.
    public struct Axis: Codable, Sendable, Hashable {
        /// The parameter's name, as `ParameterSet` has it.
        public var name: String
        /// Its values, in their order.
        public var values: [JSON]
        /// Makes an axis.
        public init(_ name: String, _ values: [JSON]) {
            self.name = name
            self.values = values
        }
    }

    /// The maximum number of runs in a plan.
    public static let runLimit = 100_000
    /// The maximum number of axes.
    public static let axisLimit = 16

    /// The parameters that no axis sets.
    public var parameters: JSON
    /// The axes; the last one changes first.
    public var axes: [Axis]
    /// Runs of each combination.
    public var replicates: Int
    /// What every run's seed is derived from; at most 2^63-1.
    public var masterSeed: UInt64
    /// Steps of each run.
    public var ticks: Int64
    /// Ticks whose metrics are kept beside the last one's.
    public var sampleTicks: [Int64]
    /// Whether the n-th run of every combination has the same seed (common random numbers): then what differs between
    /// combinations has less random variation.
    public var sharesSeeds: Bool

    /// Makes a plan.
    public init(
        parameters: JSON, axes: [Axis] = [], replicates: Int = 1, masterSeed: UInt64 = 1, ticks: Int64,
        sampleTicks: [Int64] = [], sharesSeeds: Bool = false
    ) {
        self.parameters = parameters
        self.axes = axes
        self.replicates = replicates
        self.masterSeed = masterSeed
        self.ticks = ticks
        self.sampleTicks = sampleTicks
        self.sharesSeeds = sharesSeeds
    }

    /// Reads a plan; only `parameters` and `ticks` must be there.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            parameters: try fields.decode(JSON.self, forKey: .parameters),
            axes: try fields.decodeIfPresent([Axis].self, forKey: .axes) ?? [],
            replicates: try fields.decodeIfPresent(Int.self, forKey: .replicates) ?? 1,
            masterSeed: try fields.decodeIfPresent(UInt64.self, forKey: .masterSeed) ?? 1,
            ticks: try fields.decode(Int64.self, forKey: .ticks),
            sampleTicks: try fields.decodeIfPresent([Int64].self, forKey: .sampleTicks) ?? [],
            sharesSeeds: try fields.decodeIfPresent(Bool.self, forKey: .sharesSeeds) ?? false)
    }

    /// One run of a plan.
    public struct Run: Codable, Sendable, Hashable {
        /// Its place in the plan, from 0.
        public var number: Int
        /// The combination's place, from 0.
        public var point: Int
        /// Which run of the combination, from 0.
        public var replicate: Int
        /// Its seed, derived from the master seed; below 2^63, so that every JSON reader holds it in 64 bits.
        public var seed: UInt64
        /// The axes' values, in the axes' order.
        public var values: [JSON]
    }

    /// The number of runs. Fails, with what is valid, when the plan cannot be made.
    public func count() throws(SimError) -> Int {
        guard axes.count <= Self.axisLimit else {
            throw SimError("\(axes.count) axes: at most \(Self.axisLimit)")
        }
        guard replicates >= 1 else { throw SimError("\(replicates) replicates: at least 1") }
        guard ticks >= 0 else { throw SimError("\(ticks) ticks: at least 0") }
        guard masterSeed <= UInt64(Int64.max) else { throw SimError("the master seed is at most \(Int64.max)") }
        for tick in sampleTicks where !(0...ticks).contains(tick) {
            throw SimError("tick \(tick) cannot be sampled: the runs go from 0 to \(ticks)")
        }
        var parameters = ParameterSet(parameters)
        var count = replicates
        for (place, axis) in axes.enumerated() {
            guard let first = axis.values.first else { throw SimError("the axis \(axis.name) has no values") }
            guard !axes[..<place].contains(where: { $0.name == axis.name }) else {
                throw SimError("the axis \(axis.name) is there twice")
            }
            try parameters.set(axis.name, to: first)
            let (product, overflows) = count.multipliedReportingOverflow(by: axis.values.count)
            count = overflows ? .max : product
        }
        guard count <= Self.runLimit else {
            throw SimError("the plan has more runs than \(Self.runLimit): take fewer values or replicates")
        }
        return count
    }

    /// The runs in their order: by combination, then by replicate. Fails as `count` does.
    public func runs() throws(SimError) -> [Run] {
        let count = try count()
        return (0..<count).map { number in
            let (point, replicate) = number.quotientAndRemainder(dividingBy: replicates)
            return Run(
                number: number, point: point, replicate: replicate, seed: seed(point, replicate),
                values: values(of: point))
        }
    }

    /// The parameters of a run. Fails when an axis has no such name.
    public func parameters(of run: Run) throws(SimError) -> JSON {
        var all = ParameterSet(parameters)
        for (axis, value) in zip(axes, run.values) { try all.set(axis.name, to: value) }
        return all.json
    }

    private func seed(_ point: Int, _ replicate: Int) -> UInt64 {
        var random = RandomStream(
            seed: masterSeed, domain: "sweep", purpose: "seed", entity: sharesSeeds ? 0 : UInt64(point),
            tick: UInt64(replicate))
        return random.next() >> 1
    }

    private func values(of point: Int) -> [JSON] {
        var (rest, values) = (point, [JSON]())
        for axis in axes.reversed() {
            let (quotient, place) = rest.quotientAndRemainder(dividingBy: axis.values.count)
            values.append(axis.values[place])
            rest = quotient
        }
        return values.reversed()
    }
}
