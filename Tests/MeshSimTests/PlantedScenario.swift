import MeshCore
import MeshSim

/// What a planted fault does to `Meadow`: the same scenario, built with one mistake.
protocol MeadowFault: Sendable {
    static var skipsShuffle: Bool { get }
    static var drawsOnceMore: Bool { get }
    static var readsClock: Bool { get }
}

extension MeadowFault {
    static var skipsShuffle: Bool { false }
    static var drawsOnceMore: Bool { false }
    static var readsClock: Bool { false }
}

enum RightMeadow: MeadowFault {}
enum UnshuffledMeadow: MeadowFault { static let skipsShuffle = true }
enum ExtraDrawMeadow: MeadowFault { static let drawsOnceMore = true }
enum ClockMeadow: MeadowFault { static let readsClock = true }

/// Flowers that grow, butterflies that the wind carries, and bees in seats that sip from one pot: each takes half of what
/// is left, so that the order among them shows. Each of the three has luck of its own, and a domain where it shows first.
enum Meadow<Fault: MeadowFault>: Scenario {
    struct Parameters: Codable, Sendable {}

    static var name: String { "meadow" }
    static var rulesVersion: Int { 1 }
    /// The tick at which the faults of the step act.
    static var faultTick: Int64 { 6 }

    static var height: Attribute<Int64> { Attribute("height", initial: 0) }
    static var honey: Attribute<Int64> { Attribute("honey", initial: 0) }
    static var zones: [String] { ["east", "south", "west", "north"] }

    static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try WorldSchema(
            types: [
                EntityType("flower") { height }, EntityType("butterfly"), EntityType("bee") { honey },
                EntityType("pot") { honey },
            ], zones: try ZoneGraph(zones.map { Zone($0) }))
    }

    static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn("pot", id: "pot")
        for _ in 0..<4 { try turn.world.spawn("flower") }
        for _ in 0..<8 { try turn.world.put(try turn.world.spawn("butterfly"), in: "east") }
    }

    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        try turn.world.spawn("bee", id: EntityID(seat.seat))
    }

    static var order: ActionOrder { Fault.skipsShuffle ? .sealed : .shuffled }

    static var actions: [Action<Self>] {
        [
            Action<Self>(ActionSchema("sip")) { call, turn in
                let half = (turn.world.get("pot", honey) ?? 0) / 2
                try turn.world.add("pot", honey, -half)
                try turn.world.add(try call.entity, honey, half)
                return ["honey": .integer(half)]
            }
        ]
    }

    static func step(_ turn: inout Turn<Self>) throws {
        let isFaulty = turn.tick >= faultTick
        try turn.world.set("pot", honey, 10_000)
        for flower in turn.world.entities(of: "flower") {
            var random = turn.random("growth", for: flower)
            // Once, of one flower: what is drawn behind it is another number.
            if Fault.drawsOnceMore, turn.tick == faultTick, flower == "flower-1" { _ = random.next() }
            try turn.world.add(flower, height, Int64(random.below(1_000_000)))
        }
        var wind = turn.random("wind")
        for butterfly in turn.world.entities(of: "butterfly") {
            try turn.world.put(butterfly, in: zones[wind.below(zones.count)])
        }
        if Fault.readsClock, isFaulty {
            let passed = meadowBegin.duration(to: .now).components
            try turn.world.set("flower-2", height, passed.attoseconds / 1_000_000_000)
        }
    }

    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] { [] }

    /// A run in which five bees sip at every tick; the first sends a second one too late at tick 5.
    static func recorded(seed: UInt64, ticks: Int64) throws -> (recording: SimRecording, world: World) {
        var host = try SimHost<Self>(sim: "meadow", parameters: Parameters(), seed: seed)
        let bees = (1...5).map { "bee-\($0)" }
        for bee in bees { _ = try host.take(Seat(bee, mind: .coded)) }
        var recording = SimRecording(
            header: try .init(ScenarioModel<Self>.self, Parameters(), seed: seed), ticks: [try host.begin()])
        for tick in stride(from: 1, through: ticks, by: 1) {
            try host.open(now: tick)
            for bee in bees {
                _ = host.submit(
                    Submission(seat: bee, sequence: 2 * tick, basedOn: tick - 1, action: "sip"), now: tick)
            }
            if tick == 5 {
                _ = host.submit(
                    Submission(seat: bees[0], sequence: 2 * tick + 1, basedOn: 2, action: "sip"), now: tick)
            }
            recording.ticks.append(try host.seal(now: tick, checkpoint: tick % 4 == 0).line)
        }
        return (recording, host.model.world)
    }
}

private let meadowBegin = ContinuousClock.now
