import MeshCore
import MeshSim
import MeshSimModels
import Testing

/// One recorded run gives the same chain in every way of making it again; a run that is not the same is caught and named.
@Suite struct RunsReplayTests {
    private static func chain(_ recording: SimRecording) -> [String] { recording.ticks.map(\.chain) }

    /// Makes a run again from its beginning or a checkpoint, and gives its chain.
    private static func replay(_ recording: SimRecording, from checkpoint: Int64?) throws -> [String] {
        var run = try SimRunner<Walkers<NoFault>>(recording, from: checkpoint)
        var chain = checkpoint == nil ? [try run.begin(checkpoint: false).chain] : []
        let begin = run.model.tick
        for next in recording.ticks where next.tick > begin { chain.append(try run.advance(next.seal).chain) }
        return chain
    }

    @Test(arguments: [nil, 0, 4, 8, 12] as [Int64?])
    func theChainIsTheSameFromEveryCheckpoint(_ checkpoint: Int64?) throws {
        let recording = try walkersWithSeats()
        let whole = Self.chain(recording)
        let expected = checkpoint.map { Array(whole.dropFirst(Int($0) + 1)) } ?? whole
        #expect(try Self.replay(recording, from: checkpoint) == expected)
        #expect(try SimRun.verify(recording, as: Walkers<NoFault>.self, from: checkpoint) == nil)
    }

    @Test func theChainIsTheSameThroughAFileAndWithStepsInParts() throws {
        let recording = try walkersWithSeats()
        let read = try SimRecording.parse(recording.lines())
        #expect(try Self.replay(read, from: nil) == Self.chain(recording))
        // Half of it, through a file again, then the rest.
        var half = read
        half.ticks.removeLast(4)
        let middle = try SimRecording.parse(half.lines())
        var run = try SimRunner<Walkers<NoFault>>(middle, from: 8)
        for tick in Int64(9)...12 { _ = try run.advance(walkerSeal(tick)) }
        #expect(run.chain.head.hex == recording.ticks.last?.chain)
    }

    @Test(arguments: [1, 2, 8]) func theChainIsTheSameOnAnyNumberOfThreads(_ threads: Int) async throws {
        let recording = try walkersWithSeats()
        let chains = try await withThrowingTaskGroup(of: [String].self) { group in
            for place in 0..<threads { group.addTask { try Self.replay(recording, from: place % 2 == 0 ? nil : 4) } }
            return try await group.reduce(into: [[String]]()) { $0.append($1) }
        }
        #expect(chains.count == threads)
        for chain in chains { #expect(Self.chain(recording).suffix(chain.count) == chain[...]) }
    }

    @Test func aForkIsItsOwnRunAndRepeatable() throws {
        let recording = try walkersWithSeats()
        let fork = try SimRun.fork(recording, as: Walkers<NoFault>.self, at: 4, seed: 77, ticks: 8, checkpointEvery: 2)
        #expect(try SimRun.verify(fork, as: Walkers<NoFault>.self) == nil)
        #expect(try SimRun.verify(fork, as: Walkers<NoFault>.self, from: 8) == nil)
        #expect(fork.ticks.last?.chain != recording.ticks.last?.chain)
        // The same seed is the same future: what differs is the chain's beginning alone.
        let same = try SimRun.fork(recording, as: Walkers<NoFault>.self, at: 4, seed: 5, ticks: 8)
        #expect(SimRun.difference(recording, same) == nil)
        #expect(throws: SimError.self) {
            try SimRun.fork(recording, as: Walkers<NoFault>.self, at: 4, seed: 5, ticks: .max)
        }
    }

    private static func caught<Fault: PlantedFault>(_ fault: Fault.Type) throws -> Divergence? {
        try SimRun.verify(try walkersWithSeats(), as: Walkers<Fault>.self)
    }

    @Test func verificationNamesWhatWasPlanted() throws {
        #expect(try Self.caught(NoFault.self) == nil)
        #expect(try Self.caught(SkippedShuffle.self) == Divergence(tick: 6, domains: ["coins"]))
        #expect(try Self.caught(ClockRead.self) == Divergence(tick: 6, domains: ["coins"]))
        #expect(try Self.caught(UnorderedIteration.self) == Divergence(tick: 6, domains: ["marks"]))
        #expect(try Self.caught(DroppedLateVerdict.self) == Divergence(tick: 6, domains: ["seats"]))
        let extra = try #require(try Self.caught(ExtraDraw.self))
        #expect(extra.tick == 6)
        #expect(extra.domains.contains("places"))
    }

    @Test func luckThatIsNotSavedIsCaughtFromACheckpoint() throws {
        let found = try #require(
            try SimRun.verify(try walkersWithSeats(), as: Walkers<LuckNotSaved>.self, from: 4))
        #expect(found.tick == 5)
        #expect(found.domains.contains("places"))
    }

    @Test func aLateVerdictThatIsMissingInTheRecordIsCaught() throws {
        let recording = try walkersWithSeats()
        var changed = recording
        let seal = try #require(changed.ticks[7].seal)
        changed.ticks[7].seal = Seal(tick: 7, inputs: seal.inputs.filter { $0.verdict != .late })
        #expect(try SimRun.verify(changed, as: Walkers<NoFault>.self) == Divergence(tick: 7, domains: ["seats"]))
        // A verdict that no state depends on is in the chain all the same.
        changed = recording
        changed.ticks[7].seal?.inputs[0].verdict = .carried
        #expect(try SimRun.verify(changed, as: Walkers<NoFault>.self) == Divergence(tick: 7, domains: []))
        #expect(
            SimRun.difference(recording, changed) == Divergence(tick: 7, domains: [], isSealDifferent: true))
    }

    @Test func parametersThatCannotBeAreRefused() throws {
        for side in [-1, 0, 10_001] {
            #expect(throws: SimError.self) {
                try SimRun.record(ForestFire.self, .init(side: side, density: 0.5), seed: 1, ticks: 1)
            }
        }
        #expect(throws: SimError.self) {
            try SimRun.record(Flocking.self, .init(side: .nan, birds: 1, radius: 1), seed: 1, ticks: 1)
        }
        #expect(throws: SimError.self) {
            try SimRun.record(
                WolfSheep.self,
                .init(side: 1, sheep: 1, wolves: 1, regrowth: 1, sheepReproduction: 0, wolfReproduction: 0), seed: 1,
                ticks: 1)
        }
        #expect(throws: SimError.self) {
            try SimRun.record(Schelling.self, .init(side: 2, agents: 5, radius: 1, threshold: 3), seed: 1, ticks: 1)
        }
        #expect(throws: SimError.self) { try SimRun.record(PPHPC.self, .set(1, side: 0), seed: 1, ticks: 1) }
    }

    @Test func aMetricThatIsNoNumberIsNull() throws {
        struct Mean: SimModel {
            struct Parameters: Codable, Sendable {}
            static let name = "mean"
            static let rulesVersion = 1
            static let domains = ["all"]
            var tick: Int64 = 0
            init(_ parameters: Parameters, seed: UInt64) {}
            mutating func step() { tick += 1 }
            func hash(domain: Int, into hasher: inout StateHasher) { hasher.add(tick) }
            var metrics: [(name: String, value: Double)] { [("mean", tick < 2 ? 4 : .nan)] }
        }
        let recording = try SimRun.record(Mean.self, .init(), seed: 1, ticks: 3)
        let read = try SimRecording.parse(recording.lines())
        #expect(read.ticks[3].metrics["mean"] == .null)
        let report = SimReport(read)
        #expect(report.metrics.map(\.count) == [2])
        #expect(report.metrics.map(\.mean) == [4])
    }
}
