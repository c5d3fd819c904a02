import MeshCore
import MeshSim
import Orchard
import Testing

/// What a scenario declares as its data comes out of its runs.
@Suite struct ScenarioDataTests {
    /// A scenario's own tables are those of its world; collecting changes no tick.
    @Test func `what a scenario collects is written after each tick`() throws {
        let parameters = Orchard.Parameters()
        func play() throws -> LocalPlay<Orchard> {
            try LocalPlay(
                try SimHost(sim: "orchard", parameters: parameters, seed: 7),
                agents: (1...3).map { Orchard.picker("picker-\($0)") })
        }
        var plain = try play()
        let expected = try plain.record(ticks: 10)
        let collector = try #require(try Orchard.data(parameters))
        var sink = DataTables()
        var collected = try play()
        try collected.begin(&sink, for: collector)
        var lines: [SimRecording.Tick] = []
        try collected.run(ticks: 10, collecting: collector, into: &sink) {
            lines.append($0)
            return true
        }
        #expect(lines == expected.ticks)
        #expect(
            sink.header
                == DataHeader(
                    name: "orchard", seed: 7, parameters: try JSONCoder.encode(parameters),
                    notes: [.init("rulesVersion", "1")]))
        #expect(sink["tree"]?.count == 33 && sink["picker"]?.count == 30)
        #expect(sink["events"]?.shape.columns.first == DataColumn("tick", .integer))
        for line in lines {
            func sum(_ table: String, _ column: Int) -> Double {
                (sink[table]?.rows ?? []).filter { $0[0] == .integer(line.tick) }
                    .reduce(0) { $0 + Double($1[column].flatMap { Int64($0) } ?? 0) }
            }
            #expect(sum("tree", 2) == line.metrics["hanging"]?.doubleValue)
            #expect(sum("picker", 2) == line.metrics["picked"]?.doubleValue)
        }
        // Whoever wants no more gets what was made.
        var (short, stopped) = (DataTables(), try play())
        try stopped.begin(&short, for: collector)
        try stopped.run(ticks: 10, collecting: collector, into: &short) { $0.tick < 4 }
        #expect(short["tree"]?.rows == sink["tree"].map { Array($0.rows.prefix(15)) })
    }

    @Test func `data that the scenario has not is refused before anything is written`() throws {
        var sink = DataTables()
        let play = try LocalPlay(
            try SimHost<Orchard>(sim: "orchard", parameters: Orchard.Parameters(), seed: 7), agents: [])
        let collector = try DataCollector(entities: [EntityColumns("pear") {}])
        #expect(throws: DataError.self) { try play.begin(&sink, for: collector) }
        #expect(sink.header == nil)
        #expect(try Meadow<RightMeadow>.data(.init()) == nil)
    }

    /// A run that fails keeps what was collected, and fails with its own error.
    @Test func `what was collected before a failure is kept`() throws {
        struct Full: Error {}
        struct Sink: DataSink {
            var (rows, isFinished) = (0, false)
            mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError) {}
            mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError) { rows += 1 }
            mutating func finish() throws(DataError) { isFinished = true }
        }
        var sink = Sink()
        var play = try LocalPlay(
            try SimHost<Orchard>(sim: "orchard", parameters: Orchard.Parameters(), seed: 7), agents: [])
        let collector = try #require(try Orchard.data(Orchard.Parameters()))
        #expect(throws: Full.self) {
            try play.run(ticks: 10, collecting: collector, into: &sink) { line in
                if line.tick == 3 { throw Full() }
                return true
            }
        }
        #expect(sink.rows == 12 && sink.isFinished)
    }
}
