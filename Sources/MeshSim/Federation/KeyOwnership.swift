/// Which domain may write which key at which tick: one at most. Writes of others are refused, not merged.
///
/// A domain owns all keys under `sim:<domain>:` until it hands over the prefix or single keys. A transfer is two events
/// (`OwnershipEvent`), so the state follows from the log.
public struct KeyOwnership: Sendable, Hashable {
    /// The maximum number of keys and prefixes with their own history.
    public static let maximumKeys = 100_000
    /// The maximum number of owners kept for a key.
    public static let maximumHistory = 1_024

    private struct Period: Sendable, Hashable {
        var first: Int64
        /// Nil when nobody may write.
        var owner: String?
        /// Whose the key was when it was frozen.
        var frozenFrom: String?
    }

    private struct Entry: Sendable, Hashable {
        var key: String
        /// Ascending by tick. Empty for a single key until its first transfer: the prefix decides.
        var periods: [Period] = []
        var offer: OwnershipEvent?
        var lastTick: Int64 = 0

        func period(at tick: Int64) -> Period? { periods.last { $0.first <= tick } }
    }

    /// Prefixes and single keys, by bytes.
    private var entries: [Entry] = []

    /// Each domain owns its prefix from a tick on. Fails when a name is not valid or comes twice.
    public init(_ domains: [String], from tick: Int64 = 0) throws(FederationError) {
        guard domains.count <= FederationLimits.domains else {
            throw FederationError(.limit, "at most \(FederationLimits.domains) domains make a federation")
        }
        for domain in domains {
            try FederationLimits.checkName(domain)
            let place = try edit(SimKey.prefix(domain))
            guard entries[place].periods.isEmpty else {
                throw FederationError(.exists, "the domain \(domain) is named twice")
            }
            entries[place].periods = [Period(first: tick, owner: domain)]
        }
    }

    /// Returns which domain may write a key at a tick; nil for none. Fails when it is not a key of a federation.
    public func owner(of key: String, at tick: Int64) throws(FederationError) -> String? {
        try period(of: key, at: tick)?.owner
    }

    private func period(of key: String, at tick: Int64) throws(FederationError) -> Period? {
        if let place = entries.place(of: key, by: \.key), let period = entries[place].period(at: tick) { return period }
        let prefix = SimKey.prefix(try Self.domain(of: key))
        return entries.place(of: prefix, by: \.key).flatMap { entries[$0].period(at: tick) }
    }

    /// The domain in whose prefix a key or a whole prefix lies.
    private static func domain(of key: String) throws(FederationError) -> String {
        try SimKey.split(key.last == ":" ? key + "x" : key).domain
    }

    /// Fails unless a domain may write a key at a tick.
    public func checkWrite(_ key: String, by domain: String, at tick: Int64) throws(FederationError) {
        let owner = try owner(of: key, at: tick)
        guard owner == domain else {
            throw FederationError(
                .notOwner,
                "\(domain) may not write \(key) at tick \(tick): "
                    + (owner.map { "\($0) owns it; it can offer it" } ?? "nobody owns it then"))
        }
    }

    /// The offer of a key that waits for an answer.
    public func offer(of key: String) -> OwnershipEvent? {
        entries.place(of: key, by: \.key).flatMap { entries[$0].offer }
    }

    /// Applies an event of the log. Fails, and changes nothing, when it is not valid: an offer of who does not own the
    /// key, an answer without that offer, an acceptance that comes when the offer should be effective already.
    public mutating func apply(_ event: OwnershipEvent) throws(FederationError) {
        try FederationLimits.checkTick(event.tick)
        try FederationLimits.checkTick(event.effective)
        let known = entries.place(of: event.key, by: \.key).map { entries[$0] }
        guard event.tick >= known?.lastTick ?? 0 else {
            throw FederationError(
                .outOfOrder, "\(event.key) has an event of tick \(known?.lastTick ?? 0); \(event.tick) is before it")
        }
        switch event.kind {
        case .offered: try checkOffer(event, known?.offer)
        case .accepted, .cancelled: try checkAnswer(event, known?.offer)
        }
        let isTaken = event.kind == .accepted
        guard !isTaken || (known?.periods.count ?? 0) < Self.maximumHistory else {
            throw FederationError(.limit, "\(event.key) had \(Self.maximumHistory) owners; use forget(before:)")
        }
        let place = try edit(event.key)
        entries[place].lastTick = event.tick
        entries[place].offer = event.kind == .offered ? event : nil
        if isTaken { entries[place].periods.append(Period(first: event.effective, owner: event.taker)) }
    }

    private func checkOffer(_ event: OwnershipEvent, _ pending: OwnershipEvent?) throws(FederationError) {
        try checkWrite(event.key, by: event.owner, at: event.tick)
        try FederationLimits.checkName(event.taker)
        guard event.by == event.owner, event.taker != event.owner else {
            throw FederationError(.invalid, "the owner \(event.owner) offers \(event.key), and to another domain")
        }
        guard pending == nil else {
            throw FederationError(.exists, "\(event.key) is offered already; cancel that offer first")
        }
        guard event.effective > event.tick else {
            throw FederationError(
                .invalid, "an offer of tick \(event.tick) is effective later, not at tick \(event.effective)")
        }
        // A transfer that was accepted and is yet to come would otherwise be undone by this one.
        guard try owner(of: event.key, at: FederationLimits.lastTick) == event.owner else {
            throw FederationError(.outOfOrder, "\(event.key) is promised to another domain already")
        }
    }

    private func checkAnswer(_ event: OwnershipEvent, _ pending: OwnershipEvent?) throws(FederationError) {
        guard let pending, pending.owner == event.owner, pending.taker == event.taker,
            pending.effective == event.effective
        else {
            throw FederationError(.outOfOrder, "\(event.key) is not offered so by \(event.owner) to \(event.taker)")
        }
        if event.kind == .accepted {
            guard event.by == event.taker else {
                throw FederationError(.notOwner, "\(event.by) cannot accept what is offered to \(event.taker)")
            }
            guard event.tick < event.effective else {
                throw FederationError(
                    .outOfOrder,
                    "the offer of \(event.key) was effective at \(event.effective); at \(event.tick) it can only be "
                        + "cancelled")
            }
        } else if event.by != event.owner, event.by != event.taker {
            throw FederationError(.notOwner, "\(event.by) has no part in the offer of \(event.key)")
        }
    }

    /// Removes a domain: its keys, and those offered to it, follow its policy; offers by and to it end. Gives the
    /// keys and prefixes concerned, by bytes.
    public mutating func depart(_ departure: Departure) -> [String] {
        var keys: [String] = []
        for place in entries.indices {
            if let offer = entries[place].offer, offer.owner == departure.domain || offer.taker == departure.domain {
                entries[place].offer = nil
            }
            let isOwner = entries[place].periods.contains {
                $0.owner == departure.domain && entries[place].period(at: departure.lastTick + 1) == $0
                    || $0.owner == departure.domain && $0.first > departure.lastTick
            }
            guard isOwner else { continue }
            keys.append(entries[place].key)
            entries[place].periods = Self.end(entries[place].periods, departure)
        }
        return keys
    }

    /// A key's owners when one of them leaves: nobody from the tick after its last, then who takes over.
    private static func end(_ periods: [Period], _ departure: Departure) -> [Period] {
        var ended: [Period] = []
        for (place, period) in periods.enumerated() {
            let next = place + 1 < periods.count ? periods[place + 1].first : Int64.max
            guard period.owner == departure.domain, next > departure.lastTick + 1 else {
                ended.append(period)
                continue
            }
            if period.first <= departure.lastTick { ended.append(period) }
            let first = max(period.first, departure.lastTick + 1)
            guard case .handOver(let heir) = departure.policy else {
                ended.append(Period(first: first, owner: nil, frozenFrom: departure.domain))
                continue
            }
            if first < min(next, departure.effective) {
                ended.append(Period(first: first, owner: nil, frozenFrom: nil))
            }
            if next > departure.effective { ended.append(Period(first: max(first, departure.effective), owner: heir)) }
        }
        return ended
    }

    /// A domain joined: it owns from the next tick on what nobody owns since it left, and its prefix when nobody ever did.
    /// What was handed over stays with whom it went to, who can offer it back. Fails when a limit is reached.
    public mutating func arrive(_ domain: String, at tick: Int64) throws(FederationError) {
        try FederationLimits.checkName(domain)
        try FederationLimits.checkTick(tick)
        let place = try edit(SimKey.prefix(domain))
        let mine = Period(first: tick, owner: domain)
        if entries[place].periods.isEmpty { entries[place].periods = [mine] }
        for place in entries.indices where entries[place].periods.last?.frozenFrom == domain {
            entries[place].periods.append(mine)
        }
    }

    /// Drops the history of owners before a tick: `owner` is valid from that tick on.
    public mutating func forget(before tick: Int64) {
        for place in entries.indices {
            guard let first = entries[place].periods.lastIndex(where: { $0.first <= tick }) else { continue }
            entries[place].periods.removeFirst(first)
        }
    }

    /// The place of a key's entry, which is made when there is none.
    private mutating func edit(_ key: String) throws(FederationError) -> Int {
        let place = entries.lowerBound(of: key, by: \.key)
        if place < entries.count, entries[place].key == key { return place }
        guard entries.count < Self.maximumKeys else {
            throw FederationError(
                .limit, "\(Self.maximumKeys) keys have owners of their own; hand over whole prefixes instead")
        }
        entries.insert(Entry(key: key), at: place)
        return place
    }
}
