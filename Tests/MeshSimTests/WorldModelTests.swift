import MeshCore
import Testing

@testable import MeshSim

/// A world made of dictionaries, that looks at everything each time.
private struct PlainWorld {
    struct Entity {
        var type: String
        var born: Int
        var values: [String: AttributeValue]
        var zone: String?
        var point: Point?
    }
    var entities: [EntityID: Entity] = [:]
    var links: [String: [[EntityID]: Double]] = ["friends": [:], "owes": [:], "few": [:]]
    var born = 0

    func ids(of type: String) -> [EntityID] {
        entities.filter { $0.value.type == type }.sorted { $0.value.born < $1.value.born }.map(\.key)
    }
    static func link(_ network: String, _ from: EntityID, _ to: EntityID) -> [EntityID] {
        network == "owes" || from < to ? [from, to] : [to, from]
    }
    func neighbours(_ id: EntityID, _ network: String) -> [EntityID] {
        (links[network] ?? [:]).keys.compactMap { link in
            link[0] == id ? link[1] : link[1] == id && network != "owes" ? link[0] : nil
        }.sorted()
    }
    mutating func remove(_ id: EntityID) {
        entities[id] = nil
        for network in links.keys { links[network] = links[network]?.filter { !$0.key.contains(id) } }
    }
}

/// Random operations on a world and on a plain one.
private struct Fate {
    static let space = SpaceShape.continuous(width: 20, height: 20, torus: true, cell: 2)
    static let types = ["person", "shop", "stone"]
    static let capacities = ["bakery": 2, "forge": 1]
    var world: World
    var plain = PlainWorld()
    var random: RandomStream

    init(seed: UInt64) throws {
        world = try Town.world(space: Self.space)
        random = RandomStream(seed: seed, domain: "test", purpose: "fate")
    }

    mutating func anyone() -> EntityID? {
        let all = plain.entities.keys.sorted()
        return all.isEmpty ? nil : all[random.below(all.count)]
    }

    mutating func step() throws {
        switch random.below(20) {
        case 0..<4: try spawn()
        case 4, 5: if let id = anyone() { try remove(id) }
        case 6..<10: if let id = anyone() { try set(id) }
        case 10..<13: if let id = anyone() { try move(id) }
        case 13, 14: if let id = anyone() { try place(id) }
        case 15..<18: if let id = anyone(), let other = anyone(), id != other { try link(id, other) }
        case 18: try world.emit(WorldEvent("e\(random.below(9))", subject: anyone(), data: ["n": 1.5]))
        default: if random.chance(0.2) { world.beginTick() }
        }
    }

    private mutating func spawn() throws {
        let type = Self.types[random.below(3)]
        if type == "shop", plain.ids(of: "shop").count == 3 {
            #expect(throws: WorldError.self) { try world.spawn("shop") }
            return
        }
        var values: [String: AttributeValue] = [:]
        if type == "person", random.chance(0.5) { values["job"] = .text("smith") }
        let id = try world.spawn(type, values)
        #expect(plain.entities[id] == nil)
        if type != "stone", values["money"] == nil { values["money"] = .integer(10) }
        if type == "person" { values["mood"] = .real(0.5) }
        if type == "shop" { values["isOpen"] = .flag(true) }
        plain.born += 1
        plain.entities[id] = PlainWorld.Entity(type: type, born: plain.born, values: values)
    }

    private mutating func remove(_ id: EntityID) throws {
        try world.remove(id)
        plain.remove(id)
    }

    private mutating func set(_ id: EntityID) throws {
        let (name, value): (String, AttributeValue?) =
            switch plain.entities[id]?.type {
            case "person":
                [
                    ("money", .integer(Int64(random.below(1_000)))), ("mood", .real(random.unit())),
                    ("job", .text(random.chance(0.5) ? "smith" : "baker")), ("job", nil), ("friend", .reference(id)),
                    ("ranking", .integer(Int64(random.below(4)))), ("ranking", .integer(Int64(random.below(4)))),
                ][random.below(7)]
            case "shop": ("isOpen", .flag(random.chance(0.5)))
            default: ("", nil)
            }
        if name.isEmpty { return }
        if let value { try world.set(id, name, value) } else { try world.clear(id, name) }
        plain.entities[id]?.values[name] = value
    }

    private mutating func move(_ id: EntityID) throws {
        let zones = world.schema.zones
        let zone = zones.names[random.below(5)]
        let here = plain.entities[id]?.zone
        let isFull = plain.entities.values.filter { $0.zone == zone }.count >= Self.capacities[zone] ?? .max
        let isForced = random.chance(0.5)
        let isAllowed =
            zone == here || (!isFull && (isForced || here.map { zones.areConnected($0, zone) } ?? false))
        if isAllowed {
            if isForced { try world.put(id, in: zone) } else { try world.move(id, to: zone) }
            plain.entities[id]?.zone = zone
        } else {
            #expect(throws: WorldError.self) {
                if isForced { try world.put(id, in: zone) } else { try world.move(id, to: zone) }
            }
        }
        if random.chance(0.1) {
            try world.leaveZone(id)
            plain.entities[id]?.zone = nil
        }
    }

    private mutating func place(_ id: EntityID) throws {
        let point = Point(x: random.unit() * 20, y: random.unit() * 20)
        try world.place(id, at: point)
        plain.entities[id]?.point = point
    }

    private mutating func link(_ id: EntityID, _ other: EntityID) throws {
        let network = random.chance(0.5) ? "friends" : "owes"
        let key = PlainWorld.link(network, id, other)
        if plain.links[network]?[key] != nil, random.chance(0.5) {
            try world.unlink(id, other, in: network)
            plain.links[network]?[key] = nil
        } else if plain.links[network]?[key] != nil || plain.links[network]?.count ?? 0 < 200 {
            let weight = Double(random.below(9))
            try world.link(id, other, in: network, weight: weight)
            plain.links[network]?[key] = weight
        }
    }

    /// Compares everything that can be asked.
    func check() throws {
        #expect(world.count == plain.entities.count)
        #expect(world.entities() == plain.entities.keys.sorted())
        for type in Self.types { #expect(world.entities(of: type) == plain.ids(of: type)) }
        for (id, entity) in plain.entities {
            #expect(world.type(of: id) == entity.type)
            for attribute in world.schema.type(entity.type)?.attributes ?? [] {
                #expect(world.value(id, attribute.name) == entity.values[attribute.name])
            }
            #expect(world.zone(of: id) == entity.zone)
            #expect(world.position(of: id) == entity.point)
            for network in ["friends", "owes"] {
                #expect(world.neighbours(of: id, in: network) == plain.neighbours(id, network))
                for other in world.neighbours(of: id, in: network) {
                    let key = PlainWorld.link(network, id, other)
                    #expect(world.weight(id, other, in: network) == plain.links[network]?[key])
                    #expect(world.sources(of: other, in: network).contains(id))
                }
            }
        }
        for zone in world.schema.zones.names {
            #expect(world.occupants(of: zone) == plain.entities.filter { $0.value.zone == zone }.keys.sorted())
        }
        let people = plain.ids(of: "person")
        for rank in Int64(0)..<4 {
            let found = world.entities(of: "person", where: Town.ranking, is: rank)
            #expect(found == people.filter { plain.entities[$0]?.values["ranking"] == .integer(rank) })
            #expect(found == world.entities(of: "person") { $0.get(Town.ranking) == rank })
        }
        for job in ["smith", "baker"] {
            let found = world.entities(of: "person", where: Town.job, is: job)
            #expect(found == people.filter { plain.entities[$0]?.values["job"] == .text(job) })
        }
        #expect(
            world.entities(of: "person", where: Town.money, is: 10)
                == people.filter { plain.entities[$0]?.values["money"] == .integer(10) })
        #expect(
            world.entities(of: "shop", where: Town.isOpen, is: true)
                == plain.ids(of: "shop").filter { plain.entities[$0]?.values["isOpen"] == .flag(true) })
        let near = plain.entities.filter { entity in
            entity.value.point.map { WorldSpaceTests.distance($0, Point(x: 1, y: 1), Self.space) <= 25 } ?? false
        }
        #expect(world.entities(near: Point(x: 1, y: 1), radius: 5) == near.keys.sorted())
        for network in ["friends", "owes"] { #expect(world.linkCount(in: network) == plain.links[network]?.count) }
    }
}

@Suite struct WorldModelTests {
    /// Indexes, orders and refusals are those of a world that looks at everything.
    @Test(arguments: [1, 2, 3] as [UInt64]) func aWorldIsWhatItSays(_ seed: UInt64) throws {
        var fate = try Fate(seed: seed)
        for round in 0..<600 {
            try fate.step()
            if round % 40 == 0 { try fate.check() }
        }
        try fate.check()
        // Most leave: the rows move together, and nobody loses a place.
        let all = fate.plain.entities.keys.sorted()
        for id in all.shuffled(by: &fate.random).dropLast(20) {
            try fate.world.remove(id)
            fate.plain.remove(id)
        }
        try fate.check()
    }

    /// Many leave one after the other, far beyond the point where rows move.
    @Test func removalKeepsTheOrderOfTheOthers() throws {
        var world = try Town.world()
        var random = RandomStream(seed: 5, domain: "test", purpose: "order")
        var left: [EntityID] = []
        for place in 0..<300 {
            left.append(try world.spawn("person", ["ranking": .integer(Int64(place % 3))]))
        }
        while left.count > 1 {
            try world.remove(left.remove(at: random.below(left.count)))
            if left.count % 7 == 0 {
                #expect(world.entities(of: "person") == left)
                #expect(
                    world.entities(of: "person", where: Town.ranking, is: 1)
                        == left.filter { world.get($0, Town.ranking) == 1 })
            }
        }
        #expect(try world.spawn("person") == "person-301")
    }

    /// A world that is kept and taken up again is the same and goes on the same.
    @Test(arguments: [1, 2] as [UInt64]) func aSnapshotIsTheWorld(_ seed: UInt64) throws {
        var fate = try Fate(seed: seed)
        for _ in 0..<400 { try fate.step() }
        let bytes = try JSONCoder.encode(fate.world.snapshot()).bytes()
        let json = try JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 24, maxDepth: 64))
        let snapshot = try JSONCoder.decode(WorldSnapshot.self, from: json)
        #expect(snapshot == fate.world.snapshot())
        var other = fate
        other.world = try World(schema: fate.world.schema, snapshot: snapshot)
        #expect(Town.hashes(other.world) == Town.hashes(fate.world))
        #expect(other.world.events.map(\.name) == fate.world.events.map(\.name))
        for _ in 0..<200 {
            try fate.step()
            try other.step()
        }
        #expect(Town.hashes(other.world) == Town.hashes(fate.world))
        #expect(other.world.snapshot() == fate.world.snapshot())
        try other.check()
    }

    /// The changes of each tick, made again on a kept world, give the world of every tick.
    @Test(arguments: [1, 2] as [UInt64]) func journalsGiveEveryTick(_ seed: UInt64) throws {
        var fate = try Fate(seed: seed)
        for _ in 0..<100 { try fate.step() }
        let none = fate.world.takeJournal()
        #expect(none == nil)
        fate.world.beginJournal()
        var again = try World(schema: fate.world.schema, snapshot: fate.world.snapshot())
        for tick in 0..<12 {
            fate.world.beginTick()
            for _ in 0..<40 { try fate.step() }
            let taken = fate.world.takeJournal()
            let journal = try #require(taken)
            let bytes = try JSONCoder.encode(journal).bytes()
            let read = try JSONCoder.decode(WorldJournal.self, from: JSON.parse(bytes))
            #expect(read == journal)
            try again.apply(read)
            #expect(Town.hashes(again) == Town.hashes(fate.world))
            #expect(again.snapshot() == fate.world.snapshot())
            if tick == 3 {
                // A second time it is one of another time.
                var wrong = again
                let error = #expect(throws: WorldError.self) { try wrong.apply(read) }
                #expect(error?.code == .invalidJournal)
            }
        }
        #expect(fate.world.isJournaling)
        fate.world.endJournal()
        #expect(!fate.world.isJournaling)
    }

    @Test func aJournalThatIsFullSaysSo() throws {
        var world = try Town.world()
        let before = world
        world.beginJournal(limit: 1)
        try world.spawn("stone")
        try world.spawn("stone")
        let taken = world.takeJournal()
        let journal = try #require(taken)
        #expect(journal.changes.count == 1 && journal.isIncomplete)
        var again = before
        #expect(throws: WorldError.self) { try again.apply(journal) }
        // The next one is whole again.
        try world.spawn("stone")
        let next = world.takeJournal()
        #expect(next?.isIncomplete == false)
    }

    /// The same world, reached by detours.
    @Test func equalWorldsHaveEqualHashes() throws {
        func build(_ detour: Bool) throws -> World {
            var world = try Town.world(space: Fate.space)
            try world.spawn("person", id: "a")
            if detour {
                for place in 0..<100 { try world.spawn("person", id: EntityID("x\(place)")) }
                for place in 0..<100 { try world.link("a", EntityID("x\(place)"), in: "owes") }
                for place in (0..<100).reversed() { try world.remove(EntityID("x\(place)")) }
            }
            for id in ["c", "b"] { try world.spawn("person", id: EntityID(id)) }
            for id in detour ? ["a", "b", "c"] : ["c", "b", "a"] {
                try world.put(EntityID(id), in: "square")
                try world.place(EntityID(id), at: Point(x: detour ? 25 : 5, y: -0.0))
            }
            for (from, to) in detour ? [("a", "b"), ("c", "a")] : [("a", "c"), ("b", "a")] {
                try world.link(EntityID(from), EntityID(to), in: "friends", weight: 2)
            }
            try world.set("a", Town.mood, detour ? -0.0 : 0)
            return world
        }
        let (one, other) = (try build(false), try build(true))
        #expect(Town.hashes(one) == Town.hashes(other))
        #expect(one.snapshot() == other.snapshot())
    }

    /// Any difference shows, in its own part.
    @Test func differencesShowWhereTheyAre() throws {
        var base = try Town.world(space: Fate.space)
        for id in ["a", "b", "c"] { try base.spawn("person", id: EntityID(id)) }
        try base.link("a", "b", in: "owes")
        let changes: [(WorldPart, (inout World) throws -> Void)] = [
            (.entities, { try $0.set("a", Town.money, 11) }),
            (.entities, { try $0.clear("a", "money") }),
            (.entities, { try $0.set("a", Town.friend, "b") }),
            (.entities, { try $0.remove(try $0.spawn("stone")) }),
            (.places, { try $0.put("b", in: "island") }),
            (.places, { try $0.place("b", at: Point(x: 0, y: 0)) }),
            (.networks, { try $0.link("b", "a", in: "owes") }),
            (.networks, { try $0.link("a", "b", in: "owes", weight: 2) }),
            (.networks, { try $0.link("a", "b", in: "friends") }),
            (.events, { try $0.emit(WorldEvent("e")) }),
        ]
        var seen: Set<[Digest]> = [Town.hashes(base)]
        for (part, change) in changes {
            var world = base
            try change(&world)
            let hashes = Town.hashes(world)
            for (place, kind) in WorldPart.allCases.enumerated() {
                #expect((hashes[place] != Town.hashes(base)[place]) == (kind == part))
            }
            #expect(seen.insert(hashes).inserted)
        }
    }

    /// A snapshot that was changed by hand is refused, not believed.
    @Test func aSnapshotIsChecked() throws {
        var fate = try Fate(seed: 9)
        for _ in 0..<300 { try fate.step() }
        let good = fate.world.snapshot()
        let spoils: [(inout WorldSnapshot) -> Void] = [
            { $0.types[0].name = "dragon" },
            { $0.types.removeLast() },
            { $0.types[0].ids[1] = $0.types[0].ids[0] },
            { $0.types[0].ids.removeLast() },
            { $0.types[0].columns[0].name = "gold" },
            { $0.types[0].columns[0].values[0] = .integer(-5) },
            { $0.types[0].columns[0].values[0] = .text("much") },
            { $0.types[0].nextNumber = 0 },
            { $0.zones[0].zone = "moon" },
            { $0.zones[0].ids[0] = "nobody" },
            { $0.zones.append($0.zones[0]) },
            { $0.positions?.ids[0] = "nobody" },
            { $0.positions?.x[0] = 21 },
            { $0.positions?.x.removeLast() },
            { snapshot in
                let first = snapshot.positions?.ids[0] ?? ""
                snapshot.positions?.ids[1] = first
            },
            { $0.networks[0].name = "web" },
            { $0.networks[0].weights.removeLast() },
            { $0.networks[0].from[0] = $0.networks[0].to[0] },
            {
                $0.networks[1].from.append($0.networks[1].from[0])
                $0.networks[1].to.append($0.networks[1].to[0])
                $0.networks[1].weights.append(1)
            },
            { $0.events.append(WorldEvent("")) },
        ]
        for (place, spoil) in spoils.enumerated() {
            var snapshot = good
            spoil(&snapshot)
            let error = #expect(throws: WorldError.self, "spoil \(place)") {
                try World(schema: fate.world.schema, snapshot: snapshot)
            }
            #expect(error?.code == .invalidSnapshot)
        }
    }
}

extension Array {
    fileprivate func shuffled(by random: inout RandomStream) -> [Element] {
        var copy = self
        random.shuffle(&copy)
        return copy
    }
}
