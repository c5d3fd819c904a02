/// The space in which entities can be placed.
public enum SpaceShape: Sendable, Hashable {
    /// None.
    case none
    /// Cells; positions are whole numbers from 0. On a torus the edges meet.
    case grid(columns: Int, rows: Int, torus: Bool)
    /// A rectangle from 0; with edges, both belong to it; on a torus only the lower one. `cell` is the usual search
    /// radius: the side of the cells of the index.
    case continuous(width: Double, height: Double, torus: Bool, cell: Double)
}

/// The declaration of a network of links between entities.
public struct NetworkShape: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Whether links have a direction.
    public let isDirected: Bool
    /// The maximum number of links.
    public let limit: Int

    /// Declares a network.
    public init(_ name: String, isDirected: Bool = false, limit: Int = 1_000_000) {
        self.name = name
        self.isDirected = isDirected
        self.limit = limit
    }
}

/// What a world consists of: its types, zones, space, networks and limits.
public struct WorldSchema: Sendable {
    private let parts: Parts

    /// Shared by all copies, because worlds are copied often.
    private final class Parts: Sendable {
        let types: [EntityType]
        let typePlaces: [String: Int]
        let zones: ZoneGraph
        let space: SpaceShape
        let networks: [NetworkShape]
        let maximumEntities: Int
        let cells: CellIndex?

        init(
            _ types: [EntityType], _ typePlaces: [String: Int], _ zones: ZoneGraph, _ space: SpaceShape,
            _ networks: [NetworkShape], _ maximumEntities: Int, _ cells: CellIndex?
        ) {
            self.types = types
            self.typePlaces = typePlaces
            self.zones = zones
            self.space = space
            self.networks = networks
            self.maximumEntities = maximumEntities
            self.cells = cells
        }
    }

    /// The types, in order.
    public var types: [EntityType] { parts.types }
    /// The zones.
    public var zones: ZoneGraph { parts.zones }
    /// The space.
    public var space: SpaceShape { parts.space }
    /// The networks, in order.
    public var networks: [NetworkShape] { parts.networks }
    /// The maximum number of entities at a time, of all types.
    public var maximumEntities: Int { parts.maximumEntities }
    /// An empty index, made here to validate its shape.
    var cells: CellIndex? { parts.cells }

    /// The schema of a world that can hold nothing.
    static let nothing = WorldSchema(parts: Parts([], [:], .none, .none, [], 0, nil))

    private init(parts: Parts) { self.parts = parts }

    /// Makes a schema. Fails with `invalidSchema`, which describes the problem.
    public init(
        types: [EntityType], zones: ZoneGraph = .none, space: SpaceShape = .none, networks: [NetworkShape] = [],
        maximumEntities: Int = 1_000_000
    ) throws(WorldError) {
        guard (0...100_000_000).contains(maximumEntities) else {
            throw WorldError(.invalidSchema, "maximumEntities is \(maximumEntities); it is 0 to 100000000")
        }
        var typePlaces: [String: Int] = [:]
        for (place, type) in types.enumerated() {
            try type.check()
            guard typePlaces.updateValue(place, forKey: type.name) == nil else {
                throw WorldError(.invalidSchema, "the type \(type.name) is declared twice")
            }
        }
        var names: Set<String> = []
        for network in networks {
            try WorldError.checkName(network.name, of: "a network")
            guard network.limit >= 0 else {
                throw WorldError(.invalidSchema, "the limit of the network \(network.name) is negative")
            }
            guard names.insert(network.name).inserted else {
                throw WorldError(.invalidSchema, "the network \(network.name) is declared twice")
            }
        }
        parts = Parts(types, typePlaces, zones, space, networks, maximumEntities, try CellIndex(space))
    }

    /// Returns the declaration of a type.
    public func type(_ name: String) -> EntityType? { parts.typePlaces[name].map { types[$0] } }

    func place(ofType name: String) -> Int? { parts.typePlaces[name] }
    /// Few are declared, so a linear search is fastest.
    func place(ofNetwork name: String) -> Int? { networks.firstIndex { $0.name == name } }
}
