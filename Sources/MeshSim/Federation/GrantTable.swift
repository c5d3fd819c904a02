/// Whether a domain may enter a tick.
public enum Grant: Sendable, Hashable, Codable {
    /// It may.
    case granted
    /// It waits until each of these domains has sealed the tick named with it.
    case waits(for: [DomainTick])
}

/// A tick of a domain.
public struct DomainTick: Codable, Sendable, Hashable {
    /// The domain.
    public var domain: String
    /// The tick.
    public var tick: Int64

    /// Makes a pair.
    public init(_ domain: String, at tick: Int64) {
        self.domain = domain
        self.tick = tick
    }
}

/// Which values of an input a tick reads. It depends on the log only, not on the progress of domains.
public struct DomainRead: Codable, Sendable, Hashable {
    /// The input, as declared.
    public var input: String
    /// The domain whose values are read: the input, or who took its keys over. Nil when there is nothing to read.
    public var source: String?
    /// The tick of those values.
    public var tick: Int64
    /// Whether the source has left and these are its last values.
    public var isFrozen: Bool

    /// Makes a read.
    public init(input: String, source: String?, tick: Int64, isFrozen: Bool = false) {
        self.input = input
        self.source = source
        self.tick = tick
        self.isFrozen = isFrozen
    }
}

/// What a report of a sealed tick was.
public enum SealReport: Sendable, Hashable, Codable {
    /// The domain's next tick.
    case new
    /// A tick made again, after a restart from a checkpoint; it must be what it was.
    case repeated
}

/// Decides which domain may enter which tick: conservative synchronisation as in the High Level Architecture (IEEE
/// 1516), with whole ticks.
///
/// Domain d may enter tick n when it sealed tick n - 1 and, for each input e with lookahead L, e has sealed tick n - L: the
/// minimum over the inputs of sealed tick + lookahead is at least n. Without inputs nothing holds it. A crash is no event:
/// the domain seals no more, and those who read it wait until it comes back (`rejoin`) or is given up (`lost`).
///
/// The table is made again from the declarations and the log of joins and departures.
public struct GrantTable: Sendable {
    /// One stay of a domain in the federation.
    struct Stay: Sendable, Hashable {
        var first: Int64
        var departure: Departure?
    }

    struct Member: Sendable, Hashable {
        /// In the order of ticks; the last may be open.
        var stays: [Stay] = []
        var sealed: Int64 = -1
        /// The last tick made; below `sealed` while ticks are made again.
        var position: Int64 = -1
        var checkpoint: Int64 = -1
        var isHere: Bool { stays.last.map { $0.departure == nil } ?? false }
    }

    let graph: FederationGraph
    /// In the order of the graph's domains.
    var members: [Member]
    var loops: [IterationLoop]
    /// The greatest tick that all had sealed when one of them left.
    var floor: Int64 = -1

    /// A table. The founders have sealed `tick`: the state that they begin with. Fails when the declarations do.
    public init(
        _ domains: [FederationDomain], loops: [DomainLoop] = [], startingAt tick: Int64 = 0
    ) throws(FederationError) {
        try FederationLimits.checkTick(tick)
        graph = try FederationGraph(domains, loops: loops)
        self.loops = graph.loops.map(IterationLoop.init)
        members = graph.domains.map { _ in Member() }
        for (place, domain) in graph.domains.enumerated() where domain.isFounder { begin(place, at: tick) }
    }

    mutating func begin(_ place: Int, at tick: Int64) {
        members[place].stays.append(Stay(first: tick))
        members[place].sealed = tick
        members[place].position = tick
        members[place].checkpoint = tick
        if let loop = graph.loop(of: graph.domains[place].name) { loops[loop].add(graph.domains[place].name, at: tick) }
    }

    /// The place of a domain that takes part now.
    func present(_ name: String) throws(FederationError) -> Int {
        let place = try graph.place(of: name)
        guard members[place].isHere else {
            throw FederationError(.unknown, "the domain \(name) takes no part now; it can join at a tick")
        }
        return place
    }

    /// Reports whether a domain may enter a tick. Fails when it does not take part, or the tick has passed.
    public func mayEnter(_ name: String, _ tick: Int64) throws(FederationError) -> Grant {
        try FederationLimits.checkTick(tick)
        let place = try present(name)
        let member = members[place]
        guard tick > member.position else {
            throw FederationError(.outOfOrder, "\(name) has made tick \(tick); its next is \(member.position + 1)")
        }
        var waits: [DomainTick] = []
        if tick - 1 > member.position { waits.append(DomainTick(name, at: tick - 1)) }
        for input in graph.domains[place].inputs {
            let wanted = tick - graph.entryLookahead(input, of: name)
            let (source, read) = resolve(input.domain, wanted)
            if let source, source != place, members[source].isHere, read > members[source].sealed {
                waits.append(DomainTick(graph.domains[source].name, at: read))
            }
        }
        return waits.isEmpty ? .granted : .waits(for: waits)
    }

    /// What a tick of a domain reads, by input. Fails when the domain is not declared.
    public func reads(_ name: String, _ tick: Int64) throws(FederationError) -> [DomainRead] {
        try FederationLimits.checkTick(tick)
        let domain = graph.domains[try graph.place(of: name)]
        return domain.inputs.map { input in
            let wanted = tick - graph.entryLookahead(input, of: name)
            let (source, read) = resolve(input.domain, wanted)
            return DomainRead(
                input: input.domain, source: source.map { graph.domains[$0].name }, tick: read,
                isFrozen: source != nil && read < wanted)
        }
    }

    /// Whose values of which tick count as a domain's at a tick.
    private func resolve(_ name: String, _ wanted: Int64) -> (source: Int?, tick: Int64) {
        var last: (source: Int?, tick: Int64) = (nil, wanted)
        var takeover = Int64.min
        for heir in graph.heirs(of: name) {
            guard let place = graph.domains.place(of: heir, by: \.name) else { break }
            guard let stay = members[place].stays.last(where: { $0.first <= wanted }) else { break }
            guard let departure = stay.departure, wanted > departure.lastTick else { return (place, wanted) }
            // An heir that left before it took over never had the values.
            if departure.lastTick >= takeover { last = (place, departure.lastTick) }
            if wanted < departure.effective { return last }
            switch departure.policy {
            case .freeze: return last
            case .delete: return (nil, wanted)
            case .handOver: takeover = departure.effective
            }
        }
        return last
    }

    /// A domain has sealed a tick: its next one, or one that it makes again. Fails when the tick is neither, was not
    /// granted, or belongs to a loop that has not come to its end.
    public mutating func sealed(_ name: String, _ tick: Int64) throws(FederationError) -> SealReport {
        let place = try present(name)
        guard tick == members[place].position + 1 else {
            throw FederationError(
                .outOfOrder, "\(name) sealed tick \(tick); its next is \(members[place].position + 1)")
        }
        if tick <= members[place].sealed {
            members[place].position = tick
            return .repeated
        }
        if case .waits(let others) = try mayEnter(name, tick) {
            let list = others.map { "\($0.domain) at \($0.tick)" }.joined(separator: ", ")
            throw FederationError(.outOfOrder, "\(name) sealed tick \(tick), for which it had to wait for \(list)")
        }
        if let loop = graph.loop(of: name), !loops[loop].isOver(tick) {
            throw FederationError(
                .outOfOrder, "\(name) sealed tick \(tick), whose iterations have not ended with values that count")
        }
        members[place].sealed = tick
        members[place].position = tick
        return .new
    }

    /// A domain of a loop finished an iteration, from 1, of its next tick. Fails when the tick was not granted, or this is
    /// not the current iteration.
    public mutating func iterated(
        _ name: String, _ tick: Int64, iteration: Int, isChanged: Bool
    ) throws(FederationError) -> IterationStep {
        let place = try present(name)
        guard let loop = graph.loop(of: name) else {
            throw FederationError(.invalid, "\(name) is in no declared loop, and makes each tick once")
        }
        guard tick == members[place].sealed + 1, try mayEnter(name, tick) == .granted else {
            throw FederationError(.outOfOrder, "tick \(tick) is not granted to \(name)")
        }
        return try loops[loop].finished(name, tick: tick, iteration: iteration, isChanged: isChanged)
    }

    /// What a domain of a loop does in its next tick: after a departure others may go on without a report of theirs. Fails
    /// when it takes no part, or is in no loop.
    public func iteration(_ name: String) throws(FederationError) -> IterationStep {
        let place = try present(name)
        guard let loop = graph.loop(of: name) else {
            throw FederationError(.invalid, "\(name) is in no declared loop, and makes each tick once")
        }
        return loops[loop].step(name, tick: members[place].sealed + 1)
    }
}
