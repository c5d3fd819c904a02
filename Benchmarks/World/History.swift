import MeshCore
import MeshSim

/// The history of a world in which a tenth of the agents change in each step, kept in several ways.
struct History {
    private let agents: Int
    private let steps: Int
    /// Whole snapshots are slow: the mean of fewer steps is as good.
    private let snapshots: Int
    private let begin: World

    private static let wealth = Attribute<Int64>("wealth", initial: 100)
    private static let energy = Attribute<Double>("energy", initial: 1)

    init(agents: Int, steps: Int) throws {
        self.agents = agents
        self.steps = steps
        snapshots = min(steps, 50)
        var world = World(
            schema: try WorldSchema(
                types: [
                    EntityType("agent") {
                        Self.wealth
                        Self.energy
                    }
                ]))
        for _ in 0..<agents { try world.spawn("agent") }
        begin = world
    }

    /// A tenth of the agents, drawn for the step, get another wealth and energy.
    private func step(_ world: inout World, _ number: Int, _ ids: [EntityID]) throws {
        world.beginTick()
        var random = RandomStream(seed: 1, names: ["world-bench", "step"], tick: UInt64(number))
        for _ in 0..<agents / 10 {
            let id = ids[random.below(ids.count)]
            try world.set(id, Self.wealth, Int64(random.below(1_000)))
            try world.set(id, Self.energy, random.unit())
        }
    }

    /// Seconds a step of a run that does something with the world after each step; the best of three.
    private func run(
        _ steps: Int, journal: Bool = false, each: (inout World) throws -> Void = { _ in }
    ) throws -> Double {
        var best = Double.infinity
        for _ in 0..<3 {
            var world = begin
            let ids = world.entities(of: "agent")
            if journal { world.beginJournal() }
            let seconds = try WorldBench.timed {
                for number in 1...steps {
                    try step(&world, number, ids)
                    try each(&world)
                }
            }
            best = min(best, seconds / Double(steps))
        }
        return best
    }

    func measure() throws -> HistoryFigures {
        var figures = HistoryFigures()
        let plain = try run(steps)
        figures.ways.append(.init("step alone", plain))
        // Kept until the next one, as a history would.
        var (kept, held, text) = (begin, begin.snapshot(), [UInt8]())
        figures.ways.append(.init("world copied", try run(steps) { kept = $0 } - plain))
        figures.ways.append(.init("snapshot", try run(snapshots) { held = $0.snapshot() } - plain))
        let encoded = try run(snapshots) { text = try JSONCoder.encode($0.snapshot()).bytes() }
        figures.ways.append(.init("snapshot as JSON", encoded - plain, bytes: text.count))
        var journals: [WorldJournal] = []
        let recorded = try run(steps, journal: true) { world in
            // Three runs: each begins its history anew.
            if journals.count == steps { journals.removeAll(keepingCapacity: true) }
            if let journal = world.takeJournal() { journals.append(journal) }
        }
        figures.ways.append(.init("journal", recorded - plain))
        var lines: [[UInt8]] = []
        let written = try WorldBench.timed {
            for journal in journals { lines.append(try JSONCoder.encode(journal).bytes()) }
        }
        figures.ways.append(
            .init(
                "journal as JSON", recorded - plain + written / Double(steps),
                bytes: lines.reduce(0) { $0 + $1.count } / steps))
        for target in [1, 10, 100, 1_000, steps] where target <= steps && figures.rebuilt.last?.step ?? 0 < target {
            figures.rebuilt.append(try rebuild(target, journals, lines))
        }
        return withExtendedLifetime((kept, held)) { figures }
    }

    /// Makes the world of a step again from the first snapshot and the journals behind it. Fails when it is another.
    private func rebuild(_ target: Int, _ journals: [WorldJournal], _ lines: [[UInt8]]) throws -> HistoryFigures.Rebuilt
    {
        let snapshot = begin.snapshot()
        let text = try JSONCoder.encode(snapshot).bytes()
        var expected = begin
        let ids = expected.entities(of: "agent")
        for number in 1...target { try step(&expected, number, ids) }
        var world = begin
        let fromMemory = try WorldBench.timed {
            world = try World(schema: begin.schema, snapshot: snapshot)
            for journal in journals.prefix(target) { try world.apply(journal) }
        }
        let fromJSON = try WorldBench.timed {
            world = try World(
                schema: begin.schema, snapshot: try JSONCoder.decode(WorldSnapshot.self, from: try JSON.parse(text)))
            for line in lines.prefix(target) {
                try world.apply(try JSONCoder.decode(WorldJournal.self, from: try JSON.parse(line)))
            }
        }
        guard world.snapshot() == expected.snapshot() else {
            throw SimError("step \(target) of the journal is not the step that was made")
        }
        return .init(step: target, fromMemory: fromMemory, fromJSON: fromJSON)
    }
}

/// What was measured of a history.
struct HistoryFigures {
    /// One way to keep it: seconds beyond the step itself, and bytes where it is text.
    struct Way {
        var name: String
        var seconds: Double
        var bytes: Int?

        init(_ name: String, _ seconds: Double, bytes: Int? = nil) {
            (self.name, self.seconds, self.bytes) = (name, max(0, seconds), bytes)
        }
    }
    /// How long it took to have a step again, in seconds.
    struct Rebuilt {
        var step: Int
        var fromMemory: Double
        var fromJSON: Double
    }

    var ways: [Way] = []
    var rebuilt: [Rebuilt] = []

    private static func milliseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e3 }

    var text: String {
        var table = TextTable(["BEYOND THE STEP", "MS A STEP", "BYTES A STEP"])
        for way in ways {
            table.add([
                way.name, TextTable.number(Self.milliseconds(way.seconds)), way.bytes.map { String($0) } ?? "-",
            ])
        }
        var again = TextTable(["STEP MADE AGAIN", "MS FROM MEMORY", "MS FROM JSON"])
        for one in rebuilt {
            again.add(
                [String(one.step)] + [one.fromMemory, one.fromJSON].map { TextTable.number(Self.milliseconds($0)) })
        }
        return table.text + "\n" + again.text
    }

    var json: JSON {
        [
            "ways": .array(
                ways.map { way in
                    [
                        "name": .string(way.name), "millisecondsPerStep": .double(Self.milliseconds(way.seconds)),
                        "bytesPerStep": way.bytes.map { .integer(Int64($0)) } ?? .null,
                    ]
                }),
            "rebuilt": .array(
                rebuilt.map { one in
                    [
                        "step": .integer(Int64(one.step)),
                        "millisecondsFromMemory": .double(Self.milliseconds(one.fromMemory)),
                        "millisecondsFromJSON": .double(Self.milliseconds(one.fromJSON)),
                    ]
                }),
        ]
    }
}
