import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// What a write costs those who are told of it, however often they watch.
@Suite struct WatchLimitTests {
    private static func connection(_ number: Int) -> ConnectionID { ConnectionID(rawValue: UInt64(50_000 + number)) }

    /// What the connections were told.
    private static func told(_ bench: MeshBench) -> [(connection: ConnectionID, push: WatchedChanges)] {
        bench.takeEffects().compactMap { effect in
            guard case .push(let connection, let push) = effect, let push = push as? WatchedChanges else { return nil }
            return (connection, push)
        }
    }

    @Test func aMemberHasSoManyWatchesOverAllConnections() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        let each = Subscriptions.maximumPerConnection
        var made = 0
        func watch(_ number: Int) throws {
            let name = "w\(number % each)"
            _ = try bench.query(
                WatchState(prefix: "\(name)|", watchId: name), as: ann.actor, on: Self.connection(number / each))
            made += 1
        }
        let error = #expect(throws: MeshError.self) {
            for number in 0...Subscriptions.maximumPerMember { try watch(number) }
        }
        #expect(error?.code == .capacity)
        #expect(made == Subscriptions.maximumPerMember)
        // A watch of a name that is there takes its place, and others have their own.
        try watch(0)
        _ = try bench.query(WatchState(watchId: "own"), as: bob.actor, on: Self.connection(900))
        // What is ended makes room: one watch, and a connection.
        _ = try bench.query(Unwatch(watchId: "w1"), as: ann.actor, on: Self.connection(0))
        try watch(1)
        bench.engine.forget(Self.connection(1))
        for number in each..<2 * each { try watch(number) }
        #expect(throws: MeshError.self) { try watch(Subscriptions.maximumPerMember) }
    }

    @Test func aConnectionIsToldOnceHoweverManyOfItsWatchesSeeAWrite() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for (number, names) in [["x", "y", "z"], ["x"], ["x", "y"]].enumerated() {
            for (name, prefix) in zip(names, ["", "k", "k:1"]) {
                _ = try bench.query(
                    WatchState(prefix: prefix, watchId: name), as: ann.actor, on: Self.connection(number))
            }
        }
        _ = bench.takeEffects()
        try bench.ask(SetState(key: "k:1", value: "v\"1"), as: ann.actor)
        let told = Self.told(bench)
        #expect(told.map(\.connection) == (0..<3).map(Self.connection))
        #expect(told.map(\.push.watchIDs) == [["x", "y", "z"], ["x"], ["x", "y"]])
        #expect(told.allSatisfy { $0.push.body === told[0].push.body }, "written once")
        let frames = try told.map { try JSON.parse(try #require($0.push.frame(for: .mesh)), limits: .frame) }
        #expect(frames.map { $0["watchId"]?.stringValue } == ["x", "x", "x"])
        #expect(frames.map { $0["watchIds"]?.arrayValue?.count } == [3, nil, 2])
        for frame in frames {
            #expect(frame["type"]?.stringValue == "state_change")
            #expect(frame["key"]?.stringValue == "k:1")
            #expect(frame["changes"]?.arrayValue?.count == 1)
            #expect(frame["updatedByKey"]?.stringValue == ann.member.hex)
        }
    }

    @Test func aConnectionIsToldWhatAnyOfItsWatchesSees() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for prefix in ["a", "b", "none"] {
            _ = try bench.query(WatchState(prefix: prefix, watchId: prefix), as: ann.actor, on: Self.connection(0))
        }
        _ = try bench.query(WatchState(prefix: "c", watchId: "c"), as: ann.actor, on: Self.connection(1))
        _ = bench.takeEffects()
        try bench.ask(
            BatchState(operations: ["a1", "b1", "c1", "d1"].map { .init(op: .set, key: $0, value: 1) }), as: ann.actor)
        let told = Self.told(bench)
        #expect(told.map { $0.push.body.changes.changes.map(\.key) } == [["a1", "b1"], ["c1"]])
        #expect(told.map(\.push.watchIDs) == [["a", "b"], ["c"]])
    }

    private static func batch(_ bench: MeshBench, _ requests: [any Request], as actor: Actor) throws -> BatchResult {
        var generator = SystemRandomNumberGenerator()
        let batch = Batch(
            number: bench.engine.state.applied + 1, now: bench.now,
            commands: requests.map { Command(actor: actor, request: $0, entropy: Entropy(&generator)) })
        return try bench.engine.apply(batch) { _ in false }
    }

    @Test func whatOthersAreToldCountsInTheBatchOfTheWriter() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let value = JSON.string(String(repeating: "v", count: 20_000))
        func writes() -> [any Request] { (0..<40).map { SetState(key: "k\($0)", value: value) } }
        #expect(try Self.batch(bench, writes(), as: ann.actor).outcomes.count == 40, "nobody is told")
        for number in 0..<8 {
            _ = try bench.query(
                WatchState(watchId: "w", snapshot: false), as: ann.actor, on: Self.connection(number))
        }
        let done = try Self.batch(bench, writes(), as: ann.actor).outcomes.count
        #expect((1...3).contains(done), "8 connections are told 40 kB each, of 512 at most: \(done)")
    }

    @Test func messagesToManyAndRefusalsWithDetailsCountInTheBatch() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for number in 0..<60 { _ = try bench.peer("p\(number)", UInt8(20 + number)) }
        func all(_ number: Int) -> any Request {
            var send = Send(targetSpec: TargetSpec(["*"]))
            (send.nonce, send.ciphertext, send.id) = ("", "aGVsbG8=", "\(number)")
            return send
        }
        let sends = try Self.batch(bench, (0..<100).map(all), as: ann.actor)
        #expect((5...40).contains(sends.outcomes.count), "60 recipients each: \(sends.outcomes.count)")
        let text = Base64.encode([UInt8](repeating: 1, count: 24))
        var wrong = Send(targetSpec: TargetSpec((0..<60).map { "p\($0)" }))
        wrong.copies = [SealedCopy(session: ann.session, nonce: text, ciphertext: text)]
        let refused = try Self.batch(bench, (0..<400).map { _ in wrong }, as: ann.actor)
        #expect(refused.outcomes.allSatisfy { if case .failure = $0.result { true } else { false } })
        #expect(refused.outcomes.count < 400, "what a refusal lists counts: \(refused.outcomes.count)")
    }

    @Test func offersThatAreRepeatedToManyAtOnceComeInSeveralBatches() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for number in 0..<60 { _ = try bench.peer("p\(number)", UInt8(20 + number)) }
        for _ in 0..<40 { try bench.ask(bench.plain("*"), as: ann.actor) }
        _ = bench.takeEffects()
        bench.now += DeliveryPolicy.offerLeaseMillis(attempt: 1) + 2_000
        var told: [Int] = []
        while (told.last ?? 1) > 0, told.count < 100 {
            try bench.apply([])
            told.append(bench.takeEffects().count)
        }
        #expect(told.count > 3 && told.allSatisfy { $0 < 1_200 }, "\(told)")
        #expect(told.reduce(0, +) == 60 * 40)
    }

    @Test func offersKeepTheirOrderAndGiveBackTheirRoom() {
        var offers = Offers()
        for message in [5, 9, 7, 1, 8] as [Int64] {
            #expect(offers.update(Pending(message: message, priority: .next, acceptedAt: 0)) == nil)
        }
        #expect(offers.values.map(\.message) == [1, 5, 7, 8, 9])
        var again = Pending(message: 7, priority: .now, acceptedAt: 3)
        again.attempts = 100_000
        again.bytes = 5
        #expect(offers.update(again)?.priority == .next)
        #expect(offers[7]?.priority == .now && offers[7]?.bytes == 5)
        #expect(offers[7]?.attempts == 32_767, "no more is counted")
        #expect(offers[6] == nil && offers.remove(6) == nil && offers.remove(10) == nil)
        #expect([9, 1, 5, 8, 7].map { offers.remove($0)?.message } == [9, 1, 5, 8, 7])
        #expect(offers.count == 0)
        #expect(MemoryLayout<Pending>.stride == 32)
    }
}
