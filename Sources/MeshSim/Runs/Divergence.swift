import MeshCore

/// Where two runs diverge.
public struct Divergence: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The first tick that differs.
    public var tick: Int64
    /// The domains that differ there; empty when only the chain does.
    public var domains: [String]
    /// Whether the external input differs there.
    public var isSealDifferent = false

    /// Whether the record has no such tick.
    public var isMissing = false
    /// Whether only the metrics differ: they are not hashed, but follow from the state.
    public var areMetricsDifferent = false

    /// Makes a divergence.
    public init(tick: Int64, domains: [String], isSealDifferent: Bool = false) {
        self.tick = tick
        self.domains = domains
        self.isSealDifferent = isSealDifferent
    }

    /// A tick that a record leaves out.
    init(missing tick: Int64) {
        self.init(tick: tick, domains: [])
        isMissing = true
    }

    /// The first difference between a replayed line and the recorded one; nil when there is none. `names` are those of
    /// the domains.
    public init?(made: SimRecording.Tick, recorded: SimRecording.Tick, names: [String]) {
        self.init(made, recorded, names: names)
    }

    init?(_ made: SimRecording.Tick, _ recorded: SimRecording.Tick, names: [String]) {
        let changed = zip(names, zip(made.domains, recorded.domains)).filter { $0.1.0 != $0.1.1 }.map(\.0)
        let isSame =
            changed.isEmpty && made.seal == recorded.seal && made.chain == recorded.chain && made.tick == recorded.tick
        // A whole number may have been written with a point or without.
        let areMetricsDifferent = made.metrics.canonicalBytes() != recorded.metrics.canonicalBytes()
        if isSame, !areMetricsDifferent { return nil }
        self.init(tick: recorded.tick, domains: changed, isSealDifferent: made.seal != recorded.seal)
        self.areMetricsDifferent = isSame
    }

    /// As text for people.
    public var description: String {
        if isMissing { return "tick \(tick) is missing" }
        if areMetricsDifferent { return "tick \(tick): what was measured differs, the state does not" }
        let seal = isSealDifferent ? "; so does what came from outside" : ""
        return domains.isEmpty
            ? isSealDifferent
                ? "tick \(tick): what came from outside differs"
                : "tick \(tick): the chain differs, the state does not: its seal or an earlier part of the record was changed"
            : "tick \(tick): \(domains.joined(separator: ", ")) differ\(domains.count == 1 ? "s" : "")\(seal)"
    }
}
