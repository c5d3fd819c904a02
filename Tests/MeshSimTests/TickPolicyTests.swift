import MeshCore
import Testing

@testable import MeshSim

@Suite struct TickPolicyTests {
    /// One seat, ticks 1 to 6 (it joins in the first): what comes while each tick is open, and what its seals say.
    struct Case: Sendable, CustomTestStringConvertible {
        var policy: LatePolicy
        var budget: Int64?
        var limit: Int64?
        /// By the tick in which they come.
        var comes: [Int64: [Submission]]
        var seals: [String]
        var testDescription: String { "\(policy)" }

        init(
            _ policy: LatePolicy, budget: Int64? = nil, limit: Int64? = nil, _ comes: [Int64: [Submission]],
            _ seals: [String]
        ) {
            self.policy = policy
            self.budget = budget
            self.limit = limit
            self.comes = comes
            self.seals = seals
        }
    }

    private static func act(_ sequence: Int64, on: Int64, tick: Int64? = nil, cost: Int64 = 0) -> Submission {
        TickTest.move(sequence, on: on, tick: tick, cost: cost)
    }

    static let cases: [Case] = [
        // In time, late by one, late by two, early.
        Case(.reject, [2: [act(1, on: 1)]], ["1 onTime", "0 missing", "0 missing", "0 missing", ""]),
        Case(.reject, [3: [act(1, on: 1)]], ["0 missing", "1 late", "0 missing", "", ""]),
        Case(.reject, [2: [act(1, on: 1, tick: 4)]], ["0 missing", "0 missing", "1 onTime", "0 missing", "0 missing"]),
        Case(.carry, [4: [act(1, on: 1)]], ["0 missing", "0 missing", "1 carried", "0 missing", "0 missing"]),
        // What is in time goes before what is carried, and of two carried the newer.
        Case(
            .carry, [4: [act(1, on: 1), act(2, on: 3)]],
            ["0 missing", "0 missing", "1 late,2 onTime", "0 missing", "0 missing"]),
        Case(
            .carry, [4: [act(1, on: 1), act(2, on: 2)]],
            ["0 missing", "0 missing", "1 late,2 carried", "0 missing", "0 missing"]),
        Case(
            .carry, limit: 1, [4: [act(1, on: 1)], 5: [act(2, on: 3)]],
            ["0 missing", "0 missing", "1 stale", "2 carried", "0 missing"]),
        Case(.holdLast(ticks: 2), [3: [act(7, on: 2)]], ["0 missing", "7 onTime", "7 held", "7 held", "0 missing"]),
        Case(
            .holdLast(ticks: 9), [2: [act(1, on: 1)], 4: [act(2, on: 2)]],
            ["1 onTime", "1 held", "1 held,2 late", "1 held", "1 held"]),
        Case(.idle(ticks: 2), [4: [act(1, on: 1)]], ["0 missing", "0 missing", "1 idled", "0 missing", "0 missing"]),
        Case(.idle(ticks: 1), [4: [act(1, on: 1)]], ["0 missing", "0 missing", "1 late", "0 missing", ""]),
        Case(
            .fallback(action: "rest", arguments: [:]), [3: [act(1, on: 2)]],
            ["0 fallback", "1 onTime", "0 fallback", "0 fallback", "0 fallback"]),
        Case(.stall(milliseconds: 100), [3: [act(1, on: 1)]], ["0 missing", "1 late", "0 missing", "", ""]),
        // By cost: 10 of a budget of 4 come two ticks after their own.
        Case(
            .reject, budget: 4, [2: [act(1, on: 1, cost: 4)], 3: [act(2, on: 2, cost: 5)]],
            ["1 onTime", "2 late", "0 missing", "0 missing", ""]),
        Case(
            .carry, budget: 4, [2: [act(1, on: 1, cost: 10)]],
            ["0 missing", "0 missing", "1 carried", "0 missing", "0 missing"]),
        Case(
            .idle(ticks: 2), budget: 4, [2: [act(1, on: 1, cost: 10)]],
            ["0 missing", "0 missing", "1 idled", "0 missing", "0 missing"]),
        Case(
            .idle(ticks: 1), budget: 4, [2: [act(1, on: 1, cost: 10)]],
            ["0 missing,1 late", "0 missing", "0 missing", "0 missing", ""]),
        Case(
            .holdLast(ticks: 1), budget: 4, [2: [act(1, on: 1)], 3: [act(2, on: 2, cost: 9)]],
            ["1 onTime", "1 held,2 late", "0 missing", "0 missing", ""]),
        // Malformed: equals no action, but the seat is not silent.
        Case(
            .reject,
            [2: [act(1, on: 2)], 3: [act(2, on: -1)], 4: [act(3, on: 3, tick: 3)], 5: [act(4, on: 4, cost: -1)]],
            ["1 invalid", "2 invalid", "3 invalid", "4 invalid", "0 missing"]),
    ]

    @Test(arguments: cases) func verdicts(_ test: Case) throws {
        var collector = try TickTest.collector(
            TickRules(barrier: Barrier(.all, costBudget: test.budget), demoteAfter: 3))
        try collector.take(Seat("a", mind: .model, latePolicy: test.policy, stalenessLimit: test.limit))
        #expect(try collector.run().inputs == [])
        let seals = try (Int64(2)...6).map { tick in
            let seal = try collector.run { collector in
                for submission in test.comes[tick] ?? [] {
                    #expect(collector.submit(submission, now: 0).status == .pending)
                }
            }
            return TickTest.verdicts(seal).map { String($0.dropFirst(2)) }.joined(separator: ",")
        }
        #expect(seals == test.seals)
    }

    @Test(arguments: [
        (#"{"policy":"reject"}"#, LatePolicy.reject), (#"{"policy":"carry"}"#, .carry),
        (#"{"policy":"holdLast","ticks":3}"#, .holdLast(ticks: 3)), (#"{"policy":"idle","ticks":3}"#, .idle(ticks: 3)),
        (#"{"policy":"fallback","action":"rest","arguments":{"a":1}}"#, .fallback(action: "rest", arguments: ["a": 1])),
        (#"{"policy":"stall","milliseconds":30000}"#, .stall(milliseconds: 30_000)),
    ]) func policyIsPlainJSON(_ text: String, _ policy: LatePolicy) throws {
        #expect(try JSONCoder.encode(policy).text == text)
        #expect(try JSONCoder.decode(LatePolicy.self, from: JSON.parse(Array(text.utf8))) == policy)
    }

    @Test(arguments: [
        #"{"policy":"later"}"#, #"{"policy":"idle","ticks":0}"#, #"{"policy":"holdLast","ticks":9223372036854775807}"#,
        #"{"policy":"stall","milliseconds":-1}"#, #"{"policy":"fallback","action":""}"#, #"{"policy":"idle"}"#, "3",
    ]) func policyRefuses(_ text: String) throws {
        let json = try JSON.parse(Array(text.utf8))
        #expect(throws: JSONError.self) { try JSONCoder.decode(LatePolicy.self, from: json) }
    }

    @Test(arguments: [
        #"{"kind":"all"}"#, #"{"kind":"none","deadlineMillis":20}"#, #"{"kind":"required","seats":["a","b"]}"#,
        #"{"kind":"quorum","count":3,"deadlineMillis":500,"costBudget":2000}"#,
    ]) func barrierIsPlainJSON(_ text: String) throws {
        let barrier = try JSONCoder.decode(Barrier.self, from: JSON.parse(Array(text.utf8)))
        #expect(try JSONCoder.encode(barrier).text == text)
    }

    @Test(arguments: [
        #"{"kind":"some"}"#, #"{"kind":"quorum","count":0}"#, #"{"kind":"required","seats":[]}"#,
        #"{"kind":"all","deadlineMillis":-1}"#, #"{"kind":"all","costBudget":0}"#,
    ]) func barrierRefuses(_ text: String) throws {
        let json = try JSON.parse(Array(text.utf8))
        #expect(throws: JSONError.self) { try JSONCoder.decode(Barrier.self, from: json) }
    }
}
