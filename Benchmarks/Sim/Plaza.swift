import MeshCore
import MeshSim

/// The world of the measurement: walkers on a square of constant density, so that each has about as many others in sight
/// whatever their number. About a tenth of them walk in a tick, and about a tenth change their mood.
enum Plaza: Scenario {
    /// What a run is made from.
    struct Parameters: Codable, Sendable, Hashable {
        /// How many walkers are expected: they make the size of the square.
        var walkers = 100
        /// How far a walker sees.
        var radius = 10.0
        /// How many others a walker has in sight.
        var inSight = 10.0
        /// How likely a walker's mood changes in a tick.
        var change = 0.1

        /// The side of the square.
        var side: Double { (Double(walkers) * 3.141_592_653_589_793 * radius * radius / inSight).squareRoot() }
    }

    static let name = "plaza"
    static let rulesVersion = 1

    static let mood = Attribute<Int64>("mood", initial: 0, range: 0...9)
    static let coat = Attribute<String>("coat", initial: "grey", choices: ["grey", "blue", "red", "green"])
    static let height = Attribute<Double>("height", initial: 1.7, range: 1...2.2)
    static let purse = Attribute<Int64>("purse", initial: 100, audience: .owner)

    static func schema(_ parameters: Parameters) throws -> WorldSchema {
        guard (1...SeatTable.maximumSeats).contains(parameters.walkers), parameters.radius > 0, parameters.inSight > 0
        else { throw SimError("walkers: 1 to \(SeatTable.maximumSeats); radius and inSight: above 0") }
        let side = parameters.side
        return try WorldSchema(
            types: [
                EntityType("walker") {
                    mood
                    coat
                    height
                    purse
                }
            ],
            space: .continuous(width: side, height: side, torus: true, cell: parameters.radius))
    }

    static func begin(_ turn: inout Turn<Self>) throws {}

    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        let walker = try turn.world.spawn("walker")
        var random = turn.random("entry", for: walker)
        let side = turn.parameters.side
        try turn.world.place(walker, at: Point(x: random.unit() * side, y: random.unit() * side))
        try turn.world.set(walker, coat, ["grey", "blue", "red", "green"][random.below(4)])
        try turn.world.set(walker, height, 1.5 + 0.5 * random.unit())
        return walker
    }

    static var actions: [Action<Self>] { [walk] }

    private static let walk = Action<Self>(
        ActionSchema(
            "walk", help: "Walk a way; 0 and 0 is to stay.",
            arguments: [
                ActionArgument("dx", .number(minimum: -2, maximum: 2), help: "To the right."),
                ActionArgument("dy", .number(minimum: -2, maximum: 2), help: "Up."),
            ])
    ) { call, turn in
        let walker = try call.entity
        guard let here = turn.world.position(of: walker) else { throw Refusal("\(walker) is nowhere") }
        try turn.world.place(walker, at: Point(x: here.x + call.number("dx"), y: here.y + call.number("dy")))
        return [:]
    }

    static func step(_ turn: inout Turn<Self>) throws {
        var random = turn.random("mood")
        for walker in turn.world.entities(of: "walker") where random.chance(turn.parameters.change) {
            try turn.world.set(walker, mood, Int64(random.below(10)))
        }
    }

    static func visibility(role: String?, _ parameters: Parameters) -> Visibility { .radius(parameters.radius) }

    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        let walkers = world.entities(of: "walker")
        let moods = walkers.reduce(0) { $0 + (world.get($1, mood) ?? 0) }
        return [("walkers", Double(walkers.count)), ("mood", Double(moods))]
    }

    /// A stub: what a walker does about what it sees costs nothing.
    static func mind(_ scene: Scene) -> [LocalAgent.Move] {
        var random = RandomStream(
            seed: 1, names: [name, "mind"], entity: scene.viewer.rawValue, tick: UInt64(max(0, scene.tick)))
        guard random.chance(0.1) else { return [.init("walk", ["dx": 0, "dy": 0])] }
        let way: JSON = ["dx": .double(random.unit() * 4 - 2), "dy": .double(random.unit() * 4 - 2)]
        return [.init("walk", way)]
    }
}
