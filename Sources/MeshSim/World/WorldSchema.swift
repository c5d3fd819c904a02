/// The kind of space that entities can be placed in.
public enum SpaceShape: Sendable, Hashable {
    /// None.
    case none
    /// Cells; positions are whole numbers from 0. On a torus the edges meet.
    case grid(columns: Int, rows: Int, torus: Bool)
    /// A rectangle from 0; with edges both belong to it, on a torus only the lower one. `cell` is how far one usually
    /// looks: the side of the cells of the index.
    case continuous(width: Double, height: Double, torus: Bool, cell: Double)
}

/// A network of links between entities, as it is declared.
public struct NetworkShape: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Whether a link from one to another is none from the other to the one.
    public let isDirected: Bool
    /// How many links there may be.
    public let limit: Int

    /// Declares a network.
    public init(_ name: String, isDirected: Bool = false, limit: Int = 1_000_000) {
        self.name = name
        self.isDirected = isDirected
        self.limit = limit
    }
}

/// What a world consists of: its types, zones, space and networks, and how much there may be of it.
public struct WorldSchema: Sendable {
    private let parts: Parts

    /// Shared by all copies, for worlds are copied often.
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
    /// How many entities may live at a time, of all types.
    public var maximumEntities: Int { parts.maximumEntities }
    /// An empty index; made here, where its shape is checked.
    var cells: CellIndex? { parts.cells }

    /// Of a world in which nothing can be.
    static let nothing = WorldSchema(parts: Parts([], [:], .none, .none, [], 0, nil))

    private init(parts: Parts) { self.parts = parts }

    /// Checks and keeps a schema. Fails with `invalidSchema`, which names what is wrong.
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

    /// The declaration of a type.
    public func type(_ name: String) -> EntityType? { parts.typePlaces[name].map { types[$0] } }

    func place(ofType name: String) -> Int? { parts.typePlaces[name] }
    /// Few are declared, so that looking at each is the quickest.
    func place(ofNetwork name: String) -> Int? { networks.firstIndex { $0.name == name } }
}
