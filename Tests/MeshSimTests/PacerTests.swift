import MeshCore
import Testing

@testable import MeshSim

@Suite struct PacerTests {
    @Test func realTimeKeepsItsSchedule() throws {
        var pacer = try Pacer(.realTime(times: 4, tickMillis: 1000))
        #expect(try pacer.begin(1, now: 50) == .now(lagMillis: 0))
        #expect(try pacer.begin(2, now: 60) == .at(300))
        #expect(try pacer.begin(2, now: 299) == .at(300))
        #expect(try pacer.begin(2, now: 305) == .now(lagMillis: 5))
        // A third of a millisecond is not lost over many ticks.
        try pacer.change(to: .realTime(times: 3, tickMillis: 1000))
        #expect(try pacer.begin(3, now: 1000) == .now(lagMillis: 0))
        #expect(try pacer.begin(3003, now: 1000) == .at(1_001_000))
    }

    @Test(arguments: [
        (OverrunPolicy.bestEffort, [Int64(0), 250, 150, 50, -1], Int64(0)),
        (.slowDown, [0, 250, -1, -1, -1], 250),
        (.hardLimit(milliseconds: 250), [0, 250, 150, 50, -1], 0),
    ]) func overrun(_ policy: OverrunPolicy, _ lags: [Int64], _ slipped: Int64) throws {
        var pacer = try Pacer(.realTime(times: 1, tickMillis: 100), overrun: policy)
        var tick: Int64 = 1
        var seen: [Int64] = []
        for now in [Int64(0), 350, 350, 350, 350] {
            if case .now(let lag) = try pacer.begin(tick, now: now) {
                seen.append(lag)
                #expect(pacer.lagMillis == lag)
                tick += 1
            } else {
                seen.append(-1)
            }
        }
        #expect(seen == lags)
        #expect(pacer.slippedMillis == slipped)
    }

    @Test func hardLimitStops() throws {
        var pacer = try Pacer(.realTime(times: 1, tickMillis: 100), overrun: .hardLimit(milliseconds: 20))
        _ = try pacer.begin(1, now: 0)
        #expect(throws: SimError.self) { try pacer.begin(2, now: 121) }
        // A slower pace begins anew.
        try pacer.change(to: .realTime(times: 0.5, tickMillis: 100))
        #expect(try pacer.begin(2, now: 121) == .now(lagMillis: 0))
        #expect(try pacer.begin(3, now: 121) == .at(321))
    }

    @Test func stepsThenPauses() throws {
        var pacer = try Pacer(.step(ticks: 2))
        #expect(try (1...3).map { try pacer.begin($0, now: 0) } == [.now(lagMillis: 0), .now(lagMillis: 0), .paused])
        #expect(pacer.pacing == .paused)
        try pacer.change(to: .barrier)
        #expect(try pacer.begin(3, now: 0) == .now(lagMillis: 0))
    }

    @Test func whichTicksWait() throws {
        var pacer = try Pacer(.eventSkip)
        #expect(pacer.waitsForBarrier(5))
        pacer.nextEvent = 6
        #expect([5, 6, 7].map { pacer.waitsForBarrier($0) } == [false, true, true])
        #expect(try Pacer(.asFastAsPossible).waitsForBarrier(1) == false)
        #expect(try Pacer(.barrier).waitsForBarrier(1))
    }

    @Test(arguments: [
        #"{"pace":"paused"}"#, #"{"pace":"step","ticks":5}"#, #"{"pace":"realTime","times":2.5,"tickMillis":1000}"#,
        #"{"pace":"asFastAsPossible"}"#, #"{"pace":"barrier"}"#, #"{"pace":"eventSkip"}"#,
    ]) func isPlainJSON(_ text: String) throws {
        let pacing = try JSONCoder.decode(Pacing.self, from: JSON.parse(Array(text.utf8)))
        #expect(try JSONCoder.encode(pacing).text == text)
    }

    @Test(arguments: [
        Pacing.step(ticks: 0), .realTime(times: 0, tickMillis: 1), .realTime(times: .nan, tickMillis: 1),
        .realTime(times: .infinity, tickMillis: 1), .realTime(times: 1, tickMillis: 0),
    ]) func refuses(_ pacing: Pacing) {
        #expect(throws: SimError.self) { try Pacer(pacing) }
    }

    @Test func farTicksDoNotOverflow() throws {
        var pacer = try Pacer(.realTime(times: 0.001, tickMillis: 86_400_000))
        _ = try pacer.begin(0, now: .max / 2)
        guard case .at = try pacer.begin(.max, now: .max / 2) else {
            Issue.record("it should wait")
            return
        }
    }
}
