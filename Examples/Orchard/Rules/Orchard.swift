public import MeshCore
public import MeshSim

/// The smallest world in which others act: trees with apples, pickers who want them, and a night that lets apples grow.
///
/// Everything a scenario says is here: what there is, what may be done, who sees what, what happens by itself, what is
/// measured.
public enum Orchard: Scenario {
    /// What a run is made from.
    public struct Parameters: Codable, Sendable, Hashable {
        /// How many trees.
        public var trees = 3
        /// How many apples a tree has at the beginning, and at most.
        public var apples: Int64 = 5
        /// How likely a tree grows an apple in a tick.
        public var growth = 0.3
        /// The defaults.
        public init() {}
    }

    public static let name = "orchard"
    public static let rulesVersion = 1

    // What there is. The owner alone sees what is in their basket.
    static let apples = Attribute<Int64>("apples", initial: 0, range: 0...1_000)
    static let basket = Attribute<Int64>("basket", initial: 0, audience: .owner)

    public static func schema(_ parameters: Parameters) throws -> WorldSchema {
        guard (1...100).contains(parameters.trees), (0...1_000).contains(parameters.apples) else {
            throw SimError("trees: 1 to 100, apples: 0 to 1,000")
        }
        let zones = (1...parameters.trees).map { Zone("tree-\($0)", connections: ["meadow"]) }
        return try WorldSchema(
            types: [EntityType("tree") { apples }, EntityType("picker") { basket }],
            zones: try ZoneGraph([Zone("meadow")] + zones))
    }

    public static func begin(_ turn: inout Turn<Self>) throws {
        for number in 1...turn.parameters.trees {
            let tree = try turn.world.spawn("tree", [apples.name: .integer(turn.parameters.apples)])
            try turn.world.put(tree, in: "tree-\(number)")
        }
    }

    // Who comes gets a body; it is removed when they leave.
    public static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        let picker = try turn.world.spawn("picker")
        try turn.world.put(picker, in: "meadow")
        return picker
    }

    // What may be done.
    public static var actions: [Action<Self>] { [walk, pick] }

    static let walk = Action<Self>(
        ActionSchema(
            "walk", help: "Walk to a place next to this one: the meadow, or a tree.",
            arguments: [ActionArgument("to", .string(maximumLength: 32), help: "For example tree-1.")])
    ) { call, turn in
        let body = try call.entity
        guard let here = turn.world.zone(of: body), turn.world.schema.zones.areConnected(here, call.text("to")) else {
            throw Refusal("\(call.text("to")) is not next to here; trees are next to the meadow alone")
        }
    } apply: { call, turn in
        try turn.world.move(try call.entity, to: call.text("to"))
        return ["zone": .string(call.text("to"))]
    }

    static let pick = Action<Self>(
        ActionSchema("pick", help: "Pick one apple of the tree where you are.")
    ) { call, turn in
        guard let tree = Self.tree(of: try call.entity, turn), turn.world.get(tree, apples) ?? 0 > 0 else {
            throw Refusal("here is no tree with apples")
        }
    } claim: { call, turn in
        // More pickers than apples: the run's seed draws who gets one.
        guard let body = try? call.entity, let tree = Self.tree(of: body, turn) else { return nil }
        return Claim("apples of \(tree)", capacity: Int(turn.world.get(tree, apples) ?? 0))
    } apply: { call, turn in
        let body = try call.entity
        guard let tree = Self.tree(of: body, turn) else { throw Refusal("here is no tree") }
        try turn.world.add(tree, apples, -1)
        try turn.world.add(body, basket, 1)
        try turn.world.emit(WorldEvent("picked", subject: body, zone: turn.world.zone(of: body)))
        return ["basket": .integer(turn.world.get(body, basket) ?? 0)]
    }

    private static func tree(of body: EntityID, _ turn: borrowing Turn<Self>) -> EntityID? {
        guard let zone = turn.world.zone(of: body) else { return nil }
        return turn.world.occupants(of: zone).first { turn.world.type(of: $0) == "tree" }
    }

    // What happens by itself.
    public static func step(_ turn: inout Turn<Self>) throws {
        for tree in turn.world.entities(of: "tree") {
            var random = turn.random("growth", for: tree)
            let count = turn.world.get(tree, apples) ?? 0
            if count < turn.parameters.apples, random.chance(turn.parameters.growth) {
                try turn.world.add(tree, apples, 1)
            }
        }
    }

    // Who sees what: a picker sees their place and those next to it.
    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility { .zone(depth: 1) }

    // What is measured.
    public static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        let hanging = world.entities(of: "tree").reduce(0) { $0 + (world.get($1, apples) ?? 0) }
        let picked = world.entities(of: "picker").reduce(0) { $0 + (world.get($1, basket) ?? 0) }
        return [
            ("pickers", Double(world.count(of: "picker"))), ("hanging", Double(hanging)), ("picked", Double(picked)),
        ]
    }

    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        turn.world.entities(of: "tree").map { tree in
            (tree.rawValue, .integer(turn.world.get(tree, apples) ?? 0))
        }
    }

    // What is written down of each tick, for whoever asks: `sim-orchard run --data FOLDER`.
    public static func data(_ parameters: Parameters) throws -> DataCollector? {
        try DataCollector(
            entities: [EntityColumns("tree") { apples }, EntityColumns("picker", places: true) { basket }],
            events: true)
    }

    /// A picker of rules: picks where there are apples, walks on where there are none.
    public static func picker(_ name: String) -> LocalAgent {
        LocalAgent(Seat(name, mind: .coded, role: "picker")) { scene, random in mind(scene, &random) }
    }

    /// What a picker of rules does about what it sees.
    public static func mind(_ scene: Scene, _ random: inout RandomStream) -> [LocalAgent.Move] {
        let own = scene.entities.first { $0.id == scene.viewer }
        guard let here = own?.fields["zone"]?.stringValue else { return [] }
        let trees = scene.entities.filter { $0.fields["type"] == "tree" }
        func ripe(_ seen: Scene.Seen) -> Bool { (seen.fields["apples"]?.integerValue ?? 0) > 0 }
        if trees.contains(where: { $0.fields["zone"]?.stringValue == here && ripe($0) }) { return [.init("pick")] }
        guard here == "meadow" else { return [.init("walk", ["to": "meadow"])] }
        let goals = trees.filter(ripe).compactMap { $0.fields["zone"]?.stringValue }
        guard !goals.isEmpty else { return [] }
        return [.init("walk", ["to": .string(goals[random.below(goals.count)])])]
    }
}
