extension GrantTable {
    /// The maximum number of times a domain may join.
    static let maximumStays = 4_096

    /// The last tick that all participating domains have sealed; nil when there are none. It never decreases.
    public var galt: Int64? { members.filter(\.isHere).map(\.sealed).min() }

    /// The last tick that a domain has sealed; nil when it was never there.
    public func sealedTick(_ name: String) -> Int64? {
        guard let place = graph.domains.place(of: name, by: \.name), members[place].sealed >= 0 else { return nil }
        return members[place].sealed
    }

    /// Those who take part, by name.
    public var present: [String] { graph.domains.indices.filter { members[$0].isHere }.map { graph.domains[$0].name } }

    /// The first tick at which a domain can join: what others have read or may be reading stays as it is, and so do the
    /// ticks that all have sealed. Fails when it is there, or is not declared.
    public func earliestJoin(_ name: String) throws(FederationError) -> Int64 {
        let place = try graph.place(of: name)
        guard !members[place].isHere else {
            throw FederationError(.exists, "the domain \(name) takes part; after a crash it comes back with rejoin")
        }
        var earliest = max((galt ?? -1) + 1, floor + 1, members[place].sealed + 1)
        for (reader, domain) in graph.domains.enumerated() where !members[reader].stays.isEmpty {
            for input in domain.inputs where graph.heirs(of: input.domain).contains(name) {
                // A reader that is here may be in the tick after the last that it sealed.
                let last = members[reader].sealed + (members[reader].isHere ? 1 : 0)
                earliest = max(earliest, last + 1 - graph.entryLookahead(input, of: domain.name))
            }
        }
        return earliest
    }

    /// A domain joins with a state that counts as sealed at a tick. Fails when it is there, or the tick is earlier than
    /// `earliestJoin`.
    public mutating func join(_ name: String, at tick: Int64) throws(FederationError) {
        try FederationLimits.checkTick(tick)
        let earliest = try earliestJoin(name)
        guard tick >= earliest else {
            throw FederationError(.outOfOrder, "\(name) cannot join at tick \(tick); the first is \(earliest)")
        }
        let place = try graph.place(of: name)
        guard members[place].stays.count < Self.maximumStays else {
            throw FederationError(
                .limit, "\(name) joined \(Self.maximumStays) times; start the federation again from a save")
        }
        begin(place, at: tick)
    }

    /// A domain leaves after the last tick that it sealed; its policy is applied. Fails when it does not take part.
    public mutating func resign(_ name: String) throws(FederationError) -> Departure {
        try leave(name, isResignation: true)
    }

    /// A domain that crashed is given up; its policy is applied, and nobody waits for it any more. Fails when it takes no
    /// part.
    public mutating func lost(_ name: String) throws(FederationError) -> Departure {
        try leave(name, isResignation: false)
    }

    private mutating func leave(_ name: String, isResignation: Bool) throws(FederationError) -> Departure {
        let place = try present(name)
        let policy = graph.domains[place].leavePolicy
        let last = members[place].sealed
        var departure = Departure(
            domain: name, isResignation: isResignation, policy: policy, lastTick: last, effective: last + 1)
        if case .handOver(let heir) = policy {
            let taker = try graph.place(of: heir)
            if members[taker].isHere {
                // The heir may be in the tick after the last that it sealed; that one goes on without these keys.
                departure.effective = max(last + 1, members[taker].sealed + 2)
            } else {
                departure.policy = .freeze
            }
        }
        floor = max(floor, galt ?? -1)
        let stay = members[place].stays.count - 1
        members[place].stays[stay].departure = departure
        if let loop = graph.loop(of: name) { loops[loop].remove(name) }
        return departure
    }

    /// A domain that crashed and was not given up is back with the state of a checkpoint: it makes the ticks after it
    /// again, with what they read then, up to where it was. Fails when it takes no part, or has no such tick.
    public mutating func rejoin(_ name: String, from checkpoint: Int64) throws(FederationError) {
        let place = try present(name)
        let member = members[place]
        let first = member.stays.last?.first ?? 0
        guard (first...max(first, member.sealed)).contains(checkpoint) else {
            throw FederationError(
                .invalid,
                "\(name) cannot go on from tick \(checkpoint): it has joined at \(first) and sealed \(member.sealed)")
        }
        members[place].position = checkpoint
    }

    /// A domain can go on from a tick. What it has read before need not be kept for it. Fails when it has not sealed it.
    public mutating func checkpointed(_ name: String, _ tick: Int64) throws(FederationError) {
        let place = try present(name)
        guard tick <= members[place].sealed, tick >= 0 else {
            throw FederationError(
                .outOfOrder, "\(name) has a checkpoint of tick \(tick), and sealed \(members[place].sealed)")
        }
        members[place].checkpoint = max(members[place].checkpoint, tick)
    }

    /// The first tick of a domain whose values must be kept: those who read it, or come back from their checkpoints, read
    /// none before. Its last values are always kept. Fails when the domain is not declared.
    public func keepFrom(_ name: String) throws(FederationError) -> Int64 {
        let place = try graph.place(of: name)
        var first = members[place].sealed
        for (reader, domain) in graph.domains.enumerated() where members[reader].isHere {
            for input in domain.inputs where graph.heirs(of: input.domain).contains(name) {
                let lookahead = graph.entryLookahead(input, of: domain.name)
                let wanted = members[reader].checkpoint + 1 - lookahead
                let departure = members[place].stays.last { $0.first <= wanted }?.departure
                first = min(first, wanted, departure?.lastTick ?? wanted)
            }
        }
        return max(0, first)
    }
}
