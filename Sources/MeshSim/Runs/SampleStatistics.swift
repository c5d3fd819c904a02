/// Count, extremes, mean and deviation of a stream of numbers (Welford, "Note on a method for calculating
/// corrected sums of squares and products", Technometrics 4, 1962).
public struct SampleStatistics: Codable, Sendable, Hashable {
    /// How many numbers.
    public private(set) var count = 0
    /// The first one.
    public private(set) var first = 0.0
    /// The last one.
    public private(set) var last = 0.0
    /// The smallest.
    public private(set) var min = 0.0
    /// The largest.
    public private(set) var max = 0.0
    /// The arithmetic mean.
    public private(set) var mean = 0.0
    private var squares = 0.0

    /// No numbers yet.
    public init() {}

    /// Adds a number; non-finite ones are ignored.
    public mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        count += 1
        if count == 1 { (first, min, max) = (value, value, value) }
        last = value
        min = Swift.min(min, value)
        max = Swift.max(max, value)
        let distance = value - mean
        mean += distance / Double(count)
        squares += distance * (value - mean)
    }

    /// The standard deviation of a sample (n - 1); 0 for fewer than two numbers.
    public var deviation: Double { count < 2 ? 0 : (squares / Double(count - 1)).squareRoot() }

    /// Half the width of the 95 % confidence interval of the mean, by Student's t; nil for fewer than two numbers.
    public var halfInterval: Double? {
        count < 2 ? nil : Self.quantile(count - 1) * deviation / Double(count).squareRoot()
    }

    /// The 97.5 % quantile of Student's t. Between tabled degrees of freedom the next lower one is used: the interval
    /// is then a little too wide.
    private static func quantile(_ freedom: Int) -> Double {
        if freedom <= table.count { return table[Swift.max(1, freedom) - 1] }
        return wide.last { $0.freedom <= freedom }?.value ?? 2.042
    }

    private static let table = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
        2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]
    private static let wide: [(freedom: Int, value: Double)] = [
        (40, 2.021), (60, 2.000), (80, 1.990), (100, 1.984), (120, 1.980), (1_000, 1.962), (100_000, 1.960),
    ]
}
