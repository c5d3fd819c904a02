/// Where two runs part.
public struct Divergence: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The first tick that differs.
    public var tick: Int64
    /// The domains that differ there; empty when only the chain does.
    public var domains: [String]
    /// Whether what came from outside differs there.
    public var isSealDifferent = false

    /// Makes a divergence.
    public init(tick: Int64, domains: [String], isSealDifferent: Bool = false) {
        self.tick = tick
        self.domains = domains
        self.isSealDifferent = isSealDifferent
    }

    /// The first difference of one line made and one recorded; nil when there is none. `names` are the domains.
    init?(_ made: SimRecording.Tick, _ recorded: SimRecording.Tick, names: [String]) {
        let changed = zip(names, zip(made.domains, recorded.domains)).filter { $0.1.0 != $0.1.1 }.map(\.0)
        if changed.isEmpty, made.seal == recorded.seal, made.chain == recorded.chain, made.tick == recorded.tick {
            return nil
        }
        self.init(tick: recorded.tick, domains: changed, isSealDifferent: made.seal != recorded.seal)
    }

    /// For people.
    public var description: String {
        let seal = isSealDifferent ? "; so does what came from outside" : ""
        return domains.isEmpty
            ? isSealDifferent
                ? "tick \(tick): what came from outside differs"
                : "tick \(tick): the chain differs, the state does not: its seal or an earlier part of the record was changed"
            : "tick \(tick): \(domains.joined(separator: ", ")) differ\(domains.count == 1 ? "s" : "")\(seal)"
    }
}
