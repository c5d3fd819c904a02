import MeshCore

/// Reads a domain's state from outside and yields complete ticks only: it never mixes values of two ticks.
///
/// Feed it the changes of the state as they come, in any batches and any order, or snapshots; a value seen twice is one. A
/// tick is whole when its manifest is there and all values that it names, with their ticks and revs. A tick whose values
/// were overwritten before they were seen is passed over when a later one is whole.
public struct ManifestReader: Sendable {
    /// The result of a batch.
    public struct Reading: Sendable {
        /// Whole ticks, ascending.
        public var ticks: [WholeTick] = []
        /// The oldest tick that is not whole; nil when nothing is open.
        public var waiting: Waiting?
        /// What was refused, in the order of the batch. The rest of the batch counts.
        public var refused: [FederationError] = []
    }

    /// A tick whose manifest is there, and values are not.
    public struct Waiting: Sendable, Hashable {
        /// The tick.
        public var tick: Int64
        /// The names of the values, by name.
        public var missing: [String]
    }

    private struct Open: Sendable {
        var manifest: TickManifest
        var missing: [TickManifest.Entry]
    }

    /// Most values of different ticks that are kept.
    public static let maximumValues = 262_144
    /// Most ticks that are open; the oldest is given up for another.
    public static let maximumOpen = 64

    /// The domain that is read.
    public let domain: String
    /// The last tick that was yielded; nil before the first.
    public private(set) var lastTick: Int64?
    private var lastManifest: TickManifest?
    /// By name, ascending by rev. Looked up only, never gone through.
    private var versions: [String: [StampedValue]] = [:]
    private var count = 0
    /// The names of values later than the last tick, in the order in which they came.
    private var recent: [String] = []
    /// Ascending by tick.
    private var open: [Open] = []

    /// A reader that has read nothing. Fails when the domain's name is not valid.
    public init(domain: String) throws(FederationError) {
        try FederationLimits.checkName(domain)
        self.domain = domain
    }

    /// Takes changes. Keys of other domains and removals are passed over: what a tick lacks, its manifest does not name.
    public mutating func feed(_ changes: [StateChange]) -> Reading {
        var reading = Reading()
        for change in changes {
            guard let value = change.value, change.key.begins(with: SimKey.prefix(domain)) else { continue }
            do throws(FederationError) {
                let (_, name) = try SimKey.split(change.key)
                if name == SimKey.manifestName {
                    try take(try TickManifest(json: value))
                } else {
                    try take(name, try StampedValue(json: value))
                }
            } catch { reading.refused.append(FederationError(error.code, "\(change.key): \(error)")) }
        }
        yield(&reading)
        reading.waiting = open.first.map { Waiting(tick: $0.manifest.tick, missing: $0.missing.map(\.name)) }
        return reading
    }

    private mutating func take(_ name: String, _ value: StampedValue) throws(FederationError) {
        var known = versions[name] ?? []
        if let same = known.first(where: { $0.rev == value.rev && $0.tick == value.tick }) {
            guard same == value else {
                throw FederationError(.conflict, "rev \(value.rev) of tick \(value.tick) was another value before")
            }
            return
        }
        // Whatever a later manifest names and is no later than the last tick was named by that one too.
        if let lastTick, value.tick <= lastTick { return }
        guard count < Self.maximumValues else {
            throw FederationError(
                .limit, "\(Self.maximumValues) values wait for a manifest; is the domain publishing any?")
        }
        let place = known.firstIndex { ($0.rev, $0.tick) > (value.rev, value.tick) } ?? known.count
        known.insert(value, at: place)
        versions[name] = known
        recent.append(name)
        count += 1
    }

    private mutating func take(_ manifest: TickManifest) throws(FederationError) {
        guard manifest.domain == domain else {
            throw FederationError(.conflict, "this is the manifest of \(manifest.domain)")
        }
        let known =
            manifest.tick == lastTick ? lastManifest : open.first { $0.manifest.tick == manifest.tick }?.manifest
        if let known {
            guard known == manifest else {
                throw FederationError(.conflict, "tick \(manifest.tick) had another manifest before")
            }
            return
        }
        if let lastTick, manifest.tick < lastTick { return }
        if open.count == Self.maximumOpen { open.removeFirst() }
        let place = open.firstIndex { $0.manifest.tick > manifest.tick } ?? open.count
        open.insert(Open(manifest: manifest, missing: manifest.values), at: place)
    }

    private func version(_ entry: TickManifest.Entry) -> StampedValue? {
        versions[entry.name]?.first { $0.rev == entry.rev && $0.tick == entry.tick }
    }

    /// Yields what is whole. An open tick before one that is whole is given up.
    private mutating func yield(_ reading: inout Reading) {
        var place = 0
        while place < open.count {
            let missing = open[place].missing.filter { version($0) == nil }
            open[place].missing = missing
            guard missing.isEmpty else {
                place += 1
                continue
            }
            let manifest = open[place].manifest
            let values = manifest.values.compactMap { entry in version(entry).map { (name: entry.name, value: $0) } }
            guard TickManifest.hash(of: values).hex == manifest.keysHash else {
                reading.refused.append(
                    FederationError(
                        .conflict, "the values of \(domain) at \(manifest.tick) are not those that its manifest hashes")
                )
                open.remove(at: place)
                continue
            }
            reading.ticks.append(WholeTick(manifest: manifest, values: values))
            open.removeFirst(place + 1)
            place = 0
            forget(upTo: manifest)
        }
    }

    /// Keeps what the tick consists of and what is later.
    private mutating func forget(upTo manifest: TickManifest) {
        var kept: [String: [StampedValue]] = [:]
        (count, lastTick, lastManifest) = (0, manifest.tick, manifest)
        func keep(_ name: String, _ rest: [StampedValue]) {
            guard !rest.isEmpty, kept[name] == nil else { return }
            kept[name] = rest
            count += rest.count
        }
        for entry in manifest.values {
            let rest = (versions[entry.name] ?? []).filter {
                $0.tick > manifest.tick || ($0.rev == entry.rev && $0.tick == entry.tick)
            }
            keep(entry.name, rest)
        }
        var later: [String] = []
        for name in recent {
            let rest = (versions[name] ?? []).filter { $0.tick > manifest.tick }
            if !rest.isEmpty { later.append(name) }
            keep(name, rest)
        }
        (versions, recent) = (kept, later)
    }
}
