import MeshCore
import MeshSim
import Testing

/// The checkers themselves: each fault that is planted into a build of a scenario's rules, or into a record, is caught and
/// named with its tick and domain; and what the fault does not touch stays as it was.
@Suite struct PlantedFaultTests {
    static let seed: UInt64 = 21
    static let ticks: Int64 = 12

    private static func verify<Fault: MeadowFault>(_ fault: Fault.Type, from checkpoint: Int64? = nil) throws
        -> Divergence?
    {
        let recording = try Meadow<RightMeadow>.recorded(seed: seed, ticks: ticks).recording
        return try SimRun.verify(recording, as: ScenarioModel<Meadow<Fault>>.self, from: checkpoint)
    }

    private static func sync<Fault: MeadowFault>(_ fault: Fault.Type) throws -> SyncFault? {
        let recording = try Meadow<RightMeadow>.recorded(seed: seed, ticks: ticks).recording
        return try SyncTest.run(recording, as: ScenarioModel<Meadow<Fault>>.self)
    }

    /// The hashes of a domain, tick by tick.
    private static func hashes(_ recording: SimRecording, _ domain: String) throws -> [String] {
        let place = try #require(recording.header.domains.firstIndex(of: domain))
        return recording.ticks.map { $0.domains[place] }
    }

    @Test(arguments: [nil, 4, 8] as [Int64?]) func `the right rules pass`(_ checkpoint: Int64?) throws {
        #expect(try Self.verify(RightMeadow.self, from: checkpoint) == nil)
        #expect(try Self.sync(RightMeadow.self) == nil)
    }

    /// The bees are in the world from tick 1 on, and the first tick whose drawn order is not that of their names shows it.
    @Test(arguments: 0..<5 as Range<UInt64>) func `a skipped shuffle`(_ seed: UInt64) throws {
        let right = try Meadow<RightMeadow>.recorded(seed: seed, ticks: 4).recording
        let wrong = try Meadow<UnshuffledMeadow>.recorded(seed: seed, ticks: 4).recording
        let found = try #require(try SimRun.verify(right, as: ScenarioModel<Meadow<UnshuffledMeadow>>.self))
        #expect(found.domains == ["entities"])
        #expect(found == SimRun.difference(right, wrong))
        // Of 120 orders one is that of the names: it shows at once, or nearly so.
        #expect((2...3).contains(found.tick))
        // The other way round as well: a record made without is not taken for one made with it.
        #expect(try SimRun.verify(wrong, as: ScenarioModel<Meadow<RightMeadow>>.self) == found)
        // Wind and growth have luck of their own.
        #expect(try Self.hashes(right, "places") == Self.hashes(wrong, "places"))
    }

    @Test func `an extra draw, which moves no other stream`() throws {
        let fault = Divergence(tick: 6, domains: ["entities"])
        #expect(try Self.verify(ExtraDrawMeadow.self) == fault)
        #expect(try Self.verify(ExtraDrawMeadow.self, from: 4) == fault)
        // From behind it on the rules do the same again; a repeatable mistake is none to the sync test.
        #expect(try Self.verify(ExtraDrawMeadow.self, from: 8) == nil)
        #expect(try Self.sync(ExtraDrawMeadow.self) == nil)

        let right = try Meadow<RightMeadow>.recorded(seed: Self.seed, ticks: Self.ticks)
        let wrong = try Meadow<ExtraDrawMeadow>.recorded(seed: Self.seed, ticks: Self.ticks)
        for domain in right.recording.header.domains where domain != "entities" {
            #expect(try Self.hashes(right.recording, domain) == Self.hashes(wrong.recording, domain))
        }
        // Within the domain it is one flower alone: neither its neighbours nor what the bees got.
        func values(_ world: World) -> [String] {
            world.entities().map { id in
                "\(id) \(world.value(id, "height").debugDescription) \(world.value(id, "honey").debugDescription)"
            }
        }
        let differing = zip(values(right.world), values(wrong.world)).filter { $0.0 != $0.1 }.map(\.0)
        #expect(differing.count == 1 && differing[0].hasPrefix("flower-1 "))
    }

    /// Walkers keep the count of their draws in the state: there one more draw moves all that come later, at once.
    @Test func `an extra draw from a stream that goes on`() throws {
        let found = try #require(try SimRun.verify(try walkersWithSeats(), as: Walkers<ExtraDraw>.self))
        #expect(found.tick == 6 && found.domains.contains("places") && !found.domains.contains("seats"))
        #expect(try SimRun.verify(try walkersWithSeats(), as: Walkers<ExtraDraw>.self, from: 4) == found)
    }

    @Test func `a clock that is read`() throws {
        let fault = Divergence(tick: 6, domains: ["entities"])
        #expect(try Self.sync(ClockMeadow.self) == SyncFault(stage: .step, divergence: fault))
        #expect(try Self.verify(ClockMeadow.self) == fault)
    }

    @Test func `unordered iteration`() throws {
        let fault = Divergence(tick: 6, domains: ["marks"])
        let recording = try walkersWithSeats()
        #expect(
            try SyncTest.run(recording, as: Walkers<UnorderedIteration>.self)
                == SyncFault(stage: .step, divergence: fault))
        #expect(try SimRun.verify(recording, as: Walkers<UnorderedIteration>.self) == fault)
    }

    /// A late action changes no state here: that it was late is in the chain all the same.
    @Test func `a late verdict that is dropped`() throws {
        let recording = try Meadow<RightMeadow>.recorded(seed: Self.seed, ticks: Self.ticks).recording
        let late = recording.ticks.flatMap { line in
            (line.seal?.inputs ?? []).filter { $0.verdict == .late }.map { (line.tick, $0.seat) }
        }
        #expect(late.count == 1 && late[0] == (5, "bee-1"))
        var changed = recording
        changed.ticks[5].seal?.inputs.removeAll { $0.verdict == .late }
        #expect(
            try SimRun.verify(changed, as: ScenarioModel<Meadow<RightMeadow>>.self) == Divergence(tick: 5, domains: []))
        #expect(
            SimRun.difference(recording, changed) == Divergence(tick: 5, domains: [], isSealDifferent: true))
        // Rules that drop it where it counts are named with the domain.
        #expect(
            try SimRun.verify(try walkersWithSeats(), as: Walkers<DroppedLateVerdict>.self)
                == Divergence(tick: 6, domains: ["seats"]))
    }
}
