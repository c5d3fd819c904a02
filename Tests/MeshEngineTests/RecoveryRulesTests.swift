import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// What holds after a stop, and after a batch that was undone.
@Suite struct RecoveryRulesTests {
    private static let hour: Int64 = 3_600_000

    /// A message of bob's waits for eve, for two hours.
    @discardableResult
    private static func waiting(_ bench: MeshBench) throws -> MeshBench.Peer {
        let bob = try bench.peer("bob", 10)
        let eve = try bench.peer("eve", 11)
        try bench.disconnect(eve)
        var send = try bench.sealed("eve", from: bob)
        send.ttl = 2 * hour
        try bench.ask(send, as: bob.actor)
        return bob
    }

    @Test func afterALongStopARecipientHasAChanceToReturn() throws {
        let bench = try MeshBench()
        try Self.waiting(bench)
        bench.now += 3 * Self.hour
        try bench.ask(StartNode(stoppedFor: 3 * Self.hour), as: .node)
        #expect(bench.engine.state.live.count == 1)
        let back = try bench.connect(11, session: 111)
        #expect(bench.pushes(to: back).count == 1)
    }

    @Test func theChanceEnds() throws {
        let bench = try MeshBench()
        try Self.waiting(bench)
        bench.now += 3 * Self.hour
        try bench.ask(StartNode(stoppedFor: 3 * Self.hour), as: .node)
        try bench.pass(DeliveryPolicy.graceMillis * 2)
        #expect(bench.engine.state.live.isEmpty)
    }

    @Test func afterAShortStopWhatIsDueExpires() throws {
        let bench = try MeshBench()
        try Self.waiting(bench)
        bench.now += 3 * Self.hour
        try bench.ask(StartNode(stoppedFor: 1_000), as: .node)
        #expect(bench.engine.state.live.isEmpty)
    }

    /// Whatever is alive expires at its time, whether it was read when the mesh was opened or came later.
    @Test func afterAReopeningEachMessageExpiresOnce() throws {
        let bench = try MeshBench()
        let bob = try Self.waiting(bench)
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        func apply(_ requests: [any Request], at now: Int64) throws {
            let commands = try requests.map {
                Command(
                    actor: bob.actor, request: $0,
                    entropy: try #require(Entropy(hex: String(repeating: "1", count: 64))))
            }
            _ = try again.apply(Batch(number: again.state.applied + 1, now: now, commands: commands))
        }
        var send = try bench.sealed("eve", from: bob)
        send.ttl = 2 * Self.hour
        try apply([send, send], at: bench.now)
        #expect(again.state.live.count == 3)
        try apply([], at: bench.now + 2 * Self.hour + 60_000)
        #expect(again.state.live.isEmpty)
        #expect(try again.state.database.prepare("SELECT COUNT(*) FROM dead_letter").first { $0.int(0) } == 3)
    }

    /// Refuses after it has written, which undoes its batch.
    struct Halfway: WriteRequest {
        static let declaration = RequestDeclaration(
            "halfway", "Writes, then refuses.", needs: .send, http: .none("a planted fault"))
        typealias Answer = Acknowledged
    }

    @Test func aHelloOfABatchThatWasUndoneIsTakenWhenItRunsAgain() throws {
        let faulty = Capability("faulty") {
            Write(Halfway.self) { _, context in
                try context.record("halfway")
                throw MeshError(.internalError, "halfway")
            }
        }
        let bench = try MeshBench(Capabilities.all + [faulty])
        let bob = try bench.peer("bob", 10)
        try bench.disconnect(bob)
        let hello = OpenSession(
            member: bob.member, session: bob.session, isProven: true, binding: nil, isForeign: false, dialect: .mesh,
            acknowledges: true, label: nil, groups: nil, messageMode: nil, info: ClientInfo(), connection: 99,
            replaces: false, limits: .init(frameBytes: 1, bodyBytes: 1, window: 1))
        #expect(throws: (any Error).self) {
            try bench.apply([(hello, .node), (Halfway(), bench.ownerActor)])
        }
        #expect(try bench.ask(hello, as: .node).number == bob.number.rawValue)
        var other = hello
        other.connection = 100
        guard case .failure(let error)? = try bench.apply([(other, .node)]).first else {
            Issue.record("another connection takes the session")
            return
        }
        #expect(error.code == .sessionInUse)
    }
}
