import MeshBroker
import MeshCore
import MeshSDK
import MeshSim
import MeshSimLive
import MeshTestSupport
import Orchard
import Synchronization
import Testing

/// The lines of a record, as they come.
final class Lines: Sendable {
    private let lines = Mutex<[SimRecording.Tick]>([])
    func add(_ line: SimRecording.Tick) { lines.withLock { $0.append(line) } }
    var all: [SimRecording.Tick] { lines.withLock { $0 } }
}

/// Links of a merged chain, as they come.
final class Links: Sendable {
    private let links = Mutex<[MergedLink]>([])
    func add(_ link: MergedLink) { links.withLock { $0.append(link) } }
    var all: [MergedLink] { links.withLock { $0 } }
}

/// What ticks have cost, and how many scenes were seen.
final class Costs: Sendable {
    private let state = Mutex<(timings: [ControllerTiming], scenes: Int)>(([], 0))
    func add(_ timing: ControllerTiming) { state.withLock { $0.timings.append(timing) } }
    func addScene() { state.withLock { $0.scenes += 1 } }
    var timings: [ControllerTiming] { state.withLock { $0.timings } }
    var scenes: Int { state.withLock { $0.scenes } }
}

@Suite struct SimControllerTests {
    /// A mesh with a controller's client and those of pickers, over the in-process transport.
    private static func mesh(pickers: Int) async throws -> (TestBroker, MeshClient, [MeshClient]) {
        let mesh = try await TestBroker()
        let owner = mesh.client(mesh.owner)
        let names = (1...pickers).map { "picker-\($0)" }
        let credentials = try await running(owner) {
            var all: [Credentials] = []
            for name in names { all.append(try await mesh.member(name, by: owner)) }
            return all
        }
        return (mesh, mesh.client(mesh.owner), credentials.map { mesh.client($0) })
    }

    private static func host(_ rules: TickRules, seed: UInt64 = 7) throws -> SimHost<Orchard> {
        try SimHost(sim: "orchard", domain: "orchard", parameters: Orchard.Parameters(), seed: seed, rules: rules)
    }

    private static func play(_ client: MeshClient, stopAfter limit: Int64 = .max) async throws -> SimEnd? {
        try await SimPeer(client: client, controller: "ada").play(SimJoin(role: "picker", mind: .coded)) { scene in
            guard scene.tick < limit else { throw CancellationError() }
            var random = RandomStream(seed: 1, names: ["test"], entity: scene.viewer.rawValue, tick: UInt64(scene.tick))
            return Orchard.mind(scene, &random)
        }
    }

    @Test func `a run over a mesh is recorded, published, and repeated without anybody`() async throws {
        let (mesh, owner, pickers) = try await Self.mesh(pickers: 3)
        var settings = ControllerSettings()
        settings.ticks = 12
        settings.publishes = true
        settings.minimumSeats = 3
        settings.checkpointEvery = 4
        let rules = TickRules(barrier: try Barrier(.quorum(3), deadlineMillis: 60_000))
        let host = try Self.host(rules)
        let lines = Lines()
        let (end, manifest) = try await running(owner, pickers[0], pickers[1], pickers[2]) { [settings] in
            let controller = try SimController(host, client: owner, settings: settings)
            return try await withThrowingTaskGroup(of: SimEnd?.self) { tasks in
                tasks.addTask { try await controller.run { lines.add($0) } }
                for picker in pickers { tasks.addTask { try await Self.play(picker) } }
                var ends: [SimEnd] = []
                while let end = try await tasks.next() { if let end { ends.append(end) } }
                #expect(ends.count == 4 && Set(ends).count == 1)
                return (ends[0], try await owner.state(SimKey.manifest("orchard")))
            }
        }
        await mesh.broker.shutdown()
        let recording = SimRecording(
            header: try .init(ScenarioModel<Orchard>.self, Orchard.Parameters(), seed: 7),
            ticks: lines.all)
        #expect(recording.ticks.map(\.tick) == Array(0...12) && recording.ticks.last?.chain == end.chain)
        #expect(recording.ticks.contains { $0.seal?.inputs.contains { $0.action == "pick" } ?? false })
        // Anybody who has the rules makes it again: from the beginning, from each checkpoint, from its file.
        let read = try SimRecording.parse(recording.lines())
        for from in [nil, 0, 4, 8, 12] as [Int64?] {
            #expect(try SimRun.verify(read, as: ScenarioModel<Orchard>.self, from: from) == nil)
        }
        let published = try TickManifest(json: try #require(manifest).value)
        #expect(published.tick == 12 && published.chain == end.chain)
    }

    @Test(arguments: SimPeer.Acknowledgement.allCases)
    func `what a tick has cost is told, and who acknowledges nothing sees it whole`(
        _ acknowledgement: SimPeer.Acknowledgement
    ) async throws {
        let (mesh, owner, pickers) = try await Self.mesh(pickers: 2)
        var settings = ControllerSettings()
        settings.ticks = 12
        settings.minimumSeats = 2
        let host = try Self.host(TickRules(barrier: try Barrier(.all, deadlineMillis: 60_000)))
        let costs = Costs()
        try await running(owner, pickers[0], pickers[1]) { [settings] in
            let controller = try SimController(host, client: owner, settings: settings, measure: { costs.add($0) })
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { _ = try await controller.run() }
                for picker in pickers {
                    tasks.addTask {
                        var peer = SimPeer(client: picker, controller: "ada")
                        peer.acknowledgement = acknowledgement
                        _ = try await peer.play(SimJoin(role: "picker", mind: .coded)) { scene in
                            costs.addScene()
                            return [.init("walk", ["to": "tree-1"])]
                        }
                    }
                }
                while try await tasks.next() != nil {}
            }
        }
        await mesh.broker.shutdown()
        let all = costs.timings
        // The last tick ends the run, and is not told.
        #expect(all.map(\.tick) == Array(1...11))
        #expect(all.allSatisfy { $0.decidingNanos > 0 && $0.encodingNanos > 0 && $0.sendingNanos > 0 })
        #expect(all.reduce(0) { $0 + $1.observations } == costs.scenes)
        let last = all[10]
        #expect(last.observations == 2 && last.acknowledgements == (acknowledgement == .none ? 0 : 2))
        // Nothing changes any more but the tick: a difference says so in few bytes.
        #expect((last.observationBytes < 2 * 350) == (acknowledgement == .each))
    }

    @Test func `who dies and who is slow hold up nobody for long`() async throws {
        let (mesh, owner, pickers) = try await Self.mesh(pickers: 3)
        var settings = ControllerSettings()
        settings.ticks = 10
        settings.minimumSeats = 3
        let host = try Self.host(TickRules(barrier: try Barrier(.all, deadlineMillis: 400), demoteAfter: 2))
        let lines = Lines()
        try await running(owner, pickers[0], pickers[1], pickers[2]) { [settings] in
            let controller = try SimController(host, client: owner, settings: settings)
            try await withThrowingTaskGroup(of: SimEnd?.self) { tasks in
                tasks.addTask { try await controller.run { lines.add($0) } }
                tasks.addTask { try await Self.play(pickers[0]) }
                // One dies after two ticks, one before its first.
                tasks.addTask { try? await Self.play(pickers[1], stopAfter: 2) }
                tasks.addTask { try? await Self.play(pickers[2], stopAfter: 0) }
                while try await tasks.next() != nil {}
            }
        }
        await mesh.broker.shutdown()
        let ticks = lines.all
        #expect(ticks.map(\.tick) == Array(0...10))
        let changes = ticks.flatMap { $0.seal?.changes ?? [] }
        #expect(changes.count { $0.kind == .joined } == 3)
        #expect(Set(changes.filter { $0.kind == .demoted }.map(\.seat)).count == 2)
        // The one that lives is heard after the others were given up.
        #expect(ticks.suffix(5).contains { $0.seal?.inputs.contains { $0.verdict == .onTime } ?? false })
    }
}
