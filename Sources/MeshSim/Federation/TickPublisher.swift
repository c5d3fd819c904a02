public import MeshCore

/// Writes a domain's ticks: stamps changed values, and writes the manifest last.
public struct TickPublisher: Sendable {
    private let domain: String
    private var current: [(name: String, value: StampedValue)] = []
    /// The revs of removed values: one that comes back goes on counting.
    private var removed: [(name: String, rev: Int64)] = []
    private var tick: Int64 = -1

    /// The maximum number of values of a domain, removed ones included.
    public static let maximumValues = 65_536

    /// A publisher that has published nothing. Fails when the domain's name is not valid.
    public init(domain: String) throws(FederationError) {
        try FederationLimits.checkName(domain)
        self.domain = domain
    }

    /// A publisher that goes on after a tick, as a domain does that comes back. Revs of values removed before start anew.
    public init(after whole: WholeTick) {
        domain = whole.manifest.domain
        current = whole.values.sorted { $0.name.precedesInBytes($1.name) }
        tick = whole.manifest.tick
    }

    /// What to write, in this order: values that changed by name, removals, the manifest. Fails, and changes nothing, when
    /// the tick is not later than the last, a name comes twice, or a limit is reached.
    public mutating func publish(
        tick: Int64, values: [(name: String, value: JSON)], chain: Digest, stateRoot: Digest
    ) throws(FederationError) -> [StateChange] {
        guard tick > self.tick else {
            throw FederationError(.outOfOrder, "\(domain) has published tick \(self.tick); \(tick) is not later")
        }
        let sorted = values.sorted { $0.name.precedesInBytes($1.name) }
        var changes: [StateChange] = []
        var next: [(name: String, value: StampedValue)] = []
        for (name, value) in sorted {
            let key = try SimKey.make(domain, name)
            guard next.last?.name != name else { throw FederationError(.exists, "the value \(name) is given twice") }
            let old = current.place(of: name, by: \.name).map { current[$0].value }
            if let old, value.isFinite, old.hash == StampedValue.hash(of: value).hex {
                next.append((name, old))
                continue
            }
            let rev = old?.rev ?? removed.place(of: name, by: \.name).map { removed[$0].rev } ?? 0
            let stamped = try StampedValue(tick: tick, rev: rev + 1, owner: domain, value: value)
            next.append((name, stamped))
            changes.append(StateChange(key: key, value: try stamped.json))
        }
        var gone = removed.filter { next.place(of: $0.name, by: \.name) == nil }
        for (name, value) in current where next.place(of: name, by: \.name) == nil {
            gone.insert((name, value.rev), at: gone.lowerBound(of: name, by: \.name))
            changes.append(StateChange(key: try SimKey.make(domain, name), value: nil))
        }
        guard next.count + gone.count <= Self.maximumValues else {
            throw FederationError(.limit, "\(domain) has had more than \(Self.maximumValues) values; split the domain")
        }
        let manifest = TickManifest(domain: domain, tick: tick, chain: chain, stateRoot: stateRoot, values: next)
        changes.append(StateChange(key: SimKey.manifest(domain), value: try manifest.json))
        (current, removed, self.tick) = (next, gone, tick)
        return changes
    }
}
