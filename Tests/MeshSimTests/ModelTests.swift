import MeshCore
import Testing

@testable import MeshSim
@testable import MeshSimModels

@Suite struct ModelTests {
    private static func heads<Model: SimModel>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64
    ) throws -> [String] {
        try SimRun.record(type, parameters, seed: seed, ticks: ticks).ticks.map(\.chain)
    }

    private static func check<Model: SimModel & SimReseedable>(
        _ type: Model.Type, _ parameters: Model.Parameters, ticks: Int64
    ) throws {
        let recording = try SimRun.record(type, parameters, seed: 3, ticks: ticks, checkpointEvery: ticks / 2)
        #expect(try heads(type, parameters, seed: 3, ticks: ticks) == recording.ticks.map(\.chain))
        let read = try SimRecording.parse(recording.lines())
        #expect(try read.lines() == recording.lines())
        // From the beginning, and from a state that went through a file.
        #expect(try SimRun.verify(read, as: type) == nil)
        #expect(try SimRun.verify(read, as: type, from: ticks / 2) == nil)
        // Every planted difference is found where it is.
        var changed = read
        let domain = Model.domains.count - 1
        changed.ticks[Int(ticks) - 1].domains[domain] = String(repeating: "0", count: 64)
        #expect(
            try SimRun.verify(changed, as: type) == Divergence(tick: ticks - 1, domains: [Model.domains[domain]]))
        changed = read
        changed.ticks[1].chain = String(repeating: "0", count: 64)
        #expect(try SimRun.verify(changed, as: type) == Divergence(tick: 1, domains: []))
        #expect(throws: SimError.self) { try SimRun.verify(read, as: type, from: 1) }
        // A fork begins where it was forked and goes its own way; a rerun of it verifies.
        let fork = try SimRun.fork(read, as: type, at: ticks / 2, seed: 99, ticks: 5)
        #expect(fork.ticks[0].domains == read.ticks[Int(ticks / 2)].domains)
        #expect(fork.header.forkedFrom == read.ticks[Int(ticks / 2)].chain)
    }

    @Test func schellingIsRepeatable() throws {
        try Self.check(Schelling.self, .init(side: 20, agents: 250, radius: 1, threshold: 3), ticks: 10)
    }
    @Test func flockingIsRepeatable() throws {
        try Self.check(Flocking.self, .init(side: 40, birds: 60, radius: 5), ticks: 10)
    }
    @Test func wolfSheepIsRepeatable() throws { try Self.check(WolfSheep.self, .small, ticks: 20) }
    @Test func forestFireIsRepeatable() throws {
        try Self.check(ForestFire.self, .init(side: 30, density: 0.7), ticks: 10)
    }
    @Test func pphpcIsRepeatable() throws { try Self.check(PPHPC.self, .set(1, side: 40), ticks: 20) }

    @Test func anotherSeedIsAnotherRun() throws {
        #expect(
            try Self.heads(WolfSheep.self, .small, seed: 1, ticks: 5)
                != Self.heads(WolfSheep.self, .small, seed: 2, ticks: 5))
    }

    @Test(arguments: [Schelling.Parameters.small, .init(side: 12, agents: 100, radius: 2, threshold: 4)])
    func schellingKeepsItsAgentsAndMakesThemHappy(_ parameters: Schelling.Parameters) {
        var model = Schelling(parameters, seed: 5)
        #expect(model.isConsistent)
        for _ in 0..<20 { model.step() }
        #expect(model.isConsistent)
        #expect((model.metrics.first?.value ?? 0) > Double(parameters.agents) * 0.9)
    }

    @Test(arguments: [Flocking.Parameters.small, .large, .init(side: 20, birds: 50, radius: 9)])
    func birdsSeeExactlyThoseWithinTheRadius(_ parameters: Flocking.Parameters) {
        var model = Flocking(parameters, seed: 5)
        for _ in 0..<5 {
            #expect(model.neighbourCounts == model.neighbourCountsByForce)
            model.step()
        }
    }

    /// The expected number of neighbours at the beginning is density times area: 1.6 and 12.6.
    @Test(arguments: [(Flocking.Parameters.small, 1.6), (.large, 12.6)])
    func birdsBeginWithTheExpectedNeighbours(_ parameters: Flocking.Parameters, _ expected: Double) {
        let counts = (0..<20).flatMap { Flocking(parameters, seed: $0).neighbourCounts }
        let mean = Double(counts.reduce(0, +)) / Double(counts.count)
        #expect(abs(mean - expected) < expected / 10)
    }

    @Test func birdsAlign() {
        var model = Flocking(.large, seed: 1)
        let before = model.metrics[0].value
        for _ in 0..<100 { model.step() }
        #expect(model.metrics[0].value > before)
    }

    /// Beyond the threshold of percolation (0.593) the fire crosses, below it does not.
    @Test(arguments: [(0.4, false), (0.8, true)])
    func aFireCrossesADenseForestAlone(_ density: Double, _ crosses: Bool) {
        var model = ForestFire(.init(side: 100, density: density), seed: 4)
        for _ in 0..<400 { model.step() }
        #expect(model.metrics[0].value == 0)
        #expect((model.metrics[1].value > 100 * 100 * density / 2) == crosses)
    }
}
