import Foundation
import MeshCore
import MeshSim
import Testing

/// A recording comes out as tables, line by line, and says the same there.
@Suite struct RunTablesTests {
    /// A folder of its own for each test.
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path())
    }

    private static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    /// Rows as the recording has them.
    private static func metrics(_ recording: SimRecording) -> [[AttributeValue?]] {
        recording.ticks.map { line in
            [.integer(line.tick)] + ["taken", "marked", "late"].map { line.metrics[$0]?.doubleValue.map { .real($0) } }
        }
    }

    private static func verdicts(_ recording: SimRecording) -> [[AttributeValue?]] {
        recording.ticks.flatMap { line in
            (line.seal?.inputs ?? []).map { input in
                [
                    .integer(line.tick), .text(input.seat), .text(input.verdict.rawValue),
                    input.action.map { .text($0) }, input.reason.map { .text($0) },
                ]
            }
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>) func `a recording reads back from a database`(_ seed: UInt64) throws
    {
        try Self.withFolder { folder in
            let recording = try walkersWithSeats(seed: seed)
            let (path, database) = (folder + "/run.jsonl", folder + "/run.db")
            try recording.write(to: path)
            try RunTables.write(
                try RunReport(file: path), file: path, to: .init(csv: nil, sqlite: database, folder: nil))
            let metrics = try DataDatabase.read(database, table: "metrics")
            #expect(metrics.shape.columns.map(\.name) == ["tick", "taken", "marked", "late"])
            #expect(metrics.rows == Self.metrics(recording))
            let verdicts = try DataDatabase.read(database, table: "verdicts")
            #expect(verdicts.shape.columns.map(\.name) == ["tick", "seat", "verdict", "action", "reason"])
            #expect(verdicts.rows == Self.verdicts(recording) && verdicts.count == 24)
            let run = try DataDatabase.read(database, table: "run").rows.map { row in
                row.map { $0.flatMap { String($0) } }
            }
            let last = try #require(recording.ticks.last)
            #expect(
                run == [
                    ["name", "walkers"], ["seed", String(seed)], ["parameter.walkers", "12"],
                    ["parameter.cells", "40"], ["parameter.isFair", "false"], ["rulesVersion", "1"],
                    ["firstTick", "0"], ["lastTick", "12"], ["chain", last.chain],
                ])
        }
    }

    @Test func `files have the same tables, and none is written over`() throws {
        try Self.withFolder { folder in
            let recording = try walkersWithSeats()
            let path = folder + "/run.jsonl"
            try recording.write(to: path)
            let report = try RunReport(file: path)
            let targets = RunTables.Targets(csv: folder + "/metrics.csv", sqlite: nil, folder: folder + "/tables")
            try RunTables.write(report, file: path, to: targets)
            var sink = DataTables()
            try RunTables(file: path).write(to: &sink)
            #expect(sink.tables.map(\.rows) == [Self.metrics(recording), Self.verdicts(recording)])
            for table in sink.tables {
                let expected = String(decoding: DataFormat.csv.bytes(table), as: UTF8.self)
                #expect(try Self.text("\(folder)/tables/\(table.shape.name).csv") == expected)
            }
            #expect(try Self.text(folder + "/metrics.csv") == Self.text(folder + "/tables/metrics.csv"))
            #expect(try Self.text(folder + "/tables/run.csv").contains("chain,\(recording.ticks.last?.chain ?? "")"))
            let all = [
                RunTables.Targets(csv: path, sqlite: nil, folder: nil), .init(csv: nil, sqlite: path, folder: nil),
                .init(csv: nil, sqlite: nil, folder: folder + "/tables"),
            ]
            for targets in all {
                let error = #expect(throws: SimError.self) { try RunTables.write(report, file: path, to: targets) }
                #expect(error?.kind == .file && error?.description.contains("exists") == true)
            }
            #expect(try SimRecording.read(path).recording.ticks.count == 13)
        }
    }

    @Test func `a torn line, a metric that comes later and one that is no number are borne`() throws {
        try Self.withFolder { folder in
            var recording = try walkersWithSeats(ticks: 3, checkpointEvery: 2)
            recording.ticks[1].metrics = ["taken": nil, "mood": 2]
            let path = folder + "/run.jsonl"
            try recording.write(to: path)
            try Self.write(String(try Self.text(path).dropLast(5)), path)
            var sink = DataTables()
            try RunTables(file: path).write(to: &sink)
            let metrics = try #require(sink["metrics"])
            #expect(metrics.shape.columns.map(\.name) == ["tick", "taken", "marked", "late", "mood"])
            #expect(metrics.row(1) == [.integer(1), nil, nil, nil, .real(2)])
            #expect(metrics.count == 3)
            #expect(sink.header?.notes.last == .init("tornLine", "5"))
        }
    }

    @Test func `ticks that are recorded meanwhile are left out`() throws {
        try Self.withFolder { folder in
            let recording = try walkersWithSeats(ticks: 4)
            let path = folder + "/run.jsonl"
            var begun = recording
            begun.ticks.removeLast(2)
            try begun.write(to: path)
            let tables = try RunTables(file: path)
            try recording.write(to: path)
            var sink = DataTables()
            try tables.write(to: &sink)
            #expect(sink["metrics"]?.rows == Self.metrics(begun) && sink["verdicts"]?.rows == Self.verdicts(begun))
            #expect(sink.header?.notes.contains(.init("lastTick", "2")) == true)
        }
    }

    @Test func `what cannot be tables is refused, with nothing written`() throws {
        try Self.withFolder { folder in
            var recording = try walkersWithSeats(ticks: 2)
            let path = folder + "/run.jsonl"
            func refusal() throws -> SimError? {
                try recording.write(to: path)
                let targets = RunTables.Targets(csv: folder + "/new.csv", sqlite: nil, folder: nil)
                let error = #expect(throws: SimError.self) {
                    try RunTables.write(.run(SimReport(recording)), file: path, to: targets)
                }
                #expect(!FileManager.default.fileExists(atPath: folder + "/new.csv"))
                return error
            }
            for name in ["tick", "Taken", "a\nb"] {
                recording.ticks[2].metrics = [name: 1, "taken": 1]
                #expect(try refusal()?.kind == .invalid)
            }
            recording.ticks[2].metrics = .object(JSONObject((0..<1_000).map { ("m\($0)", 1) }))
            #expect(try refusal()?.description.contains("more than 999 metrics") == true)
            recording.header.seed = "-1"
            #expect(try refusal()?.description.contains("seed") == true)
            try Self.write("nonsense", path)
            #expect(throws: SimError.self) { try RunTables(file: path) }
            try Self.write(#"{"model":"m","rulesVersion":1,"plan":{"parameters":{"n":1},"ticks":1}}"#, path)
            let sweep = try RunReport(file: path)
            let error = #expect(throws: SimError.self) {
                try RunTables.write(sweep, file: path, to: .init(csv: folder + "/x", sqlite: nil, folder: nil))
            }
            #expect(error?.description.contains("is a sweep") == true)
        }
    }
}
