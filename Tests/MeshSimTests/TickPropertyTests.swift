import Foundation
import MeshCore
import Testing

@testable import MeshSim

/// Random schedules: against a naive reference, in another order, with a seat that misbehaves, through a file.
@Suite struct TickPropertyTests {
    struct Event {
        /// The tick that is next when it comes.
        var window: Int64
        var submission: Submission
    }
    struct Plan {
        var seats: [Seat]
        var rules: TickRules
        var events: [Event]
        var failures: [(window: Int64, seat: String)]
        static let ticks: Int64 = 12
    }

    static func plan(_ seed: UInt64) throws -> Plan {
        var random = RandomStream(seed: seed, domain: "test", purpose: "plan")
        let policies: [LatePolicy] = [
            .reject, .carry, .holdLast(ticks: 2), .idle(ticks: 2), .fallback(action: "rest", arguments: [:]),
            .stall(milliseconds: 10),
        ]
        let seats = (0..<6).map { number in
            Seat(
                "seat-\(number)", mind: .coded, latePolicy: policies[random.below(policies.count)],
                stalenessLimit: random.chance(0.3) ? Int64(random.below(3)) : nil, maximumPending: 64)
        }
        var plan = Plan(
            seats: seats,
            rules: TickRules(
                barrier: try Barrier(.all, costBudget: random.chance(0.5) ? 10 : nil),
                demoteAfter: random.chance(0.5) ? 3 : nil),
            events: [], failures: [])
        for seat in seats {
            for sequence in 1...Int64(20) where random.chance(0.8) {
                let window = Int64(2 + random.below(Int(Plan.ticks) - 1))
                let lag = Int64(random.below(4))
                var submission = TickTest.move(
                    seat.name, sequence, on: window - 1 - lag, x: Int64(random.below(110)),
                    cost: Int64(random.chance(0.3) ? random.below(35) : 0))
                if random.chance(0.2) { submission.tick = window - 1 + Int64(random.below(4)) }
                if random.chance(0.3) {
                    submission.action = "say"
                    submission.arguments = ["text": "hello"]
                }
                plan.events.append(Event(window: window, submission: submission))
            }
            for tick in 2...Plan.ticks where random.chance(0.05) { plan.failures.append((tick, seat.name)) }
        }
        return plan
    }

    /// Runs a plan; the events of each window in their order. Every second window closes before its tick is opened.
    static func run(_ plan: Plan, _ events: [Event], throughFile: Bool = false) throws -> [Seal] {
        var collector = try TickCollector(catalog: TickTest.catalog(), rules: plan.rules)
        for seat in plan.seats { try collector.take(seat) }
        var seals = [try collector.run()]
        for tick in 2...Plan.ticks {
            let now = tick * 100
            if tick.isMultiple(of: 3) { try collector.open(tick, now: now) }
            for failure in plan.failures where failure.window == tick { collector.fail(failure.seat, reason: "lost") }
            for event in events where event.window == tick { _ = collector.submit(event.submission, now: now) }
            if throughFile {
                let text = try JSONCoder.encode(collector).bytes()
                collector = try JSONCoder.decode(TickCollector.self, from: JSON.parse(text))
            }
            if !collector.isOpen { try collector.open(tick, now: now) }
            seals.append(try collector.seal(now: now + 50))
        }
        return seals
    }

    @Test(arguments: UInt64(0)..<60) func sealsAreThoseOfTheReference(_ seed: UInt64) throws {
        let plan = try Self.plan(seed)
        let seals = try Self.run(plan, plan.events)
        for (seal, expected) in zip(seals, TickReference(plan).seals()) {
            #expect(TickTest.verdicts(seal).sorted() == expected, "tick \(seal.tick)")
        }
    }

    @Test(arguments: UInt64(0)..<20) func arrivalOrderDecidesNothing(_ seed: UInt64) throws {
        let plan = try Self.plan(seed)
        let seals = try Self.run(plan, plan.events)
        var random = RandomStream(seed: seed, domain: "test", purpose: "shuffle")
        for _ in 0..<2 {
            var events = plan.events
            random.shuffle(&events)
            // What was sent twice is there once.
            let seals2 = try Self.run(plan, events + events.prefix(10))
            #expect(seals2 == seals)
            #expect(seals2.last?.hash == seals.last?.hash)
        }
    }

    @Test(arguments: UInt64(0)..<4) func aCollectorGoesThroughAFile(_ seed: UInt64) throws {
        let plan = try Self.plan(seed)
        #expect(try Self.run(plan, plan.events, throughFile: true) == Self.run(plan, plan.events))
    }

    /// A file that was changed is refused, and traps nowhere.
    @Test(arguments: [
        (#""sealedTick":1"#, #""sealedTick":-1"#), (#""missed":0"#, #""missed":9223372036854775807"#),
        (#""generation":1"#, #""generation":9223372036854775807"#), (#""name":"a""#, #""name":"c""#),
        (#""maximumPending":8"#, #""maximumPending":-8"#), (#""floor":0"#, #""floor":-1"#),
    ]) func aChangedFileIsRefused(_ old: String, _ new: String) throws {
        var collector = try TickTest.collector()
        for name in ["a", "b"] { try collector.take(Seat(name, mind: .coded)) }
        _ = try collector.run()
        let text = try JSONCoder.encode(collector).text
        let place = try #require(text.range(of: old))
        let json = try JSON.parse(Array(text.replacingCharacters(in: place, with: new).utf8))
        #expect(throws: (any Error).self) { try JSONCoder.decode(TickCollector.self, from: json) }
    }

    @Test(arguments: UInt64(0)..<40) func oneSeatsFailureChangesNothingForOthers(_ seed: UInt64) throws {
        let plan = try Self.plan(seed)
        let bad = plan.seats[2].name
        func others(_ seals: [Seal]) -> [[SealedInput]] { seals.map { $0.inputs.filter { $0.seat != bad } } }
        let expected = others(try Self.run(plan, plan.events))
        var broken = plan
        var random = RandomStream(seed: seed, domain: "test", purpose: "fault")
        broken.events.removeAll { $0.submission.seat == bad && random.chance(0.5) }
        for number in 0..<200 {
            var submission = TickTest.move(bad, Int64(number % 90), on: Int64(random.below(20)), x: -1)
            submission.action = random.chance(0.5) ? "fly" : "move"
            if random.chance(0.2) { submission.generation = 9 }
            broken.events.insert(
                Event(window: Int64(2 + random.below(11)), submission: submission),
                at: random.below(broken.events.count))
        }
        broken.failures += (2...Plan.ticks).filter { _ in random.chance(0.5) }.map { ($0, bad) }
        #expect(others(try Self.run(broken, broken.events)) == expected)
    }
}

/// The rules again, as naive as can be: each tick looks at every event there is.
struct TickReference {
    let plan: TickPropertyTests.Plan

    init(_ plan: TickPropertyTests.Plan) { self.plan = plan }

    /// What each seal says, sorted.
    func seals() -> [[String]] {
        var seals = Array(repeating: [String](), count: Int(TickPropertyTests.Plan.ticks))
        for seat in plan.seats {
            for (tick, lines) in verdicts(of: seat).enumerated() {
                seals[tick] += lines.map { "\(seat.name) \($0)" }
            }
        }
        return seals.map { $0.sorted() }
    }

    struct Judged {
        var event: TickPropertyTests.Event
        var target: Int64
        var tick: Int64
        var verdict: String
    }

    func judge(_ event: TickPropertyTests.Event, _ seat: Seat) -> Judged {
        let submission = event.submission
        func judged(_ target: Int64, _ tick: Int64, _ verdict: String) -> Judged {
            Judged(event: event, target: target, tick: tick, verdict: verdict)
        }
        if submission.basedOn < 0 || submission.basedOn >= event.window {
            return judged(event.window, event.window, "invalid")
        }
        if let tick = submission.tick, tick <= submission.basedOn {
            return judged(event.window, event.window, "invalid")
        }
        let target = submission.tick ?? submission.basedOn + 1
        let soonest = max(event.window, target)
        if submission.action == "move", (submission.arguments?["x"]?.integerValue ?? 0) > 99 {
            return judged(target, soonest, "invalid")
        }
        var tick = target
        if let budget = plan.rules.barrier.costBudget {
            var paid = budget
            while paid < submission.cost {
                tick += 1
                paid += budget
            }
        }
        tick = max(tick, event.window)
        var verdict = "onTime"
        if tick > target {
            switch seat.latePolicy {
            case .carry: verdict = "carried"
            case .idle(let ticks) where tick - target <= ticks: verdict = "idled"
            default: return judged(target, soonest, "late")
            }
        }
        if let limit = seat.stalenessLimit, tick - 1 - submission.basedOn > limit { verdict = "stale" }
        return judged(target, tick, verdict)
    }

    func verdicts(of seat: Seat) -> [[String]] {
        let all = plan.events.filter { $0.submission.seat == seat.name }.map { judge($0, seat) }
        var lines: [[String]] = [[]]
        var last: Int64?
        var (held, idle, missed) = (Int64(0), Int64(0), Int64(0))
        var isBlocking = true
        for tick in 2...TickPropertyTests.Plan.ticks {
            if let limit = plan.rules.demoteAfter, missed >= limit { isBlocking = false }
            var due = all.filter { $0.tick == tick }.sorted {
                $0.event.submission.sequence < $1.event.submission.sequence
            }
            let order =
                due.indices.filter { due[$0].verdict == "onTime" }
                + due.indices.filter { ["carried", "idled"].contains(due[$0].verdict) }.reversed()
            var (moves, says) = (0, 0)
            for place in order {
                let isSay = due[place].event.submission.action == "say"
                if isSay { says += 1 } else { moves += 1 }
                if (isSay ? says : moves) > (isSay ? 2 : 1) {
                    due[place].verdict = due[place].verdict == "onTime" ? "invalid" : "late"
                }
            }
            var line = due.map { "\($0.event.submission.sequence) \($0.verdict)" }
            let applied = due.filter { ["onTime", "carried", "idled"].contains($0.verdict) }
            let spoke = due.contains { $0.verdict == "invalid" || $0.verdict == "stale" }
            let hasFailed = plan.failures.contains { $0.window == tick && $0.seat == seat.name }
            let isBusy = all.contains { $0.event.window <= tick && $0.target <= tick && $0.tick > tick }
            if !applied.isEmpty {
                last = applied.last { $0.event.submission.action == "move" }?.event.submission.sequence ?? last
                (held, idle, missed) = (0, 0, 0)
            } else {
                let before = missed
                missed = spoke ? 0 : missed + 1
                if case .holdLast(let ticks) = seat.latePolicy, let last, held < ticks {
                    held += 1
                    line.append("\(last) held")
                } else if case .fallback = seat.latePolicy {
                    line.append("0 fallback")
                } else if case .idle(let ticks) = seat.latePolicy, !hasFailed, !spoke, idle < ticks {
                    idle += 1
                    missed = before
                    line.append("0 missing")
                } else if hasFailed {
                    line.append("0 failed")
                } else if isBusy {
                    missed = before
                    line.append("0 missing")
                } else if due.isEmpty, isBlocking {
                    line.append("0 missing")
                }
            }
            lines.append(line)
        }
        return lines
    }
}
