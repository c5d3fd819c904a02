import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct ClockRulesTests {
    /// The formula, written anew: whoever reads only this can say which tick it is.
    private struct Model {
        var start: Int64
        var anchor: Int64
        var since: Int64
        var speed: Int64
        var isPaused = false
        func simulated(_ now: Int64) -> Int64 { isPaused ? anchor : anchor + (now - since) * speed / 1_000 }
        func tick(_ now: Int64) -> Int64 { (simulated(now) - start) / 60_000 }
        mutating func rebase(_ now: Int64) { (anchor, since) = (simulated(now), now) }
    }

    /// The ticks and the statuses that a connection was told.
    private static func ticks(_ effects: [Effect], _ connection: ConnectionID) -> [Int64] {
        effects.compactMap { effect in
            guard case .push(connection, let push) = effect, let event = push.base as? SystemEvent,
                event.event == "tick"
            else { return nil }
            return event.data["tick"]?.integerValue
        }
    }

    @Test(arguments: Array(1...25) as [UInt64])
    func theTickCountIsTheFormulaWhateverIsDoneAndTwoObserversSeeTheSame(_ seed: UInt64) throws {
        let bench = try MeshBench()
        var numbers = SeededNumbers(seed)
        let ann = try bench.peer("ann", 10)
        let watchers = [ConnectionID(rawValue: 900), ConnectionID(rawValue: 901)]
        for watcher in watchers { _ = try bench.query(WatchClock(), as: ann.actor, on: watcher) }
        _ = bench.takeEffects()
        try bench.ask(SetClock(speed: 7.5), as: ann.actor)
        var model = Model(start: bench.now, anchor: bench.now, since: bench.now, speed: 7_500)
        var seen: [ConnectionID: [Int64]] = [:]
        for _ in 0..<150 {
            bench.now += Int64.random(in: 0...40_000, using: &numbers)
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0:
                let speed = Int64.random(in: 1_000...100_000, using: &numbers)
                try bench.ask(SetClock(speed: Double(speed) / 1_000), as: ann.actor)
                model.rebase(bench.now)
                model.speed = speed
            case 1:
                try bench.ask(PauseClock(), as: ann.actor)
                model.rebase(bench.now)
                model.isPaused = true
            case 2:
                try bench.ask(ResumeClock(), as: ann.actor)
                model.rebase(bench.now)
                model.isPaused = false
            case 3 where model.isPaused:
                try bench.ask(StepClock(), as: ann.actor)
                model.anchor += 60_000
            case 3:
                #expect(throws: MeshError.self) { try bench.ask(StepClock(), as: ann.actor) }
            case 4:
                // A restart: another engine over the same tables says the same.
                try bench.apply([])
                let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
                #expect(
                    again.state.memory(Clock.Memory.self).clock == bench.engine.state.memory(Clock.Memory.self).clock)
                #expect(again.state.memory(Clock.Memory.self).clock?.tick(at: bench.now) == model.tick(bench.now))
            default: try bench.apply([])
            }
            #expect(try bench.query(GetClock(), as: ann.actor).tick == model.tick(bench.now))
            let effects = bench.takeEffects()
            for watcher in watchers { seen[watcher, default: []] += Self.ticks(effects, watcher) }
        }
        try bench.apply([])
        let effects = bench.takeEffects()
        for watcher in watchers { seen[watcher, default: []] += Self.ticks(effects, watcher) }
        #expect(seen[watchers[0]] == seen[watchers[1]])
        let ticks = seen[watchers[0]] ?? []
        #expect(ticks == ticks.sorted() && Set(ticks).count == ticks.count, "no tick twice, none out of order")
        #expect(ticks.last == model.tick(bench.now))
    }

    @Test func ticksComeByThemselvesAndEveryOneIsTold() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(SetClock(speed: 60, tickMillis: 60_000), as: ann.actor)
        let watcher = ConnectionID(rawValue: 900)
        #expect(try bench.query(WatchClock(), as: ann.actor, on: watcher).tick == 0)
        _ = bench.takeEffects()
        #expect(bench.engine.nextDue == bench.now + 1_000)
        for _ in 0..<5 { try bench.pass(1_000) }
        #expect(Self.ticks(bench.takeEffects(), watcher) == [1, 2, 3, 4, 5])
        // A broker that was late tells all of them.
        try bench.pass(3_500)
        #expect(Self.ticks(bench.takeEffects(), watcher) == [6, 7, 8])
        #expect(bench.engine.nextDue == bench.now + 500)
    }

    @Test func anEmptyMeshStopsTheClockAndSaysSo() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(SetClock(speed: 1), as: ann.actor)
        try bench.disconnect(ann)
        try bench.pass(59_000)
        #expect(try !bench.query(GetClock(), as: bench.ownerActor).paused)
        // It is forgiven for 90 s, and gone at the second tick.
        try bench.pass(2_000)
        #expect(try !bench.query(GetClock(), as: bench.ownerActor).paused)
        try bench.pass(60_000)
        let status = try bench.query(GetClock(), as: bench.ownerActor)
        #expect(status.paused && status.pausedBy == "empty" && status.tick == 2)
        try bench.pass(3_600_000)
        let back = try bench.connect(10, session: 110)
        #expect(try bench.query(GetClock(), as: back.actor).tick == 2)
        try bench.ask(ResumeClock(), as: back.actor)
        try bench.pass(60_000)
        #expect(try bench.query(GetClock(), as: back.actor).tick == 3)
    }

    @Test(arguments: [0, 0.5, 100.5, -1, .infinity, .nan] as [Double])
    func aBadSpeedIsRefused(_ speed: Double) throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let error = #expect(throws: MeshError.self) { try bench.ask(SetClock(speed: speed), as: ann.actor) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func withoutAClockNothingIsPausedOrStepped() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let status = try bench.query(GetClock(), as: ann.actor)
        #expect(status.speed == 0 && status.paused && status.tick == 0 && status.simTime == status.startedAt)
        let error = #expect(throws: MeshError.self) { try bench.ask(PauseClock(), as: ann.actor) }
        #expect(error?.code == .noClock)
        try bench.ask(SetClock(speed: 2, tickMillis: 1_000), as: ann.actor)
        let other = #expect(throws: MeshError.self) {
            try bench.ask(SetClock(speed: 2, tickMillis: 5_000), as: ann.actor)
        }
        #expect(other?.code == .conflict)
    }
}
