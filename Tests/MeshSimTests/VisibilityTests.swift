import MeshCore
import Testing

@testable import MeshSim

@Suite struct VisibilityTests {
    static let mood = Attribute<String>("mood", initial: "calm", maxLength: 8)
    static let money = Attribute<Int64>("money", initial: 10, range: 0...1000, audience: .owner)
    static let secret = Attribute<Double>("secret", initial: 1, audience: .nobody)
    static let friend = Attribute<EntityID>("friend")
    static let isOpen = Attribute<Bool>("isOpen", initial: true)

    static func schema(_ space: SpaceShape) throws -> WorldSchema {
        let zones = try ZoneGraph(
            (0..<8).map { Zone("z\($0)", connections: $0 > 0 && $0 != 5 ? ["z\(($0 - 1) / 2)"] : []) })
        return try WorldSchema(
            types: [
                EntityType("person") {
                    mood; money; secret; friend
                },
                EntityType("shop") {
                    isOpen; secret
                },
            ], zones: zones, space: space, networks: [NetworkShape("friends", isDirected: false, limit: 1000)])
    }

    static let spaces: [SpaceShape] = [
        .grid(columns: 12, rows: 9, torus: false), .grid(columns: 12, rows: 9, torus: true),
        .continuous(width: 12, height: 9, torus: false, cell: 2),
        .continuous(width: 12, height: 9, torus: true, cell: 2.5), .none,
    ]

    static func point(_ space: SpaceShape, _ random: inout RandomStream) -> Point {
        if case .grid = space { return .at(Double(random.below(12)), Double(random.below(9))) }
        // Halves, so that distances are often exactly the radius.
        return random.below(2) == 0
            ? .at(Double(random.below(23)) / 2, Double(random.below(17)) / 2)
            : .at(random.unit() * 12, random.unit() * 9)
    }

    static func world(_ space: SpaceShape, _ random: inout RandomStream) throws -> World {
        var world = World(schema: try schema(space))
        for _ in 0..<40 {
            let id = try world.spawn(random.below(3) > 0 ? "person" : "shop")
            if random.below(8) > 0 { try world.put(id, in: "z\(random.below(8))") }
            if random.below(8) > 0, space != .none { try world.place(id, at: point(space, &random)) }
        }
        let all = world.entities()
        for _ in 0..<20 {
            try world.emit(
                WorldEvent(
                    "event", subject: random.below(2) == 0 ? all[random.below(all.count)] : nil,
                    zone: random.below(2) == 0 ? "z\(random.below(8))" : nil,
                    point: random.below(2) == 0 ? point(space, &random) : nil,
                    to: random.below(4) == 0 ? [all[random.below(all.count)]] : nil,
                    data: ["n": .integer(Int64(random.below(100)))]))
        }
        return world
    }

    static func walls(_ random: inout RandomStream) throws -> Obstructions {
        try Obstructions(
            (0..<8).map { _ in
                let (x, y) = (Double(random.below(10)), Double(random.below(7)))
                let (width, height) = (Double(random.below(3)), Double(random.below(3)))
                return random.below(2) == 0
                    ? .segment(.at(x, y), .at(x + width, y + height))
                    : .rectangle(.at(x + 0.25, y + 0.25), .at(x + 0.75, y + 0.75))
            })
    }

    static func kinds(_ random: inout RandomStream) throws -> [Visibility] {
        let near = Visibility.radius(2.5, obstructions: try walls(&random))
        let moody = Visibility.custom("by name") { _, viewer, other in
            (viewer.rawValue.utf8.count + other.rawValue.utf8.reduce(0) { $0 + Int($1) }) % 3 == 0
        }
        return [
            .everything, .zone(), .zone(depth: 1), .zone(depth: 3), .zone(depth: -1), .radius(3), near, .radius(0),
            .radius(-1), .radius(.nan), .radius(.infinity), moody, .all([.zone(depth: 2), moody, near]),
            .any([.zone(), near, moody]), .all([]), .any([]), .all([.any([moody, .zone()]), .radius(4)]),
        ]
    }

    // MARK: Entities

    /// The fast way against the definition, and the definition against one written here.
    @Test(arguments: 0..<5) func whatIsVisibleIsWhatIsSeen(_ seed: UInt64) throws {
        var random = RandomStream(seed: seed, domain: "visibility", purpose: "test")
        let space = Self.spaces[Int(seed) % Self.spaces.count]
        let world = try Self.world(space, &random)
        for visibility in try Self.kinds(&random) {
            for viewer in world.entities() where random.below(4) == 0 {
                let expected = world.entities().filter { visibility.sees(viewer, $0, in: world) }
                #expect(visibility.visible(to: viewer, in: world) == expected, "\(visibility.name), \(viewer)")
                #expect(expected.contains(viewer), "\(visibility.name)")
            }
            let visible = visibility.visible(to: "nobody", in: world)
            #expect(visible.isEmpty || visibility.visible(to: "person-1", in: world).count == world.count)
        }
        for viewer in world.entities() where random.below(2) == 0 {
            let zones = world.zone(of: viewer).map { Set(world.schema.zones.zones(within: 1, of: $0)) } ?? []
            for other in world.entities() where other != viewer {
                let isNear = world.zone(of: other).map(zones.contains) ?? false
                #expect(Visibility.zone(depth: 1).sees(viewer, other, in: world) == isNear)
                var isClose = false
                if let here = world.position(of: viewer), let there = world.position(of: other) {
                    var (x, y) = (abs(here.x - there.x), abs(here.y - there.y))
                    if seed % 5 == 1 || seed % 5 == 3 { (x, y) = (min(x, 12 - x), min(y, 9 - y)) }
                    isClose = x * x + y * y <= 9
                }
                #expect(Visibility.radius(3).sees(viewer, other, in: world) == isClose)
            }
        }
    }

    @Test func sightIsMutualAlsoRoundATorus() throws {
        var random = RandomStream(seed: 7, domain: "visibility", purpose: "test")
        let world = try Self.world(Self.spaces[3], &random)
        let visibility = Visibility.radius(4, obstructions: try Self.walls(&random))
        var pairs = 0
        for one in world.entities() {
            for other in visibility.visible(to: one, in: world) where other != one {
                pairs += 1
                #expect(visibility.sees(other, one, in: world))
            }
        }
        #expect(pairs > 20)
    }

    // MARK: Events

    @Test func eventsAreSeenWhereTheyAre() throws {
        var world = World(schema: try Self.schema(.grid(columns: 12, rows: 9, torus: false)))
        for (id, zone, x) in [("a", "z1", 1.0), ("b", "z1", 2), ("c", "z7", 9)] {
            try world.spawn("person", id: EntityID(id))
            try world.put(EntityID(id), in: zone)
            try world.place(EntityID(id), at: .at(x, 1))
        }
        let wall = try Obstructions([.segment(.at(3, 0), .at(3, 8))])
        let about = { (id: String) in WorldEvent("x", subject: EntityID(id)) }
        let cases: [(WorldEvent, everything: Bool, zone: Bool, radius: Bool, custom: Bool)] = [
            (about("b"), true, true, true, true), (about("c"), true, false, false, false),
            (about("a"), true, true, true, true), (about("gone"), true, false, false, false),
            (WorldEvent("x"), true, false, false, false), (WorldEvent("x", zone: "z1"), true, true, false, false),
            (WorldEvent("x", zone: "z7"), true, false, false, false),
            (WorldEvent("x", point: .at(2, 3)), true, false, true, false),
            (WorldEvent("x", point: .at(4, 1)), true, false, false, false),
            (WorldEvent("x", point: .at(1, 8)), true, false, false, false),
            (WorldEvent("x", subject: "b", zone: "z1", to: ["c"]), false, false, false, false),
            (WorldEvent("x", to: ["c", "a"]), true, true, true, true),
        ]
        let radius = Visibility.radius(4, obstructions: wall)
        let custom = Visibility.custom("b") { _, _, other in other == "b" }
        for (event, everything, zone, near, chosen) in cases {
            #expect(Visibility.everything.sees("a", event, in: world) == everything, "\(event)")
            #expect(Visibility.zone().sees("a", event, in: world) == zone, "\(event)")
            #expect(radius.sees("a", event, in: world) == near, "\(event)")
            #expect(custom.sees("a", event, in: world) == chosen, "\(event)")
            #expect(Visibility.any([.zone(), radius]).sees("a", event, in: world) == (zone || near), "\(event)")
            #expect(Visibility.all([.zone(), radius]).sees("a", event, in: world) == (zone && near), "\(event)")
        }
        #expect(Visibility.zone().sees("gone", WorldEvent("died", to: ["gone"]), in: world))
    }

    // MARK: Scenes

    @Test func aSceneHasWhatItsAudienceMayKnow() throws {
        var world = World(schema: try Self.schema(.grid(columns: 12, rows: 9, torus: false)))
        try world.spawn("person", id: "b", ["mood": .text("glad"), "friend": .reference("a")])
        try world.spawn("person", id: "a")
        try world.spawn("shop", id: "hidden")
        try world.put("a", in: "z1")
        try world.put("b", in: "z1")
        try world.place("a", at: .at(3, 4))
        try world.emit(
            WorldEvent("waved", subject: "b", point: .at(3, 4), to: ["a", "hidden"], data: ["how": "twice"]))
        let scene = Scene(of: world, viewer: "a", visibility: .zone(), tick: 7, actions: ["wait"])
        #expect(
            scene.json.text
                == #"{"viewer":"a","tick":7,"entities":{"a":{"money":10,"mood":"calm","type":"person","x":3,"y":4,"#
                + #""zone":"z1"},"b":{"friend":"a","mood":"glad","type":"person","zone":"z1"}},"#
                + #""events":[{"name":"waved","subject":"b","x":3,"y":4,"data":{"how":"twice"}}],"actions":["wait"]}"#)
    }

    @Test func aSceneIsPutInOrder() {
        let scene = Scene(
            viewer: "a", tick: 1,
            entities: [Scene.Seen("b", ["z": 1, "a": nil, "c": 2]), Scene.Seen("a", [:]), Scene.Seen("b", [:])])
        #expect(scene.json["entities"]?.text == #"{"a":{},"b":{"c":2,"z":1}}"#)
    }

    // MARK: Non-interference

    @Test(arguments: 0..<5) func whatIsHiddenDoesNotReachASeat(_ seed: UInt64) throws {
        var random = RandomStream(seed: seed, domain: "visibility", purpose: "test")
        let world = try Self.world(Self.spaces[Int(seed) % Self.spaces.count], &random)
        var tried = 0
        for visibility in try Self.kinds(&random) {
            let report = NonInterference.check(
                world, viewer: "person-1", visibility: visibility, seed: seed, changes: 30)
            #expect(report.leaks.isEmpty, "\(visibility.name): \(report.leaks)")
            tried += report.tried
        }
        #expect(tried > 150)
    }

    /// Leaks that are planted are found: a count of all, a hidden attribute, a visibility that looks at what is hidden,
    /// an event shown to all.
    @Test(arguments: 0..<2) func leaksAreFound(_ seed: UInt64) throws {
        var random = RandomStream(seed: seed, domain: "visibility", purpose: "test")
        let world = try Self.world(Self.spaces[0], &random)
        let zone = Visibility.zone()
        func scene(_ world: World) -> [UInt8] {
            Scene(of: world, viewer: "person-1", visibility: zone, tick: 0).bytes()
        }
        func secrets(_ world: World) -> String {
            world.entities().map { world.value($0, "secret")?.json.text ?? "" }.joined()
        }
        let observers: [(World) -> [UInt8]] = [
            { scene($0) + Array("\($0.count)".utf8) },
            { scene($0) + Array(secrets($0).utf8) },
            { scene($0) + Array("\($0.events.count)".utf8) },
            { world in scene(world) + Array("\(world.entities(near: .at(6, 4), radius: 5))".utf8) },
        ]
        for (place, observe) in observers.enumerated() {
            let report = NonInterference.check(
                world, viewer: "person-1", visibility: zone, seed: seed, changes: 600, observe: observe)
            #expect(!report.leaks.isEmpty, "\(place)")
            #expect(report.leaks.allSatisfy { !$0.description.isEmpty && $0.before != $0.after })
        }
        let crowd = Visibility.custom("crowd") { world, _, other in
            world.count % 2 == 0 && other.rawValue.hasSuffix("1")
        }
        #expect(!NonInterference.check(world, viewer: "person-1", visibility: crowd, seed: seed).leaks.isEmpty)
    }

    // MARK: Interest

    @Test(arguments: 0..<3) func interestTellsEnteringAndLeaving(_ seed: UInt64) {
        var random = RandomStream(seed: seed, domain: "visibility", purpose: "interest")
        var interest = InterestSet()
        var before: [String: Set<EntityID>] = [:]
        for _ in 0..<200 {
            let seat = "s\(random.below(4))"
            if random.below(10) == 0 {
                interest.forget(seat)
                before[seat] = nil
                continue
            }
            let now = (0..<20).filter { _ in random.below(2) == 0 }.map { EntityID("e\($0)") }.sorted()
            let change = interest.update(seat, sees: now)
            let old = before[seat] ?? []
            #expect(change.entered == now.filter { !old.contains($0) })
            #expect(change.stayed == now.filter(old.contains))
            #expect(change.left == old.filter { !now.contains($0) }.sorted())
            #expect(interest.entities(of: seat) == now)
            before[seat] = Set(now)
            #expect(interest.seats == before.keys.sorted())
        }
        #expect(interest.entities(of: "unknown").isEmpty)
    }
}
