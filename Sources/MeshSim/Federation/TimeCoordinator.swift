public import MeshCore

/// Grants logical times to federates on request, each in its own step: conservative, so that none hears of
/// something that lies before the time it has.
///
/// All begin at time 0. A federate that runs may publish, then asks for a later time (`request`) or is done (`finish`). The
/// rules are those of HELICS (its user guide, "Timing", and the exercises on timing), in whole numbers:
///
/// 1. Times: a request is rounded up to the next time that period, offset and time delta allow.
/// 2. Interrupts: a value that arrives before the requested time wakes the federate at the next allowed time at or after
///    its arrival, unless it is uninterruptible; then it is heard at the requested time.
/// 3. A federate that gets the time it asked for hears what was published before that time. What others publish at the
///    same time it hears at its next grant.
/// 4. A federate that is woken, or that waits for the current time, hears also what is published at that very time: it
///    runs after all who may still publish something for it at that time, apart from those who do so because of itself.
/// 5. Where such federates wait for each other, the earliest time goes first, then those who do not wait for the current
///    time, then the first name, one by one. So somebody always runs.
///
/// Rules 1 to 4 give a federate its grant as soon as nobody can change it, and rule 5 counts only when all are at rest;
/// therefore the order of requests changes no grant.
public struct TimeCoordinator: Sendable {
    /// Asked for: to be woken by values only.
    public static let never = Int64.max
    /// The maximum number of federates.
    public static let maximumFederates = 256
    /// The maximum number of values waiting for a federate.
    public static let maximumWaiting = 65_536

    enum Phase: Sendable, Hashable {
        /// It runs at the time it has; what it publishes counts from then on.
        case running
        /// It asked for a time.
        case waiting(until: Int64)
        case finished
    }

    struct Member: Sendable {
        let declaration: TimeFederate
        /// The places of those whom it hears, and the delay from each.
        var inputs: [(place: Int, delay: Int64)] = []
        /// The places of those who hear it.
        var listeners: [Int] = []
        var granted: Int64 = 0
        var phase = Phase.running
        var published: Int64 = 0
        var waiting: [TimedValue] = []
    }

    /// By name.
    var members: [Member] = []

    /// A coordinator whose federates all run at time 0. Fails when a declaration is not valid.
    public init(_ federates: [TimeFederate]) throws(FederationError) {
        guard federates.count <= Self.maximumFederates else {
            throw FederationError(
                .limit,
                "\(federates.count) federates are declared; at most \(Self.maximumFederates) share a coordinator")
        }
        for federate in federates { try federate.check() }
        members = federates.sorted { $0.name.precedesInBytes($1.name) }.map { Member(declaration: $0) }
        for (member, next) in zip(members, members.dropFirst())
        where member.declaration.name == next.declaration.name {
            throw FederationError(.exists, "the federate \(member.declaration.name) is declared twice")
        }
        for place in members.indices {
            let federate = members[place].declaration
            for input in federate.inputs.sorted(by: { $0.precedesInBytes($1) }) {
                let source = try self.place(of: input)
                guard source != place, members[source].listeners.last != place else {
                    throw FederationError(.invalid, "\(federate.name) names \(input) twice, or itself, as an input")
                }
                let delay = members[source].declaration.outputDelay + federate.inputDelay
                members[place].inputs.append((source, delay))
                members[source].listeners.append(place)
            }
        }
    }

    func place(of name: String) throws(FederationError) -> Int {
        guard let place = members.place(of: name, by: \.declaration.name) else {
            throw FederationError(.unknown, "the federate \(name) is not declared")
        }
        return place
    }

    private func running(_ name: String) throws(FederationError) -> Int {
        let place = try place(of: name)
        guard members[place].phase == .running else {
            throw FederationError(.outOfOrder, "\(name) does not run: it waits for a grant, or has finished")
        }
        return place
    }

    /// A federate publishes at the time that it has; all who hear it will. Fails when it does not run, or when too much
    /// waits for one of those, and then reaches nobody.
    public mutating func publish(_ name: String, _ value: JSON) throws(FederationError) {
        let place = try running(name)
        for listener in members[place].listeners where members[listener].waiting.count >= Self.maximumWaiting {
            throw FederationError(
                .limit,
                "\(Self.maximumWaiting) values wait for \(members[listener].declaration.name); it must ask for its next "
                    + "time before more is published to it")
        }
        let published = members[place].granted
        for listener in members[place].listeners where members[listener].phase != .finished {
            let delay = members[listener].inputs.first { $0.place == place }?.delay ?? 0
            members[listener].waiting.append(
                TimedValue(
                    source: name, published: published, arrival: published + delay,
                    sequence: members[place].published, value: value))
        }
        members[place].published += 1
    }

    /// Requests a time, or to be woken by values only (`never`). Returns all grants that follow, by time and name.
    /// Fails when it does not run, or the time is not after the one it has.
    public mutating func request(_ name: String, _ time: Int64) throws(FederationError) -> [TimeGrant] {
        let place = try running(name)
        let member = members[place]
        guard time > member.granted, time == Self.never || time <= FederationLimits.lastTick else {
            throw FederationError(
                .invalid,
                "\(name) is at \(member.granted) and asks for \(time); valid are later times up to "
                    + "\(FederationLimits.lastTick), or never")
        }
        members[place].phase = .waiting(until: member.declaration.allowed(from: time, after: member.granted))
        return grants()
    }

    /// Ends a federate. Returns all grants that follow. Fails when it does not run.
    public mutating func finish(_ name: String) throws(FederationError) -> [TimeGrant] {
        let place = try running(name)
        members[place].phase = .finished
        members[place].waiting = []
        return grants()
    }

    /// Returns the current time of a federate. Fails when it is not declared.
    public func time(of name: String) throws(FederationError) -> Int64 { members[try place(of: name)].granted }

    /// Whether no federate runs: then nothing further happens.
    public var isIdle: Bool { members.allSatisfy { $0.phase != .running } }
}
