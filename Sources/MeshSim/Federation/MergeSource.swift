public import MeshCore

/// A domain that is merged, declared.
public struct MergeSource: Codable, Sendable, Hashable {
    /// Its name.
    public var domain: String
    /// Its first tick.
    public var firstTick: Int64
    /// How many ticks behind it is always merged: a slow domain does not hold the others up, and is marked stale.
    public var lag: Int64
    /// After it left with frozen keys, its last values are merged until they are so many ticks old.
    public var maximumStale: Int64

    /// Makes a source.
    public init(_ domain: String, firstTick: Int64 = 0, lag: Int64 = 0, maximumStale: Int64 = FederationLimits.lastTick)
    {
        self.domain = domain
        self.firstTick = firstTick
        self.lag = lag
        self.maximumStale = maximumStale
    }
}

/// That values of a name become one value.
public struct MergeRule: Sendable {
    /// The name, or its beginning followed by `*`.
    public var name: String
    /// How.
    public var function: MergeFunction

    /// Makes a rule.
    public init(_ name: String, _ function: MergeFunction) {
        self.name = name
        self.function = function
    }

    func matches(_ other: String) -> Bool {
        name.last == "*" ? other.utf8.starts(with: name.utf8.dropLast()) : other == name
    }
}

/// All domains at one tick.
public struct MergedTick: Sendable {
    /// The tick, its domains and their hashes.
    public var link: MergedLink
    /// The values by key, by bytes: those of a rule under their name, others under their whole key.
    public var values: [(key: String, value: JSON)]
    /// Domains that take no part in the tick: not there yet, gone, or too stale.
    public var absent: [String]
    /// Names that could not be merged, and are left out.
    public var problems: [FederationError]
}
