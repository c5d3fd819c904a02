import MeshSim

/// The single operations of a world with zones and a plane, agents spread over both.
struct Operations {
    struct Figure {
        var name: String
        var nanoseconds: Double
    }

    private let agents: Int
    private let schema: WorldSchema
    private var ids: [EntityID] = []
    private static let wealth = Attribute<Int64>("wealth", initial: 100)
    private static let zones = (0..<100).map { "zone-\($0)" }
    private static let radius = 10.0
    private static let rounds = 3

    /// About three others are within the radius, whatever the number of agents.
    init(agents: Int) throws {
        self.agents = agents
        let side = (Double(agents) * 100).squareRoot()
        let ring = Self.zones.indices.map { place in
            Zone(Self.zones[place], connections: [Self.zones[(place + 1) % Self.zones.count]])
        }
        schema = try WorldSchema(
            types: [EntityType("agent") { Self.wealth }], zones: try ZoneGraph(ring),
            space: .continuous(width: side, height: side, torus: true, cell: Self.radius))
        ids = (1...agents).map { EntityID("agent-\($0)") }
    }

    func measure() throws -> [Figure] {
        let side = (Double(agents) * 100).squareRoot()
        var random = RandomStream(seed: 1, names: ["world-bench", "operations"])
        let points = (0..<agents).map { _ in Point(x: random.unit() * side, y: random.unit() * side) }
        var order = ids
        random.shuffle(&order)
        var (world, sum) = (World(schema: schema), Int64(0))

        var figures = [
            try figure("spawn") {
                world = World(schema: schema)
                for _ in 0..<agents { try world.spawn("agent") }
            }
        ]
        figures.append(figure("get") { for id in order { sum &+= world.get(id, Self.wealth) ?? 0 } })
        figures.append(try figure("set") { for id in order { try world.set(id, Self.wealth, sum & 0xFFFF) } })
        var turn = 0
        figures.append(
            try figure("place somewhere else") {
                turn += 1
                for (place, id) in order.enumerated() { try world.place(id, at: points[(place + turn) % agents]) }
            })
        for (place, id) in order.enumerated() { try world.put(id, in: Self.zones[(place + turn) % Self.zones.count]) }
        figures.append(
            try figure("move to the next zone") {
                turn += 1
                for (place, id) in order.enumerated() {
                    try world.move(id, to: Self.zones[(place + turn) % Self.zones.count])
                }
            })
        figures.append(
            figure("near, about 3 found") {
                for point in points { sum &+= Int64(world.entities(near: point, radius: Self.radius).count) }
            })
        guard sum != 0 else { throw SimError("nothing was found or read") }
        return figures
    }

    /// The best of some rounds, for each of the agents.
    private func figure(_ name: String, _ body: () throws -> Void) rethrows -> Figure {
        var best = Double.infinity
        for _ in 0..<Self.rounds { best = min(best, try WorldBench.timed(body)) }
        return Figure(name: name, nanoseconds: best * 1e9 / Double(agents))
    }
}
