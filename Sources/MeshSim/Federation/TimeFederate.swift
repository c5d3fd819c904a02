public import MeshCore

/// The declaration of a federate of a time coordinator: when it runs, what it hears, and when it is woken.
///
/// The parameters mean what they mean in HELICS (its user guide, "Timing"), in whole numbers.
public struct TimeFederate: Sendable, Hashable, Codable {
    /// Its name.
    public var name: String
    /// It is granted times offset + k * period only, k >= 0; besides 0, at which all begin.
    public var period: Int64
    /// See `period`.
    public var offset: Int64
    /// The least time between two grants.
    public var timeDelta: Int64
    /// The delay of values published to it.
    public var inputDelay: Int64
    /// The delay of what it publishes, for all.
    public var outputDelay: Int64
    /// Whether it runs last of those who run at a time, and hears what they publish at that time.
    public var waitsForCurrentTime: Bool
    /// Whether it is woken only at times it asked for.
    public var isUninterruptible: Bool
    /// The federates it hears.
    public var inputs: [String]

    /// Makes a federate.
    public init(
        _ name: String, period: Int64 = 1, offset: Int64 = 0, timeDelta: Int64 = 1, inputDelay: Int64 = 0,
        outputDelay: Int64 = 0, waitsForCurrentTime: Bool = false, isUninterruptible: Bool = false,
        inputs: [String] = []
    ) {
        self.name = name
        self.period = period
        self.offset = offset
        self.timeDelta = timeDelta
        self.inputDelay = inputDelay
        self.outputDelay = outputDelay
        self.waitsForCurrentTime = waitsForCurrentTime
        self.isUninterruptible = isUninterruptible
        self.inputs = inputs
    }

    /// The greatest of the parameters; sums of a time and these do not overflow.
    static let maximumParameter: Int64 = 1 << 40

    func check() throws(FederationError) {
        try FederationLimits.checkName(name)
        let parameters = [
            ("period", period, Int64(1)), ("offset", offset, 0), ("time delta", timeDelta, 1),
            ("input delay", inputDelay, 0), ("output delay", outputDelay, 0),
        ]
        for (label, value, least) in parameters where !(least...Self.maximumParameter).contains(value) {
            throw FederationError(
                .invalid, "\(name) has the \(label) \(value); valid are \(least) to \(Self.maximumParameter)")
        }
    }

    /// The first time at or after one, and after the last grant by the time delta, at which it may run; `never` when that
    /// lies behind the last time.
    func allowed(from time: Int64, after granted: Int64) -> Int64 {
        guard time < TimeCoordinator.never else { return TimeCoordinator.never }
        let least = max(time, granted + timeDelta)
        guard least > offset else { return offset }
        let periods = (least - offset + period - 1) / period
        let (product, isOver) = periods.multipliedReportingOverflow(by: period)
        guard !isOver, product <= FederationLimits.lastTick - offset else { return TimeCoordinator.never }
        return offset + product
    }
}

/// A value on its way to a federate, or there.
public struct TimedValue: Sendable, Hashable, Codable {
    /// Who published it.
    public var source: String
    /// When it did.
    public var published: Int64
    /// When it counts for who hears it.
    public var arrival: Int64
    /// Counts what the source has published.
    public var sequence: Int64
    /// The value.
    public var value: JSON

    /// By time of publication, source, and sequence: total.
    static func precedes(_ one: TimedValue, _ other: TimedValue) -> Bool {
        if one.published != other.published { return one.published < other.published }
        if one.source != other.source { return one.source.precedesInBytes(other.source) }
        return one.sequence < other.sequence
    }
}

/// A grant: a federate runs at a time.
public struct TimeGrant: Sendable, Hashable, Codable {
    /// Who.
    public var federate: String
    /// When.
    public var time: Int64
    /// Whether a value woke it before the time it asked for.
    public var isInterrupt: Bool
    /// What it hears, in the order of `published`, source and sequence.
    public var values: [TimedValue]
}
