/// Collects what the seats do in a tick and seals it. A value: it has no clock and no tasks; its host says what came and
/// when (in milliseconds of a monotonic clock), asks when to seal, and hands the seal to the world.
///
/// A tick goes open, observe, collect, seal, apply, publish. Whether an action is late depends on nothing but which ticks
/// are sealed: one that comes between two ticks is in time for the next. In what order actions come while a tick is open
/// changes nothing in its seal, as long as no seat sends more than it may have pending or two actions of one sequence. What
/// fails at one seat changes nothing for others.
///
/// An action without a tick is meant for the one after its observation. For each seat and tick the seal has at most one
/// applied action of those that may be done once, the one of the lowest sequence; one that comes in time goes before
/// one that is carried. A seat that has joined in this tick may act but is not missed.
public struct TickCollector: Codable, Sendable {
    /// Who holds which seat.
    public internal(set) var seats = SeatTable()
    /// The available actions.
    public let catalog: ActionCatalog
    /// How ticks are collected.
    public private(set) var rules: TickRules
    /// The last tick that was sealed.
    public internal(set) var sealedTick: Int64
    /// What became of the submissions of the last tick that was sealed.
    public internal(set) var receipts: [Receipt] = []
    var window: Window?
    /// One for each seat of `seats.current`, at the same place.
    var inboxes: [SeatInbox] = []
    /// By name.
    var commanders: [SeatInbox] = []

    /// The most who command; when another comes, the one who has been silent longest is forgotten.
    public static let maximumCommanders = 256
    /// The last tick there may be: what every JSON library reads exactly.
    public static let lastTick: Int64 = 1 << 53

    /// A tick while it is open.
    struct Window: Codable, Sendable {
        var openedAt: Int64
        var changes: [SeatChange]
        var awaited = 0
        var answered = 0
        /// How many seats the tick stalls for, by how long; by milliseconds.
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

    /// Opens the next tick: who comes, goes, or takes over does so now. Fails when it is not the next one.
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

    /// Whether the tick may be sealed: nobody is waited for any more, or no longer.
    public func isReady(now: Int64) -> Bool { nextDeadline.map { now >= $0 } ?? false }

    /// When the tick may be sealed if nothing else comes, in milliseconds of the host's clock; in the past when it may be
    /// sealed already. Nil: not before somebody has acted, or no tick is open.
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
