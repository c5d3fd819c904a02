/// Collects the actions of a tick and seals it. A value without clock or tasks: its host passes what arrived and
/// when (in monotonic milliseconds), asks when to seal, and passes the seal to the world.
///
/// Stages of a tick: open, observe, collect, seal, apply, publish. Lateness depends only on which ticks
/// are sealed: one that arrives between two ticks is in time for the next. The order of arrival while a tick is open
/// does not change its seal, as long as no seat exceeds its pending limit or reuses a sequence. A
/// failure of one seat does not affect others.
///
/// An action without a tick is for the one after its observation. For each seat and tick the seal has at most one
/// applied action of those allowed once per tick, the one of the lowest sequence; one in time takes precedence over
/// a carried one. A seat that has joined in this tick may act but is not missed.
public struct TickCollector: Codable, Sendable {
    /// The holders of seats.
    public internal(set) var seats = SeatTable()
    /// The available actions.
    public let catalog: ActionCatalog
    /// How ticks are collected.
    public private(set) var rules: TickRules
    /// The last sealed tick.
    public internal(set) var sealedTick: Int64
    /// The outcomes of the submissions of the last sealed tick.
    public internal(set) var receipts: [Receipt] = []
    var window: Window?
    /// One for each seat of `seats.current`, at the same index.
    var inboxes: [SeatInbox] = []
    /// By name.
    var commanders: [SeatInbox] = []

    /// The maximum number of issuers of commands; beyond it, the one silent longest is dropped.
    public static let maximumCommanders = 256
    /// The maximum tick: the largest integer that every JSON library reads exactly.
    public static let lastTick: Int64 = 1 << 53

    /// An open tick.
    struct Window: Codable, Sendable {
        var openedAt: Int64
        var changes: [SeatChange]
        var awaited = 0
        var answered = 0
        /// How many seats the tick stalls for, by stall duration in milliseconds.
        var stalls: [Stall] = []

        struct Stall: Codable, Sendable {
            var milliseconds: Int64
            var count: Int
        }
    }

    /// Makes a collector whose first tick is the one after `sealedTick`. Fails when a rule is out of range.
    public init(
        catalog: ActionCatalog, rules: TickRules = TickRules(), sealedTick: Int64 = 0
    ) throws(SimError) {
        try rules.check()
        guard (0..<Self.lastTick).contains(sealedTick) else {
            throw SimError("tick \(sealedTick) cannot have been sealed; give 0 or more")
        }
        self.catalog = catalog
        self.rules = rules
        self.sealedTick = sealedTick
    }

    /// The tick that is sealed next, whether it is open or not.
    public var tick: Int64 { sealedTick + 1 }
    /// Whether it is open.
    public var isOpen: Bool { window != nil }

    /// Changes the rules between two ticks. Fails while a tick is open, or when a rule is out of range.
    public mutating func change(rules: TickRules) throws(SimError) {
        guard !isOpen else { throw SimError("tick \(tick) is open; change the rules after its seal") }
        try rules.check()
        self.rules = rules
    }

    /// Opens the next tick and applies the changes of seats. Fails when it is not the next one.
    public mutating func open(_ tick: Int64, now: Int64) throws(SimError) {
        guard !isOpen else { throw SimError("tick \(self.tick) is open; seal it first") }
        guard tick == self.tick else { throw SimError("tick \(tick) cannot be opened; the next is \(self.tick)") }
        guard tick <= Self.lastTick else { throw SimError("the run has reached its last tick, 2^53") }
        let changes = seats.beginTick()
        if !changes.isEmpty { fitInboxes() }
        var window = Window(openedAt: now, changes: changes)
        let required: [String]? =
            if case .required(let names) = rules.barrier.kind { names.sorted { $0.precedesInBytes($1) } } else { nil }
        for place in inboxes.indices { prepare(place, required: required, &window) }
        self.window = window
        for place in inboxes.indices where hasAnswered(place) { answer(place) }
    }

    /// Reports whether the tick may be sealed: every awaited seat has acted, or its time is up.
    public func isReady(now: Int64) -> Bool { nextDeadline.map { now >= $0 } ?? false }

    /// When the tick may be sealed if nothing else arrives, in milliseconds of the host's clock; past if it may be
    /// sealed already. Nil: not before a seat has acted, or no tick is open.
    public var nextDeadline: Int64? {
        guard let window else { return nil }
        let stallEnd = window.openedAt &+ (window.stalls.last?.milliseconds ?? 0)
        if isBarrierMet(window) { return stallEnd }
        return rules.barrier.deadlineMillis.map { max(window.openedAt &+ $0, stallEnd) }
    }

    private func isBarrierMet(_ window: Window) -> Bool {
        switch rules.barrier.kind {
        case .none: rules.barrier.deadlineMillis == nil
        case .all, .required: window.answered == window.awaited
        case .quorum(let count): window.answered >= min(count, window.awaited)
        }
    }
}
