/// How the ticks of a run are collected.
public struct TickRules: Codable, Sendable, Hashable {
    /// Whom a tick waits for.
    public var barrier: Barrier
    /// The number of consecutive missed ticks after which a seat is no longer waited for; nil: unlimited.
    public var demoteAfter: Int64?
    /// How many ticks ahead an action may be sent, and how many ticks late it may be carried.
    public var maximumLead: Int64

    /// Makes rules.
    public init(barrier: Barrier = .all, demoteAfter: Int64? = 3, maximumLead: Int64 = 64) {
        self.barrier = barrier
        self.demoteAfter = demoteAfter
        self.maximumLead = maximumLead
    }

    /// Fails when a number is out of range.
    public func check() throws(SimError) {
        try barrier.check()
        if let demoteAfter, demoteAfter < 1 {
            throw SimError("demotion after \(demoteAfter) missed ticks; give 1 or more, or none")
        }
        guard (0...1_000_000).contains(maximumLead) else {
            throw SimError("a lead of \(maximumLead) ticks; give 0 to 1000000")
        }
    }
}
