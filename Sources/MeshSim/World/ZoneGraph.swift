/// The declaration of a zone.
public struct Zone: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The capacity; nil: unlimited.
    public var capacity: Int?
    /// The zones it is connected to, in both directions.
    public var connections: [String]

    /// Declares a zone.
    public init(_ name: String, capacity: Int? = nil, connections: [String] = []) {
        self.name = name
        self.capacity = capacity
        self.connections = connections
    }
}

/// Zones and their connections, which hold in both directions.
public struct ZoneGraph: Sendable, Hashable {
    /// The names, by bytes.
    public let names: [String]
    /// By zone, in the order of names; nil: unlimited.
    let capacities: [Int?]
    /// By zone: the zones it is connected to, ascending.
    let connections: [[Int]]
    private let places: [String: Int]

    /// No zones.
    public static let none = ZoneGraph()
    /// The maximum number of zones.
    public static let maximumZones = 100_000

    private init() {
        (names, capacities, connections, places) = ([], [], [], [:])
    }

    /// Makes a graph. Fails with `invalidSchema` for a duplicate or invalid name, a connection to an unknown zone
    /// or a negative capacity.
    public init(_ zones: [Zone]) throws(WorldError) {
        guard zones.count <= Self.maximumZones else {
            throw WorldError(.invalidSchema, "there are \(zones.count) zones; at most \(Self.maximumZones) may be")
        }
        let zones = zones.sorted { $0.name.precedesInBytes($1.name) }
        var places: [String: Int] = [:]
        for (place, zone) in zones.enumerated() {
            try WorldError.checkName(zone.name, of: "a zone")
            guard zone.capacity ?? 0 >= 0 else {
                throw WorldError(.invalidSchema, "the capacity of \(zone.name) is negative")
            }
            guard places.updateValue(place, forKey: zone.name) == nil else {
                throw WorldError(.invalidSchema, "the zone \(zone.name) is declared twice")
            }
        }
        var connections: [[Int]] = Array(repeating: [], count: zones.count)
        for (place, zone) in zones.enumerated() {
            for name in zone.connections {
                guard let other = places[name] else {
                    throw WorldError(
                        .invalidSchema, "\(zone.name) is connected with \(WorldError.short(name)), which is no zone")
                }
                // No move leads from a zone to itself.
                guard other != place else { continue }
                connections[place].append(other)
                connections[other].append(place)
            }
        }
        self.names = zones.map(\.name)
        self.capacities = zones.map(\.capacity)
        self.connections = connections.map { Self.distinct($0.sorted()) }
        self.places = places
    }

    private static func distinct(_ sorted: [Int]) -> [Int] {
        sorted.reduce(into: []) { result, place in if result.last != place { result.append(place) } }
    }

    /// The index of a zone in `names`.
    func place(of name: String) -> Int? { places[name] }

    /// The capacity of a zone; nil: unlimited, or an unknown zone.
    public func capacity(of zone: String) -> Int? { places[zone].flatMap { capacities[$0] } }

    /// Returns the zones one move away, sorted by bytes.
    public func connections(of zone: String) -> [String] {
        places[zone].map { connections[$0].map { names[$0] } } ?? []
    }

    /// Reports whether two zones are connected.
    public func areConnected(_ one: String, _ other: String) -> Bool {
        guard let one = places[one], let other = places[other] else { return false }
        return connections[one].contains(other)
    }

    /// Returns the zones within a number of moves, itself included, sorted by bytes; empty for an unknown zone.
    public func zones(within depth: Int, of zone: String) -> [String] {
        guard depth >= 0, let start = places[zone] else { return [] }
        var moves: [Int: Int] = [start: 0]
        var reached = [start]
        var next = 0
        while next < reached.count {
            let here = reached[next]
            next += 1
            guard let so = moves[here], so < depth else { continue }
            for other in connections[here] where moves[other] == nil {
                moves[other] = so + 1
                reached.append(other)
            }
        }
        return reached.sorted().map { names[$0] }
    }

    /// Returns a shortest path, both ends included; nil when there is none. Of equal paths, the one whose zones come
    /// first by bytes, step by step.
    public func path(from start: String, to end: String) -> [String]? {
        guard let start = places[start], let end = places[end] else { return nil }
        // Distances are from the end: each step of the path is one closer.
        var moves: [Int: Int] = [end: 0]
        var reached = [end]
        var next = 0
        while next < reached.count, moves[start] == nil {
            let here = reached[next]
            next += 1
            for other in connections[here] where moves[other] == nil {
                moves[other] = (moves[here] ?? 0) + 1
                reached.append(other)
            }
        }
        guard var left = moves[start] else { return nil }
        var way = [start]
        while left > 0, let here = way.last, let step = connections[here].first(where: { moves[$0] == left - 1 }) {
            way.append(step)
            left -= 1
        }
        return way.map { names[$0] }
    }
}
