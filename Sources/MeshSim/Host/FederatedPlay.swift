public import MeshCore

/// A domain of a federation in one process.
public protocol FederatedMember: Sendable {
    /// The state that it begins with.
    mutating func begin() throws -> MemberTick
    /// Makes the next tick.
    mutating func step(imports: [SealedImport]) throws -> MemberTick
}

/// What a domain has sealed.
public struct MemberTick: Sendable {
    /// The line of its record.
    public var line: SimRecording.Tick
    /// Its exported values.
    public var exports: [(key: String, value: JSON)]
    /// Makes one.
    public init(line: SimRecording.Tick, exports: [(key: String, value: JSON)]) {
        self.line = line
        self.exports = exports
    }
}

extension LocalPlay: FederatedMember {
    public mutating func begin() throws -> MemberTick {
        let line: SimRecording.Tick = try begin()
        return MemberTick(line: line, exports: Rules.exports(host.model.turn))
    }

    public mutating func step(imports: [SealedImport]) throws -> MemberTick {
        let sealed = try step(imports: imports, checkpoint: false)
        return MemberTick(line: sealed.line, exports: sealed.exports)
    }
}

/// A federation in one process: each domain makes its ticks as soon as those that it reads are sealed, and an orchestrator
/// merges what all have sealed into one chain.
///
/// The order in which ready domains run does not matter: each reads exactly the ticks of its declaration.
public struct FederatedPlay: Sendable {
    private struct Domain: Sendable {
        var declaration: FederationDomain
        var member: any FederatedMember
        var publisher: TickPublisher
        var reader: ManifestReader
        var tick: Int64 = 0
        /// Its sealed values that may still be read.
        var sealed: [SealedImport] = []
    }

    /// An event.
    public enum Event: Sendable {
        /// A domain has sealed a tick: the line of its record.
        case sealed(String, SimRecording.Tick)
        /// All have sealed a tick: the merged tick.
        case merged(MergedTick)
    }

    private var domains: [Domain]
    private var grants: GrantTable
    private var merger: Merger

    /// Makes a federation. Fails when the declarations are inconsistent.
    public init(
        name: String, members: [(declaration: FederationDomain, member: any FederatedMember)], rules: [MergeRule] = []
    ) throws {
        let sorted = members.sorted { $0.declaration.name.precedesInBytes($1.declaration.name) }
        grants = try GrantTable(sorted.map(\.declaration))
        merger = try Merger(federation: name, sources: sorted.map { MergeSource($0.declaration.name) }, rules: rules)
        domains = try sorted.map {
            Domain(
                declaration: $0.declaration, member: $0.member,
                publisher: try TickPublisher(domain: $0.declaration.name),
                reader: try ManifestReader(domain: $0.declaration.name))
        }
    }

    /// The merged chain.
    public var chain: MergedChain { merger.chain }
    /// The tick that all domains have sealed.
    public var tick: Int64 { grants.galt ?? 0 }

    /// Begins: every domain's first state is sealed.
    public mutating func begin() throws -> [Event] {
        var events: [Event] = []
        for place in domains.indices { events += try take(try domains[place].member.begin(), place) }
        return events
    }

    /// Lets every domain that may make its next tick make it, in an order of the caller's choice (by name when nil). Gives
    /// nothing when all wait for each other or have reached `last`.
    public mutating func advance(upTo last: Int64, order: [String]? = nil) throws -> [Event] {
        var events: [Event] = []
        for name in order ?? domains.map(\.declaration.name) {
            guard let place = domains.firstIndex(where: { $0.declaration.name == name }) else {
                throw SimError("the federation has no domain \(name)")
            }
            let next = domains[place].tick + 1
            guard next <= last, try grants.mayEnter(name, next) == .granted else { continue }
            let made = try domains[place].member.step(imports: try imports(of: name, next))
            _ = try grants.sealed(name, next)
            // Nobody in this process comes back from an earlier state.
            try grants.checkpointed(name, next)
            domains[place].tick = next
            events += try take(made, place)
        }
        try forget()
        return events
    }

    private func imports(of name: String, _ tick: Int64) throws -> [SealedImport] {
        try grants.reads(name, tick).compactMap { read in
            guard read.tick >= 0, let source = read.source,
                let domain = domains.first(where: { $0.declaration.name == source })
            else {
                return nil
            }
            guard let values = domain.sealed.first(where: { $0.tick == read.tick }) else {
                throw SimError("\(name) reads tick \(read.tick) of \(source), which is not kept any more")
            }
            return SealedImport(domain: read.input, tick: read.tick, values: values.values)
        }
    }

    private mutating func take(_ made: MemberTick, _ place: Int) throws -> [Event] {
        let name = domains[place].declaration.name
        let values = JSON.object(JSONObject(made.exports.map { ($0.key, $0.value) }))
        domains[place].sealed.append(SealedImport(domain: name, tick: made.line.tick, values: values))
        var events: [Event] = [.sealed(name, made.line)]
        guard let chain = Digest(hex: made.line.chain) else { return events }
        let changes = try domains[place].publisher.publish(
            tick: made.line.tick, values: made.exports.map { (name: $0.key, value: $0.value) }, chain: chain,
            stateRoot: made.line.stateRoot)
        for whole in domains[place].reader.feed(changes).ticks { events += try merger.add(whole).map(Event.merged) }
        return events
    }

    /// Drops what no domain reads any more.
    private mutating func forget() throws {
        for place in domains.indices {
            let oldest = try grants.keepFrom(domains[place].declaration.name)
            domains[place].sealed.removeAll { $0.tick < max(0, oldest) }
        }
    }
}
