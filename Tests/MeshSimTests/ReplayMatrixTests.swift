import MeshCore
import Orchard
import Testing

@testable import MeshSim

/// One run, whatever the pace, the restarts and the threads: the same chain.
@Suite struct ReplayMatrixTests {
    static let agents = (1...4).map { Orchard.picker("picker-\($0)") }
    static let ticks: Int64 = 24

    static func host() throws -> SimHost<Orchard> {
        try SimHost(sim: "orchard", parameters: Orchard.Parameters(), seed: 11)
    }

    static func recorded() throws -> SimRecording {
        var play = try LocalPlay(try host(), agents: agents, seed: 3)
        return try play.record(ticks: ticks, checkpointEvery: 6)
    }

    /// Runs a controller over a clock of its own until it ends; gives the chain and how long it took, in milliseconds.
    static func controlled(
        _ settings: ControllerSettings, change: (inout ControllerMachine<Orchard>, Int64) -> Void = { _, _ in }
    ) throws -> (lines: [SimRecording.Tick], took: Int64) {
        var settings = settings
        settings.ticks = ticks
        settings.agentSeed = 3
        var machine = try ControllerMachine(try host(), agents: agents, settings: settings)
        var now: Int64 = 1_000
        var lines: [SimRecording.Tick] = []
        var outputs = try machine.begin(now: now)
        for round in 0..<10_000 {
            for case .record(let line) in outputs { lines.append(line) }
            if machine.isEnded { return (lines, now - 1_000) }
            change(&machine, Int64(round))
            now = max(now, machine.nextWake ?? now + 1)
            outputs = machine.time(now)
        }
        throw SimError("the run did not end")
    }

    @Test(
        arguments: [
            (Pacing.asFastAsPossible, 0), (.barrier, 0), (.realTime(times: 1, tickMillis: 1_000), 23_000),
            (.realTime(times: 100, tickMillis: 1_000), 230), (.eventSkip, 0),
        ] as [(Pacing, Int64)])
    func `the pace changes when a tick is made, not what it is`(_ pacing: Pacing, _ took: Int64) throws {
        var settings = ControllerSettings()
        settings.pacing = pacing
        let run = try Self.controlled(settings)
        #expect(run.lines.map(\.chain) == (try Self.recorded()).ticks.map(\.chain))
        #expect(run.took == took)
    }

    @Test func `a pace that changes in mid run changes nothing either`() throws {
        let ada = SimMember(SigningKey().publicKey, name: "ada")
        var settings = ControllerSettings()
        settings.pacing = .realTime(times: 1, tickMillis: 1_000)
        settings.mayCommand = { $0 == ada.key }
        let run = try Self.controlled(settings) { machine, round in
            let order: (String, JSON)? =
                switch round {
                case 3: ("speed", ["pace": "realTime", "times": 50, "tickMillis": 1_000])
                case 5: ("pause", [:])
                case 9: ("step", ["ticks": 3])
                case 15: ("resume", [:])
                case 16: ("speed", ["pace": "barrier"])
                default: nil
                }
            guard let order else { return }
            _ = machine.receive(
                .command(SimCommand(sequence: round, command: order.0, arguments: order.1)), from: "a", member: ada,
                now: 0)
        }
        #expect(run.lines.last?.chain == (try Self.recorded()).ticks.last?.chain)
    }

    @Test func `the mesh's clock can say when`() throws {
        var settings = ControllerSettings()
        settings.followsClock = true
        var tick: Int64 = 0
        let run = try Self.controlled(settings) { machine, round in
            if round % 3 == 0 {
                tick += 2
                _ = machine.clock(tick, now: 0)
            }
        }
        // What a clock tick has made is told at once: those lines are not among the ones of time.
        #expect(run.lines.first?.tick == 0)
        var machine = try ControllerMachine(
            try Self.host(), agents: Self.agents,
            settings: {
                var settings = settings
                settings.ticks = Self.ticks
                settings.agentSeed = 3
                return settings
            }())
        _ = try machine.begin(now: 0)
        for tick in 1...Self.ticks {
            #expect(machine.host.tick == tick - 1)
            _ = machine.clock(tick, now: 0)
        }
        #expect(machine.host.run.chain.head.hex == (try Self.recorded()).ticks.last?.chain)
    }

    @Test(arguments: [0, 6, 12, 18, 24] as [Int64])
    func `it is verified from every checkpoint, and goes on from every one with seats`(_ tick: Int64) throws {
        let whole = try SimRecording.parse(try Self.recorded().lines())
        #expect(try SimRun.verify(whole, as: ScenarioModel<Orchard>.self, from: tick) == nil)
        guard tick > 0 else { return }
        var resumed = try LocalPlay(
            try SimHost<Orchard>(resuming: whole, at: tick), agents: Self.agents, seed: 3)
        for next in whole.ticks where next.tick > tick {
            let line = try resumed.step().line
            #expect(line.chain == next.chain, "tick \(next.tick)")
        }
    }

    @Test func `two at a time are the same as one`() async throws {
        let expected = try Self.recorded().ticks.map(\.chain)
        let chains = try await withThrowingTaskGroup(of: [String].self) { tasks in
            for _ in 0..<2 { tasks.addTask { try Self.recorded().ticks.map(\.chain) } }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(chains == [expected, expected])
    }

    @Test func `a fork differs by its luck alone`() throws {
        let whole = try Self.recorded()
        let fork = try SimRun.fork(whole, as: ScenarioModel<Orchard>.self, at: 12, seed: 99, ticks: 12)
        #expect(fork.ticks.map(\.seal?.inputs).dropFirst() == whole.ticks.suffix(12).map(\.seal?.inputs)[...])
        #expect(SimRun.difference(whole, fork) != nil)
        #expect(try SimRun.verify(fork, as: ScenarioModel<Orchard>.self) == nil)
    }

    /// What a dishonest or broken controller might do to a record, and what is said of it.
    @Test(arguments: ["dropped verdict", "changed verdict", "dropped action", "late one applied", "changed argument"])
    func `every change of a seal is named`(_ fault: String) throws {
        var recording = try Self.recorded()
        let place = try #require(
            recording.ticks.firstIndex { $0.seal?.inputs.contains { $0.action == "walk" } ?? false })
        var seal = try #require(recording.ticks[place].seal)
        let input = try #require(seal.inputs.firstIndex { $0.action == "walk" })
        switch fault {
        case "dropped verdict", "dropped action": seal.inputs.remove(at: input)
        case "changed verdict": seal.inputs[input].verdict = .late
        case "late one applied": seal.inputs[input].verdict = .carried
        default: seal.inputs[input].arguments = ["to": "nowhere"]
        }
        recording.ticks[place].seal = seal
        let found = try #require(try SimRun.verify(recording, as: ScenarioModel<Orchard>.self))
        #expect(found.tick == recording.ticks[place].tick)
    }

    @Test func `a seat that fails changes nothing for the others`() throws {
        func others(_ agents: [LocalAgent]) throws -> [[SealedInput]] {
            var play = try LocalPlay(try Self.host(), agents: agents, seed: 3)
            return try play.record(ticks: 1).ticks.map { $0.seal?.inputs.filter { $0.seat != "picker-2" } ?? [] }
        }
        struct Broken: Error {}
        var agents = Self.agents
        agents[1].decide = { _, _ in throw Broken() }
        #expect(try others(agents) == others(Self.agents))
        var play = try LocalPlay(try Self.host(), agents: agents, seed: 3)
        let last = try #require(try play.record(ticks: 5).ticks.last?.seal)
        #expect(last.inputs.contains { $0.seat == "picker-2" && $0.verdict == .failed })
        #expect(last.inputs.count { $0.verdict == .onTime } == 3)
    }

    @Test func `who says that it does nothing is neither waited for nor missed`() throws {
        let bob = SimMember(SigningKey().publicKey, name: "bob")
        var settings = ControllerSettings()
        settings.ticks = 5
        let rules = TickRules(barrier: try Barrier(.all), demoteAfter: 1)
        let host = try SimHost<Orchard>(sim: "orchard", parameters: Orchard.Parameters(), seed: 1, rules: rules)
        let idle = LocalAgent(Seat("idle", mind: .coded)) { _, _ in [] }
        var machine = try ControllerMachine(host, agents: [idle], settings: settings)
        var outputs = try machine.begin(now: 0)
        // A peer from outside says so in its acknowledgement; without it the barrier would wait for ever.
        outputs += machine.receive(.join(SimJoin(name: "far", mind: .human)), from: "x", member: bob, now: 0)
        for now in 1...20 as ClosedRange<Int64> {
            for case .send(.observation(let seen), _) in outputs {
                let ack = SimAck(seat: "far", generation: 1, sequence: seen.sequence, passAfter: seen.tick)
                outputs = machine.receive(.ack(ack), from: "x", member: bob, now: now)
            }
        }
        #expect(machine.isEnded && machine.host.tick == 5)
        #expect(machine.host.collector.seats.current.allSatisfy { $0.isBlocking && $0.missed == 0 })
    }

    @Test func `what a picker cannot see does not reach it`() throws {
        var play = try LocalPlay(try Self.host(), agents: Self.agents, seed: 3)
        for _ in 0..<6 { _ = try play.step() }
        for body in play.host.model.bodies {
            let report = NonInterference.check(
                play.host.model.world, viewer: body.entity,
                visibility: Orchard.visibility(role: body.role, Orchard.Parameters()), seed: 5, changes: 200)
            #expect(report.leaks.isEmpty && report.tried > 0)
        }
    }

    @Test func `the last apples go to as many as there are, drawn by the seed`() throws {
        var parameters = Orchard.Parameters()
        parameters.trees = 1
        parameters.apples = 2
        parameters.growth = 0
        func winners(_ seed: UInt64) throws -> [String] {
            let host = try SimHost<Orchard>(sim: "orchard", parameters: parameters, seed: seed)
            let crowd = (1...9).map { number in
                LocalAgent(Seat("p\(number)", mind: .coded)) { scene, _ in
                    scene.entities.first { $0.id == scene.viewer }?.fields["zone"] == "meadow"
                        ? [.init("walk", ["to": "tree-1"])] : [.init("pick")]
                }
            }
            var play = try LocalPlay(host, agents: crowd, seed: 1)
            _ = try play.record(ticks: 2)
            return try play.step().results.filter { $0.results.contains(where: \.accepted) }.map(\.seat)
        }
        let drawn = try (0..<20).map { try winners($0) }
        #expect(drawn.allSatisfy { $0.count == 2 } && Set(drawn).count > 5)
        #expect(try winners(4) == winners(4))
    }
}
