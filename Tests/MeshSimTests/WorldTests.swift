import MeshCore
import Testing

@testable import MeshSim

/// A small town: what the tests of worlds are about.
enum Town {
    static let money = Attribute<Int64>("money", initial: 10, range: 0...1_000)
    static let mood = Attribute<Double>("mood", initial: 0.5, range: -1...1)
    static let isOpen = Attribute<Bool>("isOpen", initial: true, indexed: true)
    static let job = Attribute<String>("job", choices: ["baker", "smith"], indexed: true)
    static let note = Attribute<String>("note", maxLength: 8, audience: .owner)
    static let friend = Attribute<EntityID>("friend", audience: .nobody)
    static let ranking = Attribute<Int64>("ranking", indexed: true)

    static func schema(space: SpaceShape = .none, maximumEntities: Int = 10_000) throws -> WorldSchema {
        try WorldSchema(
            types: [
                EntityType("person", limit: 5_000) {
                    money
                    mood
                    job
                    note
                    friend
                    ranking
                },
                EntityType("shop", limit: 3) {
                    money
                    isOpen
                },
                EntityType("stone"),
            ],
            zones: try ZoneGraph([
                Zone("square", connections: ["bakery", "forge"]), Zone("bakery", capacity: 2),
                Zone("forge", capacity: 1, connections: ["cellar"]), Zone("cellar"), Zone("island"),
            ]),
            space: space,
            networks: [
                NetworkShape("friends", limit: 200), NetworkShape("owes", isDirected: true),
                NetworkShape("few", limit: 1),
            ], maximumEntities: maximumEntities)
    }

    static func world(space: SpaceShape = .none) throws -> World { World(schema: try schema(space: space)) }

    /// The hash of each part.
    static func hashes(_ world: World) -> [Digest] {
        WorldPart.allCases.map { part in
            var hasher = StateHasher()
            world.hash(into: &hasher, part: part)
            return hasher.finish()
        }
    }
}

@Suite struct WorldTests {
    @Test func entitiesComeWithWhatTheyHave() throws {
        var world = try Town.world()
        let first = try world.spawn("person")
        #expect(first == "person-1")
        #expect(world.get(first, Town.money) == 10)
        #expect(world.get(first, Town.job) == nil)
        let second = try world.spawn("person", ["job": .text("smith"), "mood": .real(-0.0)])
        #expect(second == "person-2")
        #expect(world.get(second, Town.job) == "smith")
        #expect(world.value(second, "mood") == .real(0))
        #expect(world.value(second, "mood").map { "\($0)" } == "real(0.0)")
        try world.set(second, Town.friend, first)
        #expect(world.danglingReferences.isEmpty)
        try world.remove(first)
        #expect(world.danglingReferences == [DanglingReference(from: second, attribute: "friend", to: first)])
        #expect(!world.contains(first))
        #expect(world.type(of: second) == "person")
        #expect(world.type(of: first) == nil)
        // A number is never given twice; a name that is taken is left out.
        try world.spawn("person", id: "person-3")
        #expect(try world.spawn("person") == "person-4")
        try world.remove("person-4")
        #expect(try world.spawn("person") == "person-5")
        try world.add(second, Town.money, 5)
        #expect(world.get(second, Town.money) == 15)
        try world.clear(second, "money")
        #expect(world.get(second, Town.money) == nil)
        #expect(world.entities() == ["person-2", "person-3", "person-5"])
        #expect(world.count(of: "person") == 3)
        #expect(world.count(of: "nobody") == 0)
        // A key of another kind finds nothing.
        #expect(world.get(second, Attribute<Int64>("mood")) == nil)
        #expect(world.view(second)?.get(Town.mood) == 0)
        #expect(world.entities(of: "person") { $0.value("job") == .text("smith") } == [second])
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var what: String
        var code: WorldError.Code
        /// Whether something that is allowed comes first.
        var isPrepared: Bool
        var act: @Sendable (inout World) throws -> Void
        var testDescription: String { what }
        init(
            _ what: String, _ code: WorldError.Code, prepared: Bool = false,
            _ act: @escaping @Sendable (inout World) throws -> Void
        ) {
            (self.what, self.code, self.isPrepared, self.act) = (what, code, prepared, act)
        }
    }

    static let refusals: [Refusal] = [
        .init("type", .unknownType) { try $0.spawn("dragon") },
        .init("twice", .exists) { try $0.spawn("stone", id: "a") },
        .init("twice, another type", .exists) { try $0.spawn("person", id: "s") },
        .init("empty name", .invalidName) { try $0.spawn("stone", id: "") },
        .init("long name", .invalidName) {
            try $0.spawn("stone", id: EntityID(String(repeating: "x", count: EntityID.maxLength + 1)))
        },
        .init("line in a name", .invalidName) { try $0.spawn("stone", id: "a\nb") },
        .init("type's limit", .limit, prepared: true) { for _ in 0..<4 { try $0.spawn("shop") } },
        .init("attribute at birth", .unknownAttribute) { try $0.spawn("person", ["wings": .integer(2)]) },
        .init("kind at birth", .wrongKind) { try $0.spawn("person", ["money": .real(2)]) },
        .init("range at birth", .outOfRange) { try $0.spawn("person", ["money": .integer(-1)]) },
        .init("gone", .unknownEntity) { try $0.remove("z") },
        .init("set of the gone", .unknownEntity) { try $0.set("z", Town.money, 1) },
        .init("attribute", .unknownAttribute) { try $0.set("a", Town.isOpen, true) },
        .init("cleared attribute", .unknownAttribute) { try $0.clear("a", "isOpen") },
        .init("kind", .wrongKind) { try $0.set("a", "money", .text("much")) },
        .init("kind of the key", .wrongKind) { try $0.set("a", Attribute<Int64>("mood"), 1) },
        .init("too little", .outOfRange) { try $0.set("a", Town.money, -1) },
        .init("too much", .outOfRange) { try $0.set("a", Town.mood, 1.5) },
        .init("no number", .outOfRange) { try $0.set("a", Town.mood, .nan) },
        .init("endless", .outOfRange) { try $0.set("a", Town.mood, .infinity) },
        .init("choice", .outOfRange) { try $0.set("a", Town.job, "poet") },
        .init("length", .outOfRange) { try $0.set("a", Town.note, "123456789") },
        .init("long reference", .outOfRange) {
            try $0.set("a", Town.friend, EntityID(String(repeating: "x", count: 300)))
        },
        .init("sum beyond the range", .outOfRange) { try $0.add("a", Town.money, 991) },
        .init("sum beyond 64 bits", .outOfRange) { try $0.add("a", Town.money, .max) },
        .init("sum that is no number", .outOfRange) { try $0.add("a", Town.mood, .nan) },
        .init("sum of nothing", .unknownAttribute) { try $0.add("a", Town.ranking, 1) },
        .init("sum of no attribute", .unknownAttribute) { try $0.add("s", Town.mood, 1) },
        .init("sum of another kind", .wrongKind) { try $0.add("a", Attribute<Double>("money"), 1) },
        .init("sum of the gone", .unknownEntity) { try $0.add("z", Town.money, 1) },
        .init("zone", .unknownZone) { try $0.put("a", in: "moon") },
        .init("move of the zoneless", .notConnected) { try $0.move("s", to: "square") },
        .init("far move", .notConnected) { try $0.move("a", to: "cellar") },
        .init("move to no zone", .unknownZone) { try $0.move("a", to: "moon") },
        .init("full zone", .full, prepared: true) {
            try $0.put("s", in: "forge")
            try $0.move("a", to: "forge")
        },
        .init("full zone by force", .full, prepared: true) {
            try $0.put("s", in: "forge")
            try $0.put("a", in: "forge")
        },
        .init("move of the gone", .unknownEntity) { try $0.move("z", to: "square") },
        .init("leave of the gone", .unknownEntity) { try $0.leaveZone("z") },
        .init("no space", .noSpace) { try $0.place("a", at: Point(x: 0, y: 0)) },
        .init("network", .unknownNetwork) { try $0.link("a", "s", in: "web") },
        .init("link with itself", .selfLink) { try $0.link("a", "a", in: "friends") },
        .init("link of the gone", .unknownEntity) { try $0.link("a", "z", in: "friends") },
        .init("endless weight", .outOfRange) { try $0.link("a", "s", in: "friends", weight: .infinity) },
        .init("too many links", .limit, prepared: true) {
            try $0.link("a", "s", in: "few")
            try $0.link("a", "t", in: "few")
        },
        .init("no link", .notLinked) { try $0.unlink("a", "s", in: "friends") },
        .init("link the other way", .notLinked, prepared: true) {
            try $0.link("a", "s", in: "owes")
            try $0.unlink("s", "a", in: "owes")
        },
        .init("unlink in no network", .unknownNetwork) { try $0.unlink("a", "s", in: "web") },
        .init("nameless event", .invalidName) { try $0.emit(WorldEvent("")) },
        .init("event in no zone", .unknownZone) { try $0.emit(WorldEvent("bang", zone: "moon")) },
        .init("event at no point", .outOfRange) { try $0.emit(WorldEvent("bang", point: Point(x: .nan, y: 0))) },
        .init("large event", .limit) {
            try $0.emit(WorldEvent("bang", data: .string(String(repeating: "x", count: 65_536))))
        },
        .init("deep event", .limit) {
            try $0.emit(WorldEvent("bang", data: (0..<40).reduce(.null) { json, _ in .array([json]) }))
        },
        .init("event for all too many", .limit) {
            try $0.emit(WorldEvent("bang", to: Array(repeating: "a", count: WorldEvent.maximumReceivers + 1)))
        },
        .init("too many events", .limit, prepared: true) {
            for _ in 0...WorldEvent.maximumEvents { try $0.emit(WorldEvent("tick")) }
        },
    ]

    /// A refusal says what it is and changes nothing.
    @Test(arguments: refusals) func whatIsNotAllowedIsRefused(_ refusal: Refusal) throws {
        var world = try Town.world()
        try world.spawn("person", id: "a")
        try world.spawn("stone", id: "s")
        try world.spawn("stone", id: "t")
        try world.put("a", in: "square")
        let before = Town.hashes(world)
        let error = #expect(throws: WorldError.self) { try refusal.act(&world) }
        if !refusal.isPrepared { #expect(Town.hashes(world) == before) }
        #expect(error?.code == refusal.code, "\(error?.description ?? "")")
        #expect(error?.description.isEmpty == false)
    }

    @Test func aFullWorldTakesNoMore() throws {
        var world = World(schema: try Town.schema(maximumEntities: 2))
        try world.spawn("stone")
        try world.spawn("stone")
        let before = Town.hashes(world)
        #expect(throws: WorldError.self) { try world.spawn("stone") }
        #expect(Town.hashes(world) == before)
        try world.remove("stone-1")
        #expect(try world.spawn("stone") == "stone-3")
    }

    struct BadSchema: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var make: @Sendable () throws -> Void
        init(_ what: String, _ make: @escaping @Sendable () throws -> Void) {
            self.testDescription = what
            self.make = make
        }
        static func type(_ what: String, _ attributes: [AttributeDeclaration]) -> BadSchema {
            BadSchema(what) { _ = try WorldSchema(types: [EntityType("a", attributes: attributes)]) }
        }
        static func space(_ what: String, _ space: SpaceShape) -> BadSchema {
            BadSchema(what) { _ = try WorldSchema(types: [], space: space) }
        }
        static func zones(_ what: String, _ zones: [Zone]) -> BadSchema { BadSchema(what) { _ = try ZoneGraph(zones) } }
    }

    static let badSchemas: [BadSchema] = [
        .init("type twice") { _ = try WorldSchema(types: [EntityType("a"), EntityType("a")]) },
        .init("type without a name") { _ = try WorldSchema(types: [EntityType("")]) },
        .init("negative limit") { _ = try WorldSchema(types: [EntityType("a", limit: -1)]) },
        .init("negative size") { _ = try WorldSchema(types: [], maximumEntities: -1) },
        .type("attribute twice", [Town.money.declaration, Town.money.declaration]),
        .type("reserved", [Attribute<Int64>("zone").declaration]),
        .type("initial beyond the range", [Attribute<Int64>("m", initial: 9, range: 0...1).declaration]),
        .type("initial that is no choice", [Attribute<String>("m", initial: "c", choices: ["a"]).declaration]),
        .type("choice beyond the length", [Attribute<String>("m", choices: ["abc"], maxLength: 2).declaration]),
        .type("no choice", [Attribute<String>("m", choices: []).declaration]),
        .type("initial that is no number", [Attribute<Double>("m", initial: .nan).declaration]),
        .type("length of a number", [Attribute<Int64>("m", maxLength: 3).declaration]),
        .type(
            "range of a text", [AttributeDeclaration(name: "m", kind: .text, minimum: .text("a"))]),
        .type("range of another kind", [AttributeDeclaration(name: "m", kind: .real, minimum: .integer(1))]),
        .type("too many attributes", (0...256).map { AttributeDeclaration(name: "m\($0)", kind: .flag) }),
        .init("network twice") {
            _ = try WorldSchema(types: [], networks: [NetworkShape("n"), NetworkShape("n", isDirected: true)])
        },
        .init("negative network") { _ = try WorldSchema(types: [], networks: [NetworkShape("n", limit: -1)]) },
        .space("empty grid", .grid(columns: 0, rows: 3, torus: false)),
        .space("endless grid", .grid(columns: .max, rows: .max, torus: true)),
        .space("large grid", .grid(columns: 5_000, rows: 5_000, torus: true)),
        .space("flat", .continuous(width: 0, height: 1, torus: true, cell: 1)),
        .space("no number", .continuous(width: .nan, height: 1, torus: true, cell: 1)),
        .space("endless", .continuous(width: .infinity, height: 1, torus: true, cell: 1)),
        .space("fine cells", .continuous(width: 1e6, height: 1e6, torus: true, cell: 1e-6)),
        .zones("zone twice", [Zone("a"), Zone("a")]),
        .zones("zone without a name", [Zone("")]),
        .zones("connection with nothing", [Zone("a", connections: ["b"])]),
        .zones("negative capacity", [Zone("a", capacity: -1)]),
    ]

    @Test(arguments: badSchemas) func aSchemaThatMakesNoSenseIsRefused(_ bad: BadSchema) {
        let error = #expect(throws: WorldError.self) { try bad.make() }
        #expect(error?.code == .invalidSchema, "\(error?.description ?? "")")
    }

    @Test func zonesHoldWhatFits() throws {
        var world = try Town.world()
        for id in ["c", "a", "b"] {
            try world.spawn("person", id: EntityID(id))
            try world.put(EntityID(id), in: "square")
        }
        #expect(world.occupants(of: "square") == ["a", "b", "c"])
        try world.move("b", to: "bakery")
        try world.move("a", to: "bakery")
        try world.move("a", to: "bakery")
        #expect(throws: WorldError.self) { try world.move("c", to: "bakery") }
        try world.remove("b")
        try world.move("c", to: "bakery")
        #expect(world.occupants(of: "bakery") == ["a", "c"])
        #expect(world.occupantCount(of: "square") == 0)
        try world.leaveZone("a")
        #expect(world.zone(of: "a") == nil)
        #expect(world.occupants(of: "moon").isEmpty)
    }

    @Test func zonesKnowTheirWays() throws {
        let zones = try Town.schema().zones
        #expect(zones.names == ["bakery", "cellar", "forge", "island", "square"])
        #expect(zones.areConnected("square", "bakery"))
        #expect(zones.areConnected("bakery", "square"))
        #expect(!zones.areConnected("bakery", "forge"))
        #expect(!zones.areConnected("bakery", "moon"))
        #expect(zones.zones(within: 0, of: "bakery") == ["bakery"])
        #expect(zones.zones(within: 2, of: "bakery") == ["bakery", "forge", "square"])
        #expect(zones.zones(within: 9, of: "bakery") == ["bakery", "cellar", "forge", "square"])
        #expect(zones.zones(within: -1, of: "bakery").isEmpty)
        #expect(zones.zones(within: 1, of: "moon").isEmpty)
        #expect(zones.path(from: "bakery", to: "cellar") == ["bakery", "square", "forge", "cellar"])
        #expect(zones.path(from: "bakery", to: "bakery") == ["bakery"])
        #expect(zones.path(from: "bakery", to: "island") == nil)
        #expect(zones.capacity(of: "forge") == 1)
        // Of two ways of one length the first by bytes.
        let ring = try ZoneGraph([
            Zone("a", connections: ["c", "b"]), Zone("b", connections: ["d"]), Zone("c", connections: ["d"]), Zone("d"),
        ])
        #expect(ring.path(from: "a", to: "d") == ["a", "b", "d"])
        #expect(ring.path(from: "d", to: "a") == ["d", "b", "a"])
    }

    @Test func eventsLastATick() throws {
        var world = try Town.world()
        try world.emit(WorldEvent("born", subject: "a", zone: "square", to: ["b"], data: ["n": 1]))
        #expect(world.events.map(\.name) == ["born"])
        world.beginTick()
        #expect(world.events.isEmpty)
    }

    @Test(arguments: [
        AttributeValue.integer(.min), .real(1), .real(0.1), .flag(true), .text("1"), .text(""), .reference("1"),
    ])
    func valuesKeepTheirKind(_ value: AttributeValue) throws {
        let bytes = try JSONCoder.encode(value).bytes()
        #expect(try JSONCoder.decode(AttributeValue.self, from: JSON.parse(bytes)) == value)
        #expect(AttributeValue(value.json, kind: value.kind) == value)
    }

    @Test(arguments: [JSON.null, [1], ["real": "x"], ["real": nil], 1.5, [:]])
    func whatIsNoValueIsRefused(_ json: JSON) {
        #expect(throws: JSONError.self) { try JSONCoder.decode(AttributeValue.self, from: json) }
    }
}
