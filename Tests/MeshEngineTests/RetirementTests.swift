import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// When a session is no target of a name any more, and when it ends.
@Suite struct RetirementTests {
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    /// A mesh with ann, who sends, and bob, a claudemesh client that makes a key at each start.
    private static func bench() throws -> (bench: MeshBench, ann: MeshBench.Peer, bob: MeshBench.Peer) {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        return (bench, ann, try start(bench, 120))
    }

    private static func start(_ bench: MeshBench, _ session: UInt8, label: String? = nil) throws -> MeshBench.Peer {
        try bench.connect(20, session: session, label: label, foreign: true, acknowledges: false, proven: false)
    }

    /// The key that a message to bob is sealed to, of its session or of the member.
    private static func keys(_ target: String, _ bench: MeshBench, _ ann: MeshBench.Peer) throws -> [PublicKey] {
        try bench.query(Resolve(targetSpec: TargetSpec([target])), as: ann.actor).recipients.map {
            $0.session ?? $0.member
        }
    }

    @Test func whoSaidGoodbyeIsNoTargetOfItsNameAtOnceAndTheNextStartGetsTheMail() throws {
        let (bench, ann, bob) = try Self.bench()
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        try bench.disconnect(bob, goodbye: true)
        #expect(try Self.keys("bob", bench, ann) == [bob.member])
        let sent = try bench.send("bob", from: ann)
        #expect(try bench.status(sent.messageId, as: ann).map(\.reason) == ["away"])
        let next = try Self.start(bench, 121)
        #expect(bench.pushes(to: next).map(\.recipientKey) == [bob.member])
        #expect(try Self.keys("bob", bench, ann) == [next.session])
        // Not even when the same client takes its older place.
        #expect(bench.pushes(to: bob).isEmpty)
    }

    @Test func whoLostItsConnectionIsATargetUntilItsGraceIsOver() throws {
        let (bench, ann, bob) = try Self.bench()
        try bench.disconnect(bob)
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        let sent = try bench.send("bob", from: ann)
        #expect(try bench.status(sent.messageId, as: ann).map(\.reason) == ["away"])
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(try bench.status(sent.messageId, as: ann).map(\.reason) == ["gone"])
        #expect(try Self.keys("bob", bench, ann) == [bob.member])
        // Its own key still reaches it: the same run may come back, and gets everything.
        let toKey = try bench.send(bob.session.hex, from: ann)
        let toName = try bench.send("bob", from: ann)
        let again = try Self.start(bench, 120)
        #expect(
            bench.pushes(to: again).map(\.messageId) == [sent.messageId, toKey.messageId, toName.messageId])
    }

    @Test func aSenderWhoWaitsIsTold() throws {
        let (bench, ann, bob) = try Self.bench()
        var send = try bench.sealed("bob", from: ann)
        send.receipts = true
        let sent = try bench.ask(send, as: ann.actor)
        _ = bench.takeEffects()
        try bench.disconnect(bob, goodbye: true)
        func told() -> [String] {
            bench.takeEffects().compactMap { effect in
                guard case .push(_, let push) = effect, let receipt = push.base as? ReceiptPush else { return nil }
                return "\(receipt.recipient.state) \(receipt.recipient.reason ?? "")"
            }
        }
        #expect(told() == ["held gone"])
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(told() == ["expired recipient_retired"])
        #expect(bench.engine.state.roster.sessions[bob.number] == nil)
        #expect(try bench.status(sent.messageId, as: ann).map(\.state) == [.expired])
    }

    @Test func aGoodbyeIsForgottenByAReturnWithTheSameKey() throws {
        let (bench, ann, bob) = try Self.bench()
        let sent = try bench.send("bob", from: ann)
        try bench.disconnect(bob, goodbye: true)
        let again = try Self.start(bench, 120)
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(again.number == bob.number)
        #expect(bench.pushes(to: again).map(\.messageId) == [sent.messageId])
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        #expect(!bench.events(to: ann).contains("peer_left"))
    }

    @Test func sessionsOfOurOwnClientsAreNotAffected() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.disconnect(bob, goodbye: true)
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        try bench.pass(30 * 86_400_000)
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        #expect(try bench.status(try bench.send("bob", from: ann).messageId, as: ann).map(\.reason) == ["away"])
    }

    @Test func anAttestedSessionIsATargetForADayUnlessItSaidGoodbye() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        let bob = try bench.connect(20, session: 120, foreign: true)
        try bench.disconnect(bob)
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(try Self.keys("bob", bench, ann) == [bob.session])
        try bench.disconnect(try bench.connect(20, session: 120, foreign: true), goodbye: true)
        #expect(try Self.keys("bob", bench, ann) == [bob.member])
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(bench.engine.state.roster.sessions[bob.number]?.hasClosed == true)
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.roster.sessions[bob.number]?.isGone == true, "the table says it too")
        try bench.pass(86_400_000)
        #expect(bench.engine.state.roster.sessions[bob.number] == nil)
    }

    @Test func aLabelMeansWhoeverIsThere() throws {
        let (bench, ann, _) = try Self.bench()
        let old = try Self.start(bench, 121, label: "sdk")
        try bench.disconnect(old, goodbye: true)
        for target in ["bob/sdk", "sdk"] {
            let error = #expect(throws: MeshError.self) { try Self.keys(target, bench, ann) }
            #expect(error?.code == .unknownTarget && error?.hint?.contains("bob") == true)
        }
        let new = try Self.start(bench, 122, label: "sdk")
        for target in ["bob/sdk", "sdk"] { #expect(try Self.keys(target, bench, ann) == [new.session]) }
    }

    @Test func aNewRunOfTheSameClientEndsTheOlderOne() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        func open(_ key: UInt8, _ connection: UInt64) throws -> SessionOpened {
            var info = ClientInfo()
            info.sessionID = "sdk-1"
            return try bench.ask(
                OpenSession(
                    member: MeshBench.key(20).publicKey, session: MeshBench.key(key).publicKey, isProven: false,
                    binding: nil, isForeign: true, dialect: .claudemesh, acknowledges: false, label: nil, groups: nil,
                    messageMode: nil, info: info, connection: connection, replaces: true,
                    limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)), as: .node)
        }
        _ = try open(120, 900)
        _ = try open(121, 901)
        #expect(try Self.keys("bob", bench, ann) == [MeshBench.key(121).publicKey])
    }

    @Test func mailForASessionWithoutAKeyGoesToTheNextOne() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bot", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        func open(_ sessionID: String, _ connection: UInt64) throws -> MeshBench.Peer {
            var info = ClientInfo()
            info.sessionID = sessionID
            let opened = try bench.ask(
                OpenSession(
                    member: MeshBench.key(20).publicKey, session: nil, isProven: false, binding: nil, isForeign: true,
                    dialect: .claudemesh, acknowledges: false, label: nil, groups: nil, messageMode: nil, info: info,
                    connection: connection, replaces: true, limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)),
                as: .node)
            return .init(
                member: MeshBench.key(20).publicKey, session: MeshBench.key(20).publicKey,
                number: SessionNumber(rawValue: opened.number), connection: ConnectionID(rawValue: connection))
        }
        let first = try open("one", 900)
        try bench.disconnect(first)
        let sent = try bench.send("bot", from: ann)
        try bench.pass(DeliveryPolicy.graceMillis)
        #expect(bench.pushes(to: try open("two", 901)).map(\.messageId) == [sent.messageId])
    }

    @Test func aClientThatStartsAgainAndAgainDoesNotLockItsMemberOut() throws {
        let (bench, ann, bob) = try Self.bench()
        let kept = try bench.connect(20, session: 130)
        let first = bench.engine.state.nextSession
        let starts = Retirement.maximumPerMember + 50
        var commands: [(any Request, Actor)] = []
        for start in 0..<starts {
            var seed = [UInt8](repeating: 8, count: 32)
            (seed[0], seed[1]) = (UInt8(start & 255), UInt8(start >> 8))
            let connection = UInt64(10_000 + start)
            let key = try #require(SigningKey(seed: seed)).publicKey
            commands.append(
                (
                    OpenSession(
                        member: bob.member, session: key, isProven: false, binding: nil, isForeign: true,
                        dialect: .claudemesh, acknowledges: false, label: nil, groups: nil, messageMode: nil,
                        info: ClientInfo(), connection: connection, replaces: true,
                        limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)), .node
                ))
            commands.append((LoseConnection(session: first + Int64(start), connection: connection), .node))
        }
        let refused = try bench.apply(commands).filter { if case .failure = $0 { true } else { false } }
        #expect(refused.isEmpty)
        let own = bench.engine.state.roster.sessions(of: MemberNumber(rawValue: 3)).map(\.rawValue)
        #expect(own.count == Retirement.maximumPerMember)
        #expect(own.contains(bob.number.rawValue) && own.contains(kept.number.rawValue), "who is connected stays")
        #expect(own.contains(first + Int64(starts) - 1) && !own.contains(first), "the oldest go")
        #expect(try bench.status(try bench.send(kept.session.hex, from: ann).messageId, as: ann).count == 1)
        try SessionKeyTests.expectSameHead(bench)
    }

    @Test func whenAllSessionsAreKeptTheLimitIsALimit() throws {
        let bench = try MeshBench()
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        func open(_ number: Int) throws -> OpenSession {
            var seed = [UInt8](repeating: 8, count: 32)
            (seed[0], seed[1]) = (UInt8(number & 255), UInt8(number >> 8))
            return OpenSession(
                member: MeshBench.key(20).publicKey, session: try #require(SigningKey(seed: seed)).publicKey,
                isProven: true, binding: nil, isForeign: false, dialect: .mesh, acknowledges: true, label: nil,
                groups: nil, messageMode: nil, info: ClientInfo(), connection: nil, replaces: false,
                limits: .init(frameBytes: 1, bodyBytes: 1, window: 1))
        }
        try bench.apply((0..<Retirement.maximumPerMember).map { (try open($0), .node) })
        let error = #expect(throws: MeshError.self) { try bench.ask(try open(5_000), as: .node) }
        #expect(error?.code == .capacity && error?.hint?.contains("session remove") == true)
        let key = try #require(SigningKey(seed: [0, 0] + [UInt8](repeating: 8, count: 30))).publicKey
        try bench.ask(RemoveSession(session: key.hex, member: "bob"), as: bench.ownerActor)
        #expect(Self.refusal { try bench.ask(try open(5_000), as: .node) } == nil)
    }

    // MARK: Looking through them

    @Test func sessionsAreListedAndRemovedByTheirMemberAndByAdmins() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let admin = try bench.peer("root", 30, role: .admin)
        let laptop = try bench.connect(20, session: 121, label: "laptop")
        let run = try bench.connect(20, session: 122, foreign: true, proven: false)
        let waiting = try bench.send("bob/laptop", from: ann)
        try bench.disconnect(run, goodbye: true)
        let listed = try bench.query(ListSessions(), as: bob.actor)
        #expect(listed.sessions.map(\.session) == [bob.session.hex, laptop.session.hex, run.session.hex])
        #expect(listed.sessions.map(\.connection) == ["online", "online", "gone"])
        #expect(listed.sessions.map(\.durable) == [true, true, false])
        #expect(listed.sessions.map(\.you) == [true, nil, nil])
        #expect(listed.sessions.map(\.pending) == [0, 1, 0])
        #expect(Self.refusal { try bench.query(ListSessions(member: "bob"), as: ann.actor) } == .forbidden)
        #expect(try bench.query(ListSessions(member: "bob"), as: admin.actor).sessions.count == 3)

        #expect(
            Self.refusal { try bench.ask(RemoveSession(session: "laptop", member: "bob"), as: ann.actor) } == .forbidden
        )
        #expect(Self.refusal { try bench.ask(RemoveSession(session: "desk"), as: bob.actor) } == .notFound)
        #expect(
            Self.refusal { try bench.ask(RemoveSession(session: bob.session.hex), as: bob.actor) } == .invalidArgument)
        #expect(
            Self.refusal {
                try bench.ask(
                    RemoveSession(session: MeshBench.key(2).publicKey.hex, member: "ada"), as: admin.actor)
            } == .forbidden, "the owner is nobody's business")
        _ = bench.takeEffects()
        let removed = try bench.ask(RemoveSession(session: "laptop"), as: bob.actor)
        #expect(removed.session == laptop.session.hex && removed.abandoned == 1)
        let closed = bench.effects.contains { effect in
            guard case .close(let connection, let reason) = effect else { return false }
            return connection == laptop.connection && reason.code == 4001
        }
        #expect(closed)
        #expect(try bench.status(waiting.messageId, as: ann).map(\.reason) == ["recipient_removed"])
        #expect(bench.events(to: ann).contains("peer_left"))
        try bench.ask(RemoveSession(session: String(run.session.hex.prefix(12)), member: "bob"), as: admin.actor)
        #expect(try bench.query(ListSessions(), as: bob.actor).sessions.map(\.session) == [bob.session.hex])
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.roster.sessionOrder == bench.engine.state.roster.sessionOrder)
        try SessionKeyTests.expectSameHead(bench)
    }
}
