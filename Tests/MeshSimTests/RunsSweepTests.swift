import MeshCore
import Synchronization
import Testing

@testable import MeshSim

@Suite struct RunsSweepTests {
    private static func plan(replicates: Int = 3, ticks: Int64 = 6) throws -> SweepPlan {
        SweepPlan(
            parameters: try JSONCoder.encode(Walkers<NoFault>.Parameters()),
            axes: [.init("walkers", [4, 8]), .init("cells", [10, 20, 30])], replicates: replicates, masterSeed: 9,
            ticks: ticks)
    }

    @Test func theRunsAreInAFixedOrderWithSeedsOfTheirOwn() throws {
        let plan = try Self.plan()
        let runs = try plan.runs()
        #expect(runs.count == 18)
        #expect(runs.map(\.number) == Array(0..<18))
        #expect(runs.map(\.replicate) == (0..<18).map { $0 % 3 })
        // By force: the last axis changes first.
        var values: [[JSON]] = []
        for walkers in [4, 8] as [JSON] {
            for cells in [10, 20, 30] as [JSON] { values += [[walkers, cells], [walkers, cells], [walkers, cells]] }
        }
        #expect(runs.map(\.values) == values)
        #expect(Set(runs.map(\.seed)).count == 18)
        #expect(runs.allSatisfy { $0.seed <= UInt64(Int64.max) })
        // A seed depends on the run's place alone, not on how many runs there are.
        #expect(try Self.plan(replicates: 5).runs().filter { $0.replicate < 3 }.map(\.seed) == runs.map(\.seed))
        var common = plan
        common.sharesSeeds = true
        #expect(Set(try common.runs().map(\.seed)).count == 3)
        var other = plan
        other.masterSeed = 10
        #expect(Set(try other.runs().map(\.seed)).isDisjoint(with: runs.map(\.seed)))
    }

    /// Fixed for ever: whoever repeats a sweep relies on them. Computed apart from this code, in Python.
    @Test func theFirstSeedsAreTheSameForEver() throws {
        #expect(try Self.plan().runs().prefix(2).map(\.seed) == [2_717_349_534_647_034_896, 34_924_496_345_716_730])
    }

    @Test(arguments: [1, 2, 7]) func theResultIsTheSameOnAnyNumberOfThreads(_ parallelism: Int) async throws {
        let plan = try Self.plan()
        let result = try await Sweep.run(plan, of: Walkers<NoFault>.self, parallelism: parallelism)
        #expect(result.isComplete)
        for row in result.rows {
            // Each is the run that its parameters and seed give.
            let parameters = try JSONCoder.decode(
                Walkers<NoFault>.Parameters.self, from: try plan.parameters(of: row.run))
            let alone = try SimRun.record(Walkers<NoFault>.self, parameters, seed: row.run.seed, ticks: 6)
            #expect(row.chain == alone.ticks.last?.chain)
            #expect(row.samples == [.init(tick: 6, metrics: alone.ticks[6].metrics)])
        }
    }

    @Test func aRunThatFailsStopsNoOther() async throws {
        var plan = try Self.plan(replicates: 1)
        plan.axes = [.init("walkers", [3, 0, "many", 5])]
        let result = try await Sweep.run(plan, of: Walkers<NoFault>.self, parallelism: 2)
        #expect(result.isComplete)
        #expect(result.rows.map { $0.error == nil } == [true, false, false, true])
        #expect(result.rows[1].error == "walkers: 1 to 1000")
        #expect(result.rows[2].error?.contains("walkers") == true)
        let report = SweepReport(result)
        #expect(report.points.map(\.failed) == [0, 1, 1, 0])
        #expect(report.text.contains("2 runs, 2 failed"))
    }

    @Test func cancellationKeepsWhatIsFinished() async throws {
        let done = Mutex(0)
        let result = try await Sweep.run(
            Self.plan(), of: Walkers<NoFault>.self,
            progress: { finished, all in
                #expect(all == 18)
                done.withLock { $0 = finished }
            }, isCancelled: { done.withLock { $0 >= 5 } })
        #expect(result.rows.map(\.run.number) == Array(0..<5))
        #expect(!result.isComplete)
        #expect(SweepReport(result).text.contains("not every run of the plan was made"))
    }

    @Test(arguments: [
        ("wlakers", "no parameter is called wlakers; there are walkers, cells, isFair; did you mean walkers?"),
        ("walkers.x", "no parameter is called walkers.x; there are walkers, cells, isFair"),
    ])
    func anUnknownAxisIsAnErrorThatListsTheKnown(_ name: String, _ message: String) async throws {
        var plan = try Self.plan()
        plan.axes[0].name = name
        let error = await #expect(throws: SimError.self) { try await Sweep.run(plan, of: Walkers<NoFault>.self) }
        #expect(error?.description.hasPrefix(message.split(separator: ";")[0]) == true)
        #expect(error?.description.contains("walkers, cells, isFair") == true)
    }

    @Test func plansThatCannotBeMadeAreRefused() throws {
        let plan = try Self.plan()
        let wrongs: [(inout SweepPlan) -> Void] = [
            { $0.replicates = 0 }, { $0.replicates = .max }, { $0.ticks = -1 }, { $0.axes[0].values = [] },
            { $0.axes[1].name = "walkers" }, { $0.sampleTicks = [7] }, { $0.masterSeed = .max },
            { $0.axes = [SweepPlan.Axis](repeating: .init("walkers", [1]), count: 17) },
            { $0.replicates = 16_667 },
        ]
        for wrong in wrongs {
            var changed = plan
            wrong(&changed)
            #expect(throws: SimError.self) { try changed.runs() }
        }
        var largest = plan
        largest.replicates = 16_666
        #expect(try largest.count() == 99_996)
    }

    @Test func aPlanIsReadFromLittle() throws {
        let json = try JSON.parse(Array(#"{"parameters":{"walkers":2},"ticks":5}"#.utf8))
        let plan = try JSONCoder.decode(SweepPlan.self, from: json)
        #expect(plan == SweepPlan(parameters: ["walkers": 2], ticks: 5))
        #expect(try JSONCoder.decode(SweepPlan.self, from: try JSONCoder.encode(plan)) == plan)
        #expect(try plan.count() == 1)
    }

    @Test func tablesHaveEverythingThatARunWasMadeFrom() async throws {
        var plan = try Self.plan(replicates: 2)
        plan.axes = [.init("walkers", [4, 0])]
        plan.sampleTicks = [3]
        let result = try await Sweep.run(plan, of: Walkers<NoFault>.self)
        let lines = try result.csv().split(separator: "\n")
        #expect(
            lines[0] == "run,point,replicate,seed,walkers,cells,isFair,tick,taken,marked,late,chain,error")
        #expect(lines.count == 1 + 2 * 2 + 2)
        let first = result.rows[0]
        #expect(lines[1].hasPrefix("0,0,0,\(first.run.seed),4,40,false,3,"))
        #expect(lines[2].contains(",6,"))
        #expect(lines[5].hasPrefix("2,1,0,\(result.rows[2].run.seed),0,40,false,,,,,,walkers: 1 to 1000"))
        let read = try SweepResult.parse(result.lines())
        #expect(try read.lines() == result.lines())
        #expect(try read.csv() == result.csv())
    }

    @Test(arguments: [
        ("plain", "plain"), ("a \"b\"", "\"a \"\"b\"\"\""), ("a,b", "\"a,b\""), ("a\nb", "\"a\nb\""),
        ("a\rb", "\"a\rb\""),
    ])
    func cellsOfACSVAreQuotedWhereTheyMustBe(_ value: String, _ cell: String) throws {
        let run = SweepPlan.Run(number: 0, point: 0, replicate: 0, seed: 1, values: [.string(value)])
        let plan = SweepPlan(parameters: ["text": ""], axes: [.init("text", run.values)], ticks: 1)
        let result = SweepResult(
            header: .init(model: "m", rulesVersion: 1, plan: plan), rows: [SweepRow(run: run, samples: [], error: "x")])
        #expect(try result.csv().hasSuffix("\n0,0,0,1,\(cell),,,x\n"))
    }

    /// The first run ends after the second one, which lets it go on.
    @Test func theOrderOfTheResultIsThePlans() async throws {
        var plan = try Self.plan(replicates: 1)
        plan.axes = [.init("walkers", [1, 2, 3])]
        let (gate, opener) = AsyncStream<Void>.makeStream()
        let ended = Mutex([Int]())
        let result = try await Sweep.run(plan, model: "gated", rulesVersion: 1, parallelism: 2) { run, parameters in
            if run.number == 0 { for await _ in gate { break } }
            ended.withLock { $0.append(run.number) }
            if run.number == 1 { opener.yield() }
            return .init(samples: [], chain: parameters["walkers"]?.text ?? "")
        }
        #expect(ended.withLock { $0.first } == 1)
        #expect(result.rows.map(\.run.number) == [0, 1, 2])
        #expect(result.rows.map(\.chain) == ["1", "2", "3"])
    }

    @Test func nestedParametersAreNamedByDots() throws {
        var parameters = ParameterSet(["a": ["b": ["c": 1], "d": [1, 2]], "e": nil])
        #expect(parameters.values.map(\.name) == ["a.b.c", "a.d", "e"])
        try parameters.set("a.b.c", to: 7)
        try parameters.set("a.d", to: [3])
        #expect(parameters.json == ["a": ["b": ["c": 7], "d": [3]], "e": nil])
        for name in ["", "a.b.x", "a.", ".", "a.b.c.d"] {
            #expect(throws: SimError.self) { try parameters.set(name, to: 1) }
        }
        #expect(try ParameterSet.value(of: "1.5") == 1.5)
        #expect(try ParameterSet.value(of: "[1]") == [1])
        #expect(try ParameterSet.value(of: "warm") == "warm")
        // Numbers that nothing can hold are refused, not taken for words.
        #expect(throws: SimError.self) { try ParameterSet.value(of: "1e400") }
        #expect(throws: SimError.self) { try ParameterSet.value(of: "18446744073709551615") }
    }
}
