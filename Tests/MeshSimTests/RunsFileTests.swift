import Foundation
import MeshCore
import MeshSim
import Testing

@Suite struct RunsFileTests {
    /// A folder of its own for each test.
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path())
    }

    private static func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    @Test func aFileIsTheRecordingLineByLine() throws {
        try Self.withFolder { folder in
            let (path, recording) = (folder + "/run.jsonl", try walkersWithSeats())
            try recording.write(to: path)
            #expect(try Array(Data(contentsOf: URL(filePath: path))) == recording.lines())
            let read = try SimRecording.read(path)
            #expect(read.tornLine == nil)
            #expect(try read.recording.lines() == recording.lines())
            for checkpoint in [nil, 0, 8] as [Int64?] {
                let result = try SimRun.verify(file: path, as: Walkers<NoFault>.self, from: checkpoint)
                #expect(result.divergence == nil)
                #expect(result.ticks == 13 - Int(checkpoint ?? 0))
                #expect(result.chain == recording.ticks.last?.chain)
            }
            let found = try SimRun.verify(file: path, as: Walkers<SkippedShuffle>.self)
            #expect(found.divergence == Divergence(tick: 6, domains: ["coins"]))
            #expect(throws: SimError.self) { try SimRun.verify(file: path, as: Walkers<NoFault>.self, from: 5) }
            // A state that was changed is found where it is.
            var changed = recording
            var state = try #require(changed.ticks[8].state?.objectValue)
            state["late"] = 7
            changed.ticks[8].state = .object(state)
            try changed.write(to: path)
            #expect(
                try SimRun.verify(file: path, as: Walkers<NoFault>.self, from: 8).divergence
                    == Divergence(tick: 8, domains: ["seats"]))
        }
    }

    /// Cut anywhere, what is whole is read and what is torn is said.
    @Test func aTornLastLineIsLeftOutAndSaid() throws {
        try Self.withFolder { folder in
            let bytes = try walkersWithSeats(ticks: 3, checkpointEvery: 2).lines()
            let header = (bytes.firstIndex(of: 0x0A) ?? 0) + 1
            let ends = bytes.indices.filter { bytes[$0] == 0x0A }
            var random = RandomStream(seed: 1, domain: "test", purpose: "cuts")
            let cuts =
                (0..<40).map { _ in header + random.below(bytes.count - header + 1) } + ends.map { $0 + 1 } + ends
            for cut in cuts where cut >= header {
                try Self.write(Array(bytes[..<cut]), folder + "/cut.jsonl")
                let read = try SimRecording.read(folder + "/cut.jsonl")
                let whole = ends.filter { $0 <= cut }.count
                #expect(read.recording.ticks.count == whole - 1)
                let isClean = cut == bytes.count || ends.contains(cut) || ends.contains(cut - 1)
                #expect(read.tornLine == (isClean ? nil : whole + 1))
            }
            try Self.write(Array(bytes[..<(header - 2)]), folder + "/cut.jsonl")
            #expect(throws: SimError.self) { try SimRecording.read(folder + "/cut.jsonl") }
        }
    }

    @Test func aBrokenLineInTheMiddleIsAnErrorThatNamesIt() throws {
        try Self.withFolder { folder in
            var lines = try walkersWithSeats(ticks: 4).lines().split(separator: 0x0A).map { Array($0) }
            let path = folder + "/broken.jsonl"
            lines[2] = Array("{".utf8)
            try Self.write(Array(lines.joined(separator: [0x0A])), path)
            let error = #expect(throws: SimError.self) { try SimRecording.read(path) }
            #expect(error?.description.contains("line 3") == true)
            lines[2] = lines[4]
            try Self.write(Array(lines.joined(separator: [0x0A])), path)
            let order = #expect(throws: SimError.self) { try SimRecording.read(path) }
            #expect(order?.description.contains("line 4: tick 2 stands behind tick 3") == true)
            try Self.write([], path)
            #expect(throws: SimError.self) { try SimRecording.read(path) }
            let missing = #expect(throws: SimError.self) { try SimRecording.read(folder + "/none") }
            #expect(missing?.kind == .file)
        }
    }

    @Test func aStoreNumbersItsRecordingsAndListsThem() throws {
        try Self.withFolder { folder in
            let store = RunStore(folder + "/runs")
            let recording = try walkersWithSeats(ticks: 2)
            var strange = recording.header
            strange.model = "../strange"
            for header in [recording.header, recording.header, strange] {
                let writer = try store.create(header)
                for tick in recording.ticks { try writer.append(tick) }
            }
            try Self.write(Array("nonsense\n".utf8), folder + "/runs/zz.jsonl")
            try Self.write([], folder + "/runs/notes.txt")
            let entries = try store.list()
            #expect(
                entries.map(\.name) == [
                    "___strange-0001-5.jsonl", "walkers-0001-5.jsonl", "walkers-0002-5.jsonl", "zz.jsonl",
                ])
            #expect(entries[1].header == recording.header)
            #expect(entries[3].header == nil)
            #expect(entries[3].error?.contains("line 1") == true)
            #expect(throws: SimError.self) { try RunStore(folder + "/none").list() }
        }
    }

    @Test func aReportSaysWhatARecordingHolds() throws {
        try Self.withFolder { folder in
            let recording = try walkersWithSeats()
            try recording.write(to: folder + "/run.jsonl")
            let report = try SimReport(file: folder + "/run.jsonl")
            #expect(report == SimReport(recording))
            #expect(report.checkpoints == [0, 4, 8, 12])
            #expect((report.firstTick, report.lastTick) == (0, 12))
            #expect(report.seats.map(\.name) == ["ada", "bob"])
            #expect(report.seats[0][.onTime] == 12)
            #expect(report.seats[1][.late] == 12)
            let late = try #require(report.metrics.last)
            #expect((late.first, late.last, late.min, late.max, late.mean) == (0, 12, 0, 12, 6))
            #expect(report.text.contains("late"))
            #expect(report.json["chain"]?.stringValue == recording.ticks.last?.chain)
            #expect(report.json["seats"]?.arrayValue?.count == 2)
        }
    }

    @Test(arguments: 0..<20) func statisticsAreThoseByForce(_ seed: UInt64) {
        var random = RandomStream(seed: seed, domain: "test", purpose: "statistics")
        let values = (0..<1 + random.below(60)).map { _ in random.unit() * 1_000 - 300 }
        var statistics = SampleStatistics()
        for value in values { statistics.add(value) }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = values.count < 2 ? 0 : (squares / Double(values.count - 1)).squareRoot()
        #expect(abs(statistics.mean - mean) < 1e-9)
        #expect(abs(statistics.deviation - deviation) < 1e-9)
        #expect(statistics.min == values.min())
        #expect(statistics.max == values.max())
        #expect((statistics.halfInterval == nil) == (values.count < 2))
    }

    /// 1, 2, 3: t(2) = 4.303, sd 1, so 4.303 / sqrt(3).
    @Test func theIntervalIsStudents() throws {
        var statistics = SampleStatistics()
        for value in [1.0, 2, 3] { statistics.add(value) }
        #expect(abs(try #require(statistics.halfInterval) - 2.48434) < 1e-4)
    }
}
