import MeshCore

/// Merges domains tick by tick: values of one tick only, or marked stale by declared policy. The result does not depend on
/// the order in which ticks arrive.
public struct Merger: Sendable {
    /// Most ticks of a domain that wait for the others.
    public static let maximumWaiting = 1_024

    private struct Stay: Sendable {
        var first: Int64
        var departure: Departure?
    }

    private struct Source: Sendable {
        var declaration: MergeSource
        var stays: [Stay]
        /// Ascending by tick.
        var ticks: [WholeTick] = []
    }

    private enum Choice {
        case use(WholeTick)
        case absent
        case wait
    }

    /// By name.
    private var sources: [Source]
    private let rules: [MergeRule]
    /// The chain of the merged ticks.
    public private(set) var chain: MergedChain
    /// The tick that is merged next.
    public private(set) var next: Int64

    /// A merger that begins at a tick, or later: when the first of its domains does. Fails when a source is not valid or
    /// comes twice.
    public init(
        federation: String, sources: [MergeSource], rules: [MergeRule] = [], firstTick: Int64 = 0
    ) throws(FederationError) {
        guard sources.count <= FederationLimits.domains else {
            throw FederationError(.limit, "at most \(FederationLimits.domains) domains are merged")
        }
        self.sources = sources.sorted { $0.domain.precedesInBytes($1.domain) }
            .map { Source(declaration: $0, stays: [Stay(first: $0.firstTick)]) }
        self.rules = rules
        chain = MergedChain(federation: federation)
        next = firstTick
        try FederationLimits.checkTick(firstTick)
        for source in sources {
            try FederationLimits.checkName(source.domain)
            try FederationLimits.checkTick(source.firstTick)
            guard (0...Int64(Self.maximumWaiting / 2)).contains(source.lag), source.maximumStale >= 0 else {
                throw FederationError(
                    .invalid, "\(source.domain) has a lag outside 0 to \(Self.maximumWaiting / 2), or a negative limit")
            }
        }
        next = max(firstTick, sources.map { $0.firstTick + $0.lag }.min() ?? 0)
        for (one, other) in zip(self.sources, self.sources.dropFirst())
        where one.declaration.domain == other.declaration.domain {
            throw FederationError(.exists, "\(one.declaration.domain) is declared twice")
        }
    }

    /// Takes a whole tick of a domain and gives the merged ticks that are complete with it, ascending. A tick that came
    /// before, or is not needed any more, is passed over. Fails when the domain is not declared, has too many ticks that
    /// wait, or gave another state for the same tick before.
    public mutating func add(_ whole: WholeTick) throws(FederationError) -> [MergedTick] {
        let place = try place(of: whole.manifest.domain)
        let tick = whole.manifest.tick
        try FederationLimits.checkTick(tick)
        guard Digest(hex: whole.manifest.chain) != nil, Digest(hex: whole.manifest.stateRoot) != nil else {
            throw FederationError(
                .invalid, "the manifest of \(whole.manifest.domain) at \(tick) has a hash that is none")
        }
        let ticks = sources[place].ticks
        let at = ticks.firstIndex { $0.manifest.tick >= tick } ?? ticks.count
        if at < ticks.count, ticks[at].manifest.tick == tick {
            guard ticks[at].manifest == whole.manifest else {
                throw FederationError(
                    .conflict, "\(whole.manifest.domain) gave another state for tick \(tick) before: it does not repeat"
                )
            }
            return []
        }
        if tick < next - sources[place].declaration.lag, at < ticks.count { return [] }
        guard ticks.count < Self.maximumWaiting else {
            throw FederationError(
                .limit,
                "\(Self.maximumWaiting) ticks of \(whole.manifest.domain) wait for other domains; hold it until tick "
                    + "\(next) is merged")
        }
        sources[place].ticks.insert(whole, at: at)
        return try merge()
    }

    /// A domain left. Gives the merged ticks that were waiting for it. Fails when it is not declared or not there.
    public mutating func departed(_ departure: Departure) throws(FederationError) -> [MergedTick] {
        let place = try place(of: departure.domain)
        let last = sources[place].stays.count - 1
        guard last >= 0, sources[place].stays[last].departure == nil else {
            throw FederationError(.outOfOrder, "\(departure.domain) has left already")
        }
        sources[place].stays[last].departure = departure
        return try merge()
    }

    /// A domain that left is back: its first tick is this one. Fails when it is there, or the tick is merged.
    public mutating func joined(_ domain: String, at tick: Int64) throws(FederationError) {
        let place = try place(of: domain)
        guard let departure = sources[place].stays.last?.departure else {
            throw FederationError(.exists, "\(domain) takes part")
        }
        guard tick > departure.lastTick, tick >= next - sources[place].declaration.lag else {
            throw FederationError(.outOfOrder, "\(domain) cannot join at tick \(tick); tick \(next) is merged next")
        }
        guard sources[place].stays.count < GrantTable.maximumStays else {
            throw FederationError(.limit, "\(domain) joined \(GrantTable.maximumStays) times; begin a new merger")
        }
        sources[place].stays.append(Stay(first: tick))
    }

    private func place(of name: String) throws(FederationError) -> Int {
        guard let place = sources.place(of: name, by: \.declaration.domain) else {
            throw FederationError(.unknown, "\(name) is no domain of this merger")
        }
        return place
    }

    private func choose(_ source: Source) -> Choice {
        let wanted = next - source.declaration.lag
        guard let stay = source.stays.last(where: { $0.first <= wanted }) else { return .absent }
        var tick = wanted
        if let departure = stay.departure, wanted > departure.lastTick {
            guard departure.policy == .freeze, next - departure.lastTick <= source.declaration.maximumStale else {
                return .absent
            }
            tick = departure.lastTick
        }
        return source.ticks.first { $0.manifest.tick == tick }.map { .use($0) } ?? .wait
    }

    /// The names of the domains that the next tick waits for.
    public var waitsFor: [String] {
        sources.filter { if case .wait = choose($0) { true } else { false } }.map(\.declaration.domain)
    }

    private mutating func merge() throws(FederationError) -> [MergedTick] {
        var merged: [MergedTick] = []
        while next <= FederationLimits.lastTick {
            var parts: [WholeTick] = []
            var absent: [String] = []
            for source in sources {
                switch choose(source) {
                case .wait: return merged
                case .absent: absent.append(source.declaration.domain)
                case .use(let tick): parts.append(tick)
                }
            }
            guard isGoingOn(parts) else { return merged }
            merged.append(try mergedTick(parts, absent))
            next += 1
            for place in sources.indices { forget(place) }
        }
        return merged
    }

    /// Whether a tick has values that are not frozen, or a domain is to come soon. Ticks of nobody would go on for ever.
    private func isGoingOn(_ parts: [WholeTick]) -> Bool {
        sources.contains { source in
            let wanted = next - source.declaration.lag
            if parts.contains(where: { $0.manifest.domain == source.declaration.domain && $0.manifest.tick == wanted })
            {
                return true
            }
            guard let stay = source.stays.last, stay.departure == nil else { return false }
            return stay.first > wanted && stay.first - wanted <= Int64(Self.maximumWaiting)
        }
    }

    private mutating func mergedTick(_ parts: [WholeTick], _ absent: [String]) throws(FederationError) -> MergedTick {
        let (values, problems) = merge(parts)
        let link = try chain.add(
            tick: next,
            parts: parts.map {
                MergedPart(
                    domain: $0.manifest.domain, tick: $0.manifest.tick, stale: next - $0.manifest.tick,
                    chain: $0.manifest.chain, stateRoot: $0.manifest.stateRoot)
            })
        return MergedTick(link: link, values: values, absent: absent, problems: problems)
    }

    /// Values of domains in the order of their names.
    private func merge(_ parts: [WholeTick]) -> (values: [(key: String, value: JSON)], problems: [FederationError]) {
        var values: [(key: String, value: JSON)] = []
        var open: [(name: String, rule: MergeRule, value: JSON)] = []
        for part in parts {
            for (name, stamped) in part.values {
                if let rule = rules.first(where: { $0.matches(name) }) {
                    open.append((name, rule, stamped.value))
                } else {
                    values.append((SimKey.prefix(part.manifest.domain) + name, stamped.value))
                }
            }
        }
        // Stable: values of one name stay in the order of the domains.
        let ordered = open.enumerated().sorted {
            $0.element.name == $1.element.name
                ? $0.offset < $1.offset : $0.element.name.precedesInBytes($1.element.name)
        }.map(\.element)
        var problems: [FederationError] = []
        var first = 0
        while first < ordered.count {
            let end = ordered[first...].firstIndex { $0.name != ordered[first].name } ?? ordered.count
            do throws(FederationError) {
                var value = ordered[first].value
                for next in ordered[(first + 1)..<end] { value = try next.rule.function.combine(value, next.value) }
                values.append((ordered[first].name, value))
            } catch { problems.append(FederationError(error.code, "\(ordered[first].name): \(error)")) }
            first = end
        }
        return (values.sorted { $0.key.precedesInBytes($1.key) }, problems)
    }

    /// Forgets ticks that nothing needs. The newest before the next stays: it is what a domain that leaves may freeze.
    private mutating func forget(_ place: Int) {
        let wanted = next - sources[place].declaration.lag
        guard let kept = sources[place].ticks.lastIndex(where: { $0.manifest.tick < wanted }) else { return }
        sources[place].ticks.removeFirst(kept)
    }
}
