import MeshCore
import Testing

@testable import MeshSim

@Suite struct TickCollectorTests {
    /// A collector with seats that have joined: tick 2 is next.
    private static func seated(
        _ names: [String], _ rules: TickRules = TickRules(), policy: LatePolicy = .reject
    ) throws -> TickCollector {
        var collector = try TickTest.collector(rules)
        for name in names { try collector.take(Seat(name, mind: .coded, latePolicy: policy)) }
        _ = try collector.run()
        return collector
    }

    @Test func sentAgainIsAnsweredAgain() throws {
        var collector = try Self.seated(["a"])
        let action = TickTest.move(1, on: 1)
        try collector.open(2, now: 10)
        let first = collector.submit(action, now: 15)
        var second = collector.submit(action, now: 20)
        #expect(second.isDuplicate)
        second.isDuplicate = false
        #expect(first == second)
        #expect(TickTest.verdicts(try collector.seal(now: 30)) == ["a 1 onTime"])
        #expect(collector.receipts.map(\.waitedMillis) == [15])
        // After the seal the verdict is the answer, and nothing is done twice.
        let third = collector.submit(action, now: 40)
        #expect(third.isDuplicate)
        #expect(third.verdict == .onTime)
        #expect(third.tick == 2)
        #expect(third.waitedMillis == 15)
        #expect(TickTest.verdicts(try collector.run()) == ["a 0 missing"])
    }

    @Test func sameSequenceOtherContentIsAConflict() throws {
        var collector = try Self.seated(["a"])
        _ = collector.submit(TickTest.move(1, on: 1, x: 1), now: 0)
        #expect(collector.submit(TickTest.move(1, on: 1, x: 2), now: 0).refusal == .conflict)
        let seal = try collector.run()
        #expect(seal.inputs.map(\.arguments) == [["x": 1]])
        #expect(collector.submit(TickTest.move(1, on: 1, x: 2), now: 0).refusal == .conflict)
    }

    @Test(arguments: [
        (TickTest.move("b", 1, on: 1), Receipt.Refusal.unknownSeat),
        (TickTest.move("\u{212A}", 1, on: 1), .unknownSeat),
        (TickTest.move(generation: 0, 1, on: 1), .wrongGeneration),
        (TickTest.move(generation: 2, 1, on: 1), .wrongGeneration),
        (TickTest.move(0, on: 1), .badSequence), (TickTest.move(.min, on: 1), .badSequence),
        (TickTest.move(1, on: 1, tick: 67), .tooEarly), (TickTest.move(1, on: 1, tick: .max), .tooEarly),
    ]) func refuses(_ submission: Submission, _ refusal: Receipt.Refusal) throws {
        var collector = try Self.seated(["a", "K"])
        let receipt = collector.submit(submission, now: 0)
        #expect(receipt.refusal == refusal)
        #expect(receipt.status == .refused)
        #expect(TickTest.verdicts(try collector.run()) == ["K 0 missing", "a 0 missing"])
    }

    /// Numbers from outside never trap, and what is malformed does nothing.
    @Test(arguments: [Int64.min, -1, 2, .max]) func extremes(_ number: Int64) throws {
        var collector = try Self.seated(["a"])
        let odd = [
            TickTest.move(1, on: number), TickTest.move(2, on: 1, tick: min(number, 1)),
            TickTest.move(3, on: number, tick: number, cost: number),
            TickTest.move(4, on: 1, x: number == 2 ? 100 : number),
            Submission(seat: "a", sequence: 5, basedOn: 1, action: "move", arguments: ["x": .double(.nan)]),
            Submission(seat: "a", sequence: 6, basedOn: 1, action: "move", arguments: 3),
            Submission(seat: "a", sequence: 7, basedOn: 1, action: String(repeating: "é", count: 100)),
            Submission(
                seat: "a", sequence: 8, basedOn: 1, action: "say",
                arguments: ["text": .string(String(repeating: "x", count: 100_000))]),
        ]
        for submission in odd { #expect(collector.submit(submission, now: number).status == .pending) }
        #expect(collector.submit(TickTest.move(9, on: 1), now: 0).refusal == .full)
        let seal = try collector.run()
        #expect(seal.inputs.map(\.verdict) == Array(repeating: .invalid, count: 8))
        #expect(seal.inputs.allSatisfy { $0.reason?.isEmpty == false })
        // It goes through a file as it is.
        let text = try JSONCoder.encode(seal).bytes()
        #expect(try JSONCoder.decode(Seal.self, from: JSON.parse(text)) == seal)
    }

    @Test func severalActionsOfATick() throws {
        var collector = try Self.seated(["a"])
        func say(_ sequence: Int64) -> Submission {
            Submission(seat: "a", sequence: sequence, basedOn: 1, action: "say", arguments: ["text": "hi"])
        }
        let rest = Submission(seat: "a", sequence: 2, basedOn: 1, action: "rest")
        for submission in [say(5), say(4), say(3), TickTest.move(6, on: 1), rest] {
            _ = collector.submit(submission, now: 0)
        }
        // By phase and priority; `rest` has the place of `move`.
        #expect(
            TickTest.verdicts(try collector.run())
                == ["a 2 onTime", "a 6 invalid", "a 3 onTime", "a 4 onTime", "a 5 invalid"])
    }

    @Test func commandsComeFirstAndNeedNoSeat() throws {
        var collector = try Self.seated(["a"])
        _ = collector.submit(Submission(seat: "a", sequence: 1, basedOn: 1, action: "rest"), now: 0)
        let command = Command(issuer: "zoe", sequence: 1, action: "move", arguments: ["x": 3])
        #expect(collector.command(command, now: 0).status == .pending)
        #expect(collector.command(command, now: 0).isDuplicate)
        #expect(collector.command(Command(issuer: "zoe", sequence: 1, action: "rest"), now: 0).refusal == .conflict)
        _ = collector.command(Command(issuer: "zoe", sequence: 2, action: "fly"), now: 0)
        #expect(
            collector.command(Command(issuer: "no name", sequence: 1, action: "rest"), now: 0).refusal == .unknownSeat)
        let seal = try collector.run()
        #expect(TickTest.verdicts(seal) == ["zoe 1 onTime", "zoe 2 invalid", "a 1 onTime"])
        #expect(seal.inputs.map(\.phase) == [0, 0, 1])
        for number in 0..<300 {
            let receipt = collector.command(Command(issuer: "c\(number)", sequence: 1, action: "rest"), now: 0)
            #expect(receipt.refusal == (number < TickCollector.maximumCommanders ? nil : .full))
        }
    }

    @Test func failureIsNoActionUnlessOneHasCome() throws {
        var collector = try Self.seated(["a", "b", "c"])
        let seal = try collector.run { collector in
            collector.fail("a", reason: "zero divided")
            _ = collector.submit(TickTest.move("b", 1, on: 1), now: 0)
            collector.fail("b", reason: "connection lost")
            #expect(!collector.isReady(now: 9000))
            _ = collector.submit(TickTest.move("c", 1, on: 1), now: 0)
            #expect(collector.isReady(now: 9000))
            let others = [
                collector.fail("d", reason: "who?"), collector.fail("a", generation: 7, reason: "another's"),
            ]
            #expect(others == [false, false])
        }
        #expect(TickTest.verdicts(seal) == ["a 0 failed", "b 1 onTime", "c 1 onTime"])
        #expect(seal.inputs[0].reason == "zero divided")
        // It was of that tick alone.
        #expect(TickTest.verdicts(try collector.run()) == ["a 0 missing", "b 0 missing", "c 0 missing"])
    }

    @Test func silentSeatsAreDemotedAndReadmitted() throws {
        var collector = try Self.seated(["a", "b"], TickRules(demoteAfter: 2))
        for tick in Int64(2)...3 {
            let seal = try collector.run { _ = $0.submit(TickTest.move("b", tick, on: tick - 1), now: 0) }
            #expect(TickTest.verdicts(seal) == ["a 0 missing", "b \(tick) onTime"])
            #expect(seal.changes == [])
        }
        let seal = try collector.run { collector in
            _ = collector.submit(TickTest.move("b", 4, on: 3), now: 0)
            #expect(collector.isReady(now: 9000))
        }
        #expect(seal.changes.map(\.kind) == [.demoted])
        #expect(TickTest.verdicts(seal) == ["b 4 onTime"])
        // It may act, but that alone does not readmit it.
        #expect(
            TickTest.verdicts(try collector.run { _ = $0.submit(TickTest.move(1, on: 4), now: 0) }) == [
                "a 1 onTime", "b 0 missing",
            ])
        #expect(collector.seats["a"]?.isBlocking == false)
        try collector.readmit("a")
        #expect(try collector.run().changes.map(\.kind) == [.readmitted])
        #expect(collector.seats["a"]?.isBlocking == true)
        #expect(collector.seats["a"]?.missed == 1)
    }

    /// Who is known to think, by its cost or within its idle ticks, is not silent.
    @Test(arguments: [LatePolicy.carry, .idle(ticks: 4)]) func thinkingIsNotMissing(_ policy: LatePolicy) throws {
        var collector = try Self.seated(
            ["a"], TickRules(barrier: Barrier(.all, costBudget: 4), demoteAfter: 2), policy: policy)
        _ = collector.submit(TickTest.move(1, on: 1, cost: 20), now: 0)
        for _ in 2...5 {
            let seal = try collector.run { collector in
                // It has said when it comes, so nobody waits for it.
                #expect(collector.isReady(now: 9000))
            }
            #expect(TickTest.verdicts(seal) == ["a 0 missing"])
            #expect(collector.seats["a"]?.missed == 0)
        }
        let seal = try collector.run()
        #expect(seal.inputs.map(\.verdict) == [policy == .carry ? .carried : .idled])
        #expect(seal.changes == [])
    }

    @Test func anotherMindTakesOverAtATick() throws {
        var collector = try Self.seated(["a"], policy: .holdLast(ticks: 5))
        _ = try collector.run { _ = $0.submit(TickTest.move(1, on: 1), now: 0) }
        let seal = try collector.run { collector in
            let generation = try collector.handOver("a", to: .human)
            #expect(generation == 2)
            // Still the first holder's.
            #expect(collector.submit(TickTest.move(generation: 2, 1, on: 2), now: 0).refusal == .notYet)
            _ = collector.submit(TickTest.move(2, on: 2, tick: 4), now: 0)
        }
        #expect(TickTest.verdicts(seal) == ["a 1 held"])
        let next = try collector.run { collector in
            #expect(collector.submit(TickTest.move(3, on: 3), now: 0).refusal == .wrongGeneration)
        }
        #expect(next.changes == [SeatChange(seat: "a", kind: .handedOver, generation: 2, mind: "human")])
        // What the first holder had sent ahead is refused, nothing of it is held, and the second is missed.
        #expect(TickTest.verdicts(next) == ["a 2 invalid", "a 0 missing"])
        #expect(next.inputs.map(\.generation) == [1, 2])
    }

    @Test func whoIsWaitedFor() throws {
        func ready(_ kind: Barrier.Kind, _ count: Int, deadline: Int64? = nil, now: Int64 = 1) throws -> Bool {
            var collector = try Self.seated(
                ["a", "b", "c"], TickRules(barrier: Barrier(kind, deadlineMillis: deadline)))
            try collector.open(2, now: 0)
            for name in ["a", "b", "c"].prefix(count) { _ = collector.submit(TickTest.move(name, 1, on: 1), now: 0) }
            return collector.isReady(now: now)
        }
        #expect(try [0, 2, 3].map { try ready(.all, $0) } == [false, false, true])
        #expect(try [1, 2, 3].map { try ready(.quorum(2), $0) } == [false, true, true])
        #expect(try [1, 3].map { try ready(.quorum(9), $0) } == [false, true])
        #expect(try [1, 2].map { try ready(.required(["b", "x"]), $0) } == [false, true])
        #expect(try ready(.none, 0))
        #expect(try [9, 10].map { try ready(.none, 3, deadline: 10, now: $0) } == [false, true])
        #expect(try [9, 10].map { try ready(.all, 0, deadline: 10, now: $0) } == [false, true])
    }

    @Test func aTickStallsForWhoAsksForIt() throws {
        var collector = try Self.seated(
            ["a", "b"], TickRules(barrier: Barrier(.none, deadlineMillis: 10)), policy: .reject)
        try collector.take(Seat("s", mind: .human, latePolicy: .stall(milliseconds: 100)))
        try collector.take(Seat("t", mind: .human, latePolicy: .stall(milliseconds: 50)))
        _ = try collector.run()
        try collector.open(3, now: 1000)
        #expect(collector.nextDeadline == 1100)
        _ = collector.submit(TickTest.move("s", 1, on: 2), now: 1001)
        #expect(collector.nextDeadline == 1050)
        _ = collector.submit(TickTest.move("t", 1, on: 2), now: 1001)
        #expect(collector.nextDeadline == 1010)
        #expect(!collector.isReady(now: 1009))
        #expect(collector.isReady(now: 1010))
        _ = try collector.seal(now: 1010)
        #expect(collector.nextDeadline == nil)
    }

    @Test func aLateActionDoesNotEndTheWaiting() throws {
        var collector = try Self.seated(["a"])
        _ = try collector.run()
        _ = collector.submit(TickTest.move(1, on: 1), now: 0)
        try collector.open(3, now: 0)
        #expect(!collector.isReady(now: 1))
        _ = collector.submit(TickTest.move(2, on: 2), now: 0)
        #expect(collector.isReady(now: 1))
    }

    @Test func ticksOpenAndSealInTurn() throws {
        var collector = try TickTest.collector()
        #expect(throws: SimError.self) { try collector.seal(now: 0) }
        #expect(throws: SimError.self) { try collector.open(2, now: 0) }
        try collector.open(1, now: 0)
        #expect(throws: SimError.self) { try collector.open(1, now: 0) }
        #expect(throws: SimError.self) { try collector.open(2, now: 0) }
        #expect(throws: SimError.self) { try collector.change(rules: TickRules()) }
        #expect(try collector.seal(now: 0).tick == 1)
        #expect(throws: SimError.self) { try collector.change(rules: TickRules(maximumLead: -1)) }
        #expect(throws: SimError.self) {
            try collector.take(Seat("a", mind: .coded, latePolicy: .fallback(action: "fly", arguments: [:])))
        }
        #expect(throws: SimError.self) { try TickCollector(catalog: .empty, sealedTick: -1) }
    }

    @Test func oldAnswersAreForgotten() throws {
        var collector = try TickTest.collector()
        try collector.take(Seat("a", mind: .coded, maximumPending: 64))
        _ = try collector.run()
        for tick in Int64(2)...5 {
            for sequence in 1...64 {
                _ = collector.submit(TickTest.move(tick * 64 + Int64(sequence), on: tick - 1), now: 0)
            }
            _ = try collector.run()
        }
        #expect(collector.submit(TickTest.move(2 * 64 + 1, on: 1), now: 0).refusal == .forgotten)
        #expect(collector.submit(TickTest.move(5 * 64 + 1, on: 4), now: 0).isDuplicate)
    }
}
