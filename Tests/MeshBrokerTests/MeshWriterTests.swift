import Foundation
import Logging
import MeshCore
import MeshEngine
import MeshSDK
import MeshStore
import Synchronization
import Testing

@testable import MeshBroker

/// A mesh's writer with clocks that only move when they are told to.
@Suite struct MeshWriterTests {
    private struct Times {
        var wall: Int64 = SystemTime.wallMillis()
        var monotonic: Int64 = 0
        var planned: [Int64] = []
        /// What each look at the monotonic clock takes.
        var step: Int64 = 0
    }

    private final class Clocks: Sendable {
        let times = Mutex(Times())
    }

    private final class Space: Sendable {
        let state = Mutex(SpaceState())
        var gauge: SpaceGauge {
            SpaceGauge(
                level: { self.state.withLock { $0.level } },
                writeFailed: { tried in self.state.withLock { $0.writeFailed(at: tried) } })
        }
        func looked(_ room: SpaceState.Room) { state.withLock { $0.looked(room) } }
    }

    /// What callers were told, in order.
    private final class Answers: Sendable {
        private let codes = Mutex<[String]>([])
        func submission(_ request: any Request, as actor: Actor = .node) -> Submission {
            Submission(
                .command(request, actor),
                for: .callback { result in
                    self.codes.withLock { codes in
                        switch result {
                        case .success: codes.append("ok")
                        case .failure(let error): codes.append(error.code.rawValue)
                        }
                    }
                })
        }
        func take() -> [String] {
            codes.withLock { codes in
                defer { codes = [] }
                return codes
            }
        }
    }

    private final class Bench {
        let folder: URL
        let clocks = Clocks()
        let space = Space()
        let database: Database
        let writer: MeshWriter

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "mesh-writer-\(UUID().uuidString)")
            try Files.createPrivateFolder(folder.path)
            let node = SigningKey()
            let body = NewMesh(slug: "lab", ownerName: "ada").request(node: node.publicKey)
            var numbers = SystemRandomNumberGenerator()
            let genesis = Genesis(
                body: body, node: node.publicKey, allowsPlaintext: false, now: clocks.times.withLock { $0.wall },
                entropy: Entropy(&numbers))
            let file = folder.appending(path: "mesh.sqlite").path
            try FileCreation.createAtomically(file) { _ = try genesis.write(to: $0, table: Capabilities.table) }
            var environment = WriterEnvironment(
                wallMillis: { [clocks] in clocks.times.withLock { $0.wall } },
                monotonicMillis: { [clocks] in
                    clocks.times.withLock { times in
                        times.monotonic += times.step
                        return times.monotonic
                    }
                },
                schedule: { [clocks] delay, _ in clocks.times.withLock { $0.planned.append(delay) } },
                signer: { [node] in $0 == node.publicKey ? node : nil },
                keepCheckpoint: { _ in }, onFatal: { _ in }, space: space.gauge,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, metrics: BrokerMetrics())
            environment.workMillis = environment.monotonicMillis
            database = try Database(path: file, mode: .open)
            writer = try MeshWriter(
                database: database, table: Capabilities.table, environment: environment)
        }

        deinit {
            writer.close()
            try? FileManager.default.removeItem(at: folder)
        }

        /// Both clocks go on.
        func pass(_ millis: Int64) {
            clocks.times.withLock {
                $0.wall += millis
                $0.monotonic += millis
            }
        }

        /// The shortest wait that was asked for since the last time.
        func nextWait() -> Int64? {
            clocks.times.withLock { times in
                defer { times.planned = [] }
                return times.planned.min()
            }
        }
    }

    @Test func anIdleWriterWakesForItsNextTimerOnly() throws {
        let bench = try Bench()
        bench.writer.run([])
        let wait = try #require(bench.nextWait())
        #expect(wait >= 1_000)
        let applied = bench.writer.engine.state.applied
        bench.pass(wait)
        bench.writer.run([])
        #expect(bench.writer.engine.state.applied == applied + 1)
        #expect(try #require(bench.nextWait()) >= 1_000)
    }

    @Test func aWallClockThatJumpedForwardDoesNotMakeTheWriterSpin() throws {
        let bench = try Bench()
        bench.writer.run([
            .init(.command(SetState(key: "k", value: 1), .session(SessionNumber(rawValue: 1), nil)), for: .nobody)
        ])
        bench.clocks.times.withLock { $0.wall += 8 * 3_600_000 }
        let applied = bench.writer.engine.state.applied
        var runs = 0
        var passed: Int64 = 0
        while passed < 120_000, runs < 500 {
            bench.writer.run([])
            runs += 1
            let wait = bench.nextWait() ?? 120_000
            bench.pass(wait)
            passed += wait
        }
        #expect(runs < 100)
        #expect(bench.writer.engine.state.applied - applied < 100)
    }

    @Test func theTimeOfAMeshNeverGoesBack() throws {
        let bench = try Bench()
        var last: Int64 = 0
        for jump in [0, 60_000, -3_600_000, 5, -86_400_000] as [Int64] {
            bench.clocks.times.withLock {
                $0.wall += jump
                $0.monotonic += 100
            }
            bench.writer.run([
                .init(.command(SetState(key: "k", value: 1), .session(SessionNumber(rawValue: 1), nil)), for: .nobody)
            ])
            #expect(bench.writer.engine.state.now >= last)
            last = bench.writer.engine.state.now
        }
    }

    // MARK: A full disk

    private static let owner = Actor.session(SessionNumber(rawValue: 1), nil)

    private static func large(_ key: String) -> SetState {
        SetState(key: key, value: .string(String(repeating: "x", count: 60_000)))
    }

    /// Whether the file may grow: SQLite's own limit says the same as a full disk.
    private func setFull(_ isFull: Bool, _ bench: Bench) throws {
        let pages = try bench.database.prepare("PRAGMA page_count").first { $0.int(0) } ?? 0
        try bench.database.execute("PRAGMA max_page_count=\(isFull ? pages : 1_000_000)")
    }

    @Test func onAFullDiskWhatIsEssentialIsStoredAndTheRestRefusedUntilThereIsRoom() throws {
        let bench = try Bench()
        let answers = Answers()
        bench.writer.run([answers.submission(Self.large("a"), as: Self.owner)])
        #expect(answers.take() == ["ok"])
        try setFull(true, bench)
        // One batch, in which the first finds no space: it is undone, and the other goes on.
        bench.writer.run([
            answers.submission(Self.large("b"), as: Self.owner), answers.submission(StartNode(stoppedFor: 0)),
        ])
        #expect(answers.take().sorted() == ["ok", "storage_full"])
        #expect(bench.space.state.withLock { $0.level } == .low)
        let applied = bench.writer.engine.state.applied
        bench.writer.run([answers.submission(SetState(key: "k", value: 1), as: Self.owner)])
        #expect(answers.take() == ["storage_full"], "also what would fit: the space is kept for what is essential")
        #expect(bench.writer.engine.state.applied == applied)
        // Nothing is due while it waits: a writer that cannot store would run again and again.
        _ = bench.nextWait()
        bench.writer.run([])
        #expect(bench.nextWait() == nil)
        try setFull(false, bench)
        bench.space.looked(.enough)
        bench.writer.run([answers.submission(Self.large("b"), as: Self.owner)])
        #expect(answers.take() == ["ok"])
    }

    @Test func whatTheBrokerTellsItselfIsNotLostWhenNothingCanBeStored() throws {
        let bench = try Bench()
        let answers = Answers()
        bench.space.looked(.none)
        bench.space.state.withLock { $0.writeFailed(at: .low) }
        #expect(bench.space.state.withLock { $0.level } == .full)
        let applied = bench.writer.engine.state.applied
        let told = Submission(.command(StartNode(stoppedFor: 0), .node), for: .nobody)
        bench.writer.run([told, answers.submission(StartNode(stoppedFor: 0))])
        #expect(answers.take() == ["storage_full"], "whoever waits is told")
        #expect(bench.writer.engine.state.applied == applied)
        bench.space.looked(.enough)
        bench.writer.run([])
        #expect(bench.writer.engine.state.applied == applied + 1, "it goes first once there is room")
        bench.writer.run([answers.submission(SetState(key: "k", value: 1), as: Self.owner)])
        #expect(answers.take() == ["ok"])
    }

    // MARK: Turns

    /// What was answered, in order.
    private final class Log: Sendable {
        let answers = Mutex<[(name: String, error: MeshError?)]>([])
        var names: [String] { answers.withLock { $0.map { $0.name } } }

        func submission(_ name: String, _ work: Submission.Work) -> Submission {
            Submission(
                work,
                for: .callback { result in
                    var error: MeshError?
                    if case .failure(let refusal) = result { error = refusal }
                    self.answers.withLock { $0.append((name, error)) }
                })
        }

        func write(_ name: String, _ actor: Actor) -> Submission {
            submission(name, .command(SetState(key: name, value: 1), actor))
        }
        func read(_ name: String, _ actor: Actor) -> Submission {
            submission(name, .query(GetState(key: name), actor))
        }
    }

    @Test func aBatchThatTakesLongIsCutAndOthersComeInBetween() throws {
        let bench = try Bench()
        let log = Log()
        bench.clocks.times.withLock { $0.step = 10 }
        #expect(bench.writer.run((0..<60).map { log.write("w\($0)", Self.owner) }))
        let first = log.names
        #expect(!first.isEmpty && first.count < 60)
        #expect(bench.writer.waiting == 60 - first.count)
        let applied = bench.writer.engine.state.applied
        #expect(bench.writer.run([log.write("other", .node)]))
        #expect(bench.writer.engine.state.applied == applied + 1)
        #expect(try #require(log.names.firstIndex(of: "other")) <= first.count + 1)
        while bench.writer.run([]) {}
        #expect(log.names.filter { $0 != "other" } == (0..<60).map { "w\($0)" })
        #expect(bench.writer.waiting == 0)
    }

    @Test func loadOfMoreThanABatchGoesOnInItsOrderAndAReadComesInBetween() throws {
        let bench = try Bench()
        let log = Log()
        let count = LocalSequencer.maximumBatch + 100
        #expect(bench.writer.run((0..<count).map { log.write("w\($0)", $0 % 2 == 0 ? Self.owner : .node) }))
        #expect(log.names == (0..<LocalSequencer.maximumBatch).map { "w\($0)" })
        #expect(bench.writer.waiting == 100)
        bench.writer.run([log.read("r", .node)])
        while bench.writer.run([]) {}
        #expect(log.names.count == count + 1)
        #expect(log.names.filter { $0 != "r" }.count == count)
        #expect(bench.writer.waiting == 0)
        // Without a read nothing changes the order.
        let next = Log()
        bench.writer.run((0..<count).map { next.write("w\($0)", $0 % 3 == 0 ? Self.owner : .node) })
        while bench.writer.run([]) {}
        #expect(next.names == (0..<count).map { "w\($0)" })
    }

    @Test func readsThatTakeLongLetOthersIn() throws {
        let bench = try Bench()
        let log = Log()
        bench.clocks.times.withLock { $0.step = 10 }
        #expect(bench.writer.run((0..<20).map { log.read("r\($0)", Self.owner) }))
        #expect(log.names == ["r0"])
        bench.writer.run([log.write("other", .node)])
        #expect(log.names.contains("other"))
        #expect(log.names.count < 5)
        while bench.writer.run([]) {}
        #expect(log.names.filter { $0 != "other" } == (0..<20).map { "r\($0)" })
    }

    @Test func readsBeyondAMembersShareAreRefused() throws {
        let bench = try Bench()
        let log = Log()
        let count = MeshWriter.maximumReads + 100
        bench.writer.run((0..<count).map { log.read("r\($0)", Self.owner) })
        while bench.writer.run([]) {}
        let codes = log.answers.withLock { $0.compactMap { $0.error?.code } }
        #expect(codes == Array(repeating: .busy, count: 100))
        #expect(log.names.count == count)
    }

    @Test func whatWaitsAtTheEndIsFinished() throws {
        let bench = try Bench()
        let log = Log()
        bench.clocks.times.withLock { $0.step = 10 }
        bench.writer.run(
            (0..<40).map { log.write("w\($0)", Self.owner) } + [log.read("r0", Self.owner), log.read("r1", Self.owner)])
        bench.writer.finish()
        #expect(log.names.count == 42)
        let failed = log.answers.withLock { $0.filter { $0.error != nil } }
        #expect(failed.allSatisfy { $0.error?.code == .shuttingDown && $0.name.hasPrefix("r") })
    }
}
