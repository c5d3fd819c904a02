import MeshCore
import MeshSim
import MeshSimModels
import Testing

@Suite struct RunsSyncTests {
    private static func sync<Fault: PlantedFault>(_ fault: Fault.Type, seed: UInt64 = 5) throws -> SyncFault? {
        try SyncTest.run(Walkers<Fault>.self, .init(), seed: seed, ticks: 12)
    }

    @Test(arguments: 0..<5) func aRepeatableModelPasses(_ seed: UInt64) throws {
        #expect(try Self.sync(NoFault.self, seed: seed) == nil)
        #expect(try SyncTest.run(walkersWithSeats(seed: seed), as: Walkers<NoFault>.self) == nil)
    }

    @Test func theModelsPass() throws {
        #expect(
            try SyncTest.run(Schelling.self, .init(side: 12, agents: 90, radius: 1, threshold: 3), seed: 1, ticks: 5)
                == nil)
        #expect(try SyncTest.run(Flocking.self, .init(side: 30, birds: 30, radius: 5), seed: 1, ticks: 5) == nil)
        #expect(try SyncTest.run(WolfSheep.self, .small, seed: 1, ticks: 5) == nil)
        #expect(try SyncTest.run(ForestFire.self, .init(side: 20, density: 0.7), seed: 1, ticks: 5) == nil)
        #expect(try SyncTest.run(PPHPC.self, .set(1, side: 30), seed: 1, ticks: 5) == nil)
    }

    @Test func aClockIsCaught() throws {
        let fault = try Self.sync(ClockRead.self)
        #expect(fault == SyncFault(stage: .step, divergence: Divergence(tick: 6, domains: ["coins"])))
    }

    @Test func unorderedIterationIsCaught() throws {
        let fault = try Self.sync(UnorderedIteration.self)
        #expect(fault == SyncFault(stage: .step, divergence: Divergence(tick: 6, domains: ["marks"])))
    }

    @Test func luckThatIsNotSavedIsCaught() throws {
        // At tick 0 nothing was drawn yet; from then on what is read back draws the old numbers again.
        let fault = try #require(try Self.sync(LuckNotSaved.self))
        #expect(fault.stage == .step)
        #expect(fault.divergence.tick == 2)
        #expect(fault.divergence.domains.contains("places"))
    }

    @Test func hashedStateThatIsNotSavedIsCaughtWhenReadBack() throws {
        struct Forgetful: SimModel {
            struct Parameters: Codable, Sendable {}
            static let name = "forgetful"
            static let rulesVersion = 1
            static let domains = ["kept", "lost"]
            var tick: Int64 = 0
            var lost: Int64 = 0
            private enum CodingKeys: String, CodingKey { case tick }
            init(_ parameters: Parameters, seed: UInt64) {}
            mutating func step() {
                tick += 1
                if tick == 3 { lost = 1 }
            }
            func hash(domain: Int, into hasher: inout StateHasher) { hasher.add(domain == 0 ? tick : lost) }
            var metrics: [(name: String, value: Double)] { [] }
        }
        let fault = try SyncTest.run(Forgetful.self, .init(), seed: 1, ticks: 10)
        #expect(fault == SyncFault(stage: .restore, divergence: Divergence(tick: 3, domains: ["lost"])))
    }

    @Test func aFaultSaysWhereItIs() {
        let fault = SyncFault(stage: .step, divergence: Divergence(tick: 6, domains: ["coins"]))
        #expect("\(fault)" == "stepped again from what was saved, tick 6: coins differs")
    }

    @Test func theOrderOfTiesIsReported() throws {
        let fair = try TieShuffle.run(
            Walkers<NoFault>.self, .init(isFair: true), seed: 3, ticks: 10, permutations: 5)
        #expect(fair.label == .insensitive)
        #expect(fair.first == nil)
        var done: [Int] = []
        let greedy = try TieShuffle.run(Walkers<NoFault>.self, .init(), seed: 3, ticks: 10, permutations: 5) {
            done.append($0)
        }
        #expect(done == [1, 2, 3, 4, 5])
        #expect(greedy.label == .sensitive)
        #expect(greedy.first?.domains == ["coins"])
        #expect("\(greedy)".contains("order-sensitive"))
        #expect(
            try TieShuffle.run(Walkers<NoFault>.self, .init(), seed: 3, ticks: 10, permutations: 5) == greedy)
        #expect(throws: SimError.self) {
            try TieShuffle.run(Walkers<NoFault>.self, .init(), seed: 3, ticks: 10, permutations: 0)
        }
    }
}
