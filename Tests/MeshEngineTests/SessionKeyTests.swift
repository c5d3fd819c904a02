import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Whose a session key is, in every order in which its claims can come.
@Suite struct SessionKeyTests {
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    private static func hex(_ seed: UInt8) -> String { MeshBench.key(seed).publicKey.hex }

    /// How the connections ended that were ended.
    private static func closes(_ bench: MeshBench) -> [UInt64: String] {
        var reasons: [UInt64: String] = [:]
        for case .close(let connection, let reason) in bench.effects { reasons[connection.rawValue] = reason.reason }
        return reasons
    }

    static func expectSameHead(_ bench: MeshBench) throws {
        let copy = try bench.copyOfTheStart()
        for batch in bench.batches {
            _ = try copy.apply(RecordedBatch.parse(RecordedBatch.line(batch).dropLast(), table: bench.table))
        }
        #expect(copy.ledgerSize == bench.engine.ledgerSize && copy.ledgerRoot == bench.engine.ledgerRoot)
    }

    @Test(arguments: [true, false])
    func aMembersKeyIsNobodyElsesSessionKey(_ isProven: Bool) throws {
        let bench = try MeshBench()
        let (ann, eve) = (try bench.peer("ann", 10), try bench.peer("eve", 11))
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        #expect(
            Self.refusal { try bench.connect(11, session: 20, foreign: true, proven: isProven) } == .sessionKeyTaken)
        let sent = try bench.send(Self.hex(20), from: ann)
        #expect(bench.pushes(to: eve).isEmpty)
        let bob = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: bob).map(\.messageId) == [sent.messageId])
        // Its own key is a member's to use, and one who was taken out keeps it from others.
        #expect(Self.refusal { try bench.connect(20, session: 20, foreign: true) } == nil)
        try bench.ask(RemoveMember(member: "bob"), as: bench.ownerActor)
        #expect(
            Self.refusal { try bench.connect(11, session: 20, foreign: true, proven: isProven) } == .sessionKeyTaken)
    }

    /// How a member comes in.
    enum Way { case added, invited }

    private static func letIn(_ bench: MeshBench, _ way: Way) throws {
        let key = MeshBench.key(20)
        guard way == .invited else {
            try bench.ask(AddMember(name: "bob", pubkey: key.publicKey), as: bench.ownerActor)
            return
        }
        let code = InviteCode()
        let capability = InviteCapability(
            meshId: bench.meshID, inviteId: code.inviteID, role: .member, uses: 1, expiresAt: bench.now + 60_000,
            codeHash: code.hashHex, issuer: bench.owner.publicKey)
        try bench.ask(
            CreateInvite(capability: capability, signature: capability.sign(bench.owner)), as: bench.ownerActor)
        try bench.ask(
            ClaimInvite(
                inviteID: code.inviteID, codeHash: code.hashHex, name: "bob", pubkey: key.publicKey,
                claim: key.sign([1]), timestamp: bench.now, session: nil), as: .node)
    }

    @Test(arguments: [Way.added, .invited])
    func aMemberTakesItsKeyFromWhoeverNamedItBefore(_ way: Way) throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "eve", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        let eve = try bench.connect(11, session: 20, foreign: true, proven: false)
        let forKey = try bench.send(Self.hex(20), from: ann)
        let forEve = try bench.send("eve", from: ann)
        #expect(bench.pushes(to: eve).count == 2)
        _ = bench.takeEffects()
        try Self.letIn(bench, way)
        #expect(Self.closes(bench) == [eve.connection.rawValue: "session_key_taken"])
        #expect(bench.engine.state.roster.sessions[eve.number] == nil)
        // What was sent to the key waits for its owner, what was sent to the other member reached nobody.
        #expect(try bench.status(forKey.messageId, as: ann).map(\.state) == [.held])
        #expect(try bench.status(forEve.messageId, as: ann).map(\.reason) == ["recipient_retired"])
        #expect(Self.refusal { try bench.connect(11, session: 20, foreign: true) } == .sessionKeyTaken)
        let bob = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: bob).map(\.messageId) == [forKey.messageId])
        #expect(bench.pushes(to: bob).map(\.recipientKey?.hex) == [Self.hex(20)])
        try bench.ask(Acknowledge(messageIDs: [forKey.messageId]), as: bob.actor)
        #expect(try bench.status(forKey.messageId, as: ann).map(\.state) == [.delivered])
        try Self.expectSameHead(bench)
    }

    @Test func aKeyThatIsProvedIsTakenFromWhoeverNamedIt() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for (name, seed) in [("eve", 11), ("bob", 12)] as [(String, UInt8)] {
            try bench.ask(AddMember(name: name, pubkey: MeshBench.key(seed).publicKey), as: bench.ownerActor)
        }
        let eve = try bench.connect(11, session: 130, foreign: true, proven: false)
        let sent = try bench.send(Self.hex(130), from: ann)
        #expect(
            Self.refusal { try bench.connect(12, session: 130, foreign: true, proven: false) } == .sessionKeyTaken,
            "of two that only name it the first has it")
        _ = bench.takeEffects()
        let bob = try bench.connect(12, session: 130)
        #expect(Self.closes(bench) == [eve.connection.rawValue: "session_key_taken"])
        #expect(bench.pushes(to: bob).map(\.messageId) == [sent.messageId])
        #expect(bench.engine.state.roster.session(key: bob.session)?.member.rawValue == 4)
        #expect(Self.refusal { try bench.connect(11, session: 130, foreign: true, proven: false) } == .sessionKeyTaken)
        #expect(Self.refusal { try bench.connect(11, session: 130) } == .sessionKeyTaken, "proved twice: the first")
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.mailboxes[bob.number]?.count == 1)
        #expect(again.state.roster.sessionOrder == bench.engine.state.roster.sessionOrder)
        try Self.expectSameHead(bench)
    }

    @Test func whoeverBlocksASenderGetsNothingOfItByTakingAKey() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 12))
        try bench.ask(AddMember(name: "eve", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        try bench.ask(SetGrants(peer: "ann", grants: []), as: bob.actor)
        _ = try bench.connect(11, session: 130, foreign: true, proven: false)
        try bench.send(Self.hex(130), from: ann)
        #expect(bench.pushes(to: try bench.connect(12, session: 130)).isEmpty)
    }

    @Test func aProvedKeyIsNotTakenBack() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let size = bench.engine.ledgerSize
        // Not by a member of that key, whoever adds it, and not by naming it, not even by the same member.
        #expect(
            Self.refusal { try bench.ask(AddMember(name: "bob", pubkey: ann.session), as: bench.ownerActor) }
                == .sessionKeyTaken)
        #expect(Self.refusal { try bench.connect(10, session: 110, foreign: true, proven: false) } == .sessionKeyTaken)
        #expect(bench.engine.ledgerSize == size)
        #expect(bench.engine.state.roster.sessions[ann.number]?.attachment == .attached(ann.connection))
    }

    @Test func whatStandsForAMissingKeyIsNoKey() throws {
        let bench = try MeshBench()
        try bench.ask(AddMember(name: "bot", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        let first = try Self.keyless(bench, connection: 900)
        let standIn = try #require(bench.engine.state.roster.sessions[SessionNumber(rawValue: first.number)]?.key)
        _ = try bench.peer("eve", 11)
        try bench.ask(LoseConnection(session: first.number, connection: 900), as: .node)
        try bench.ask(
            OpenSession(
                member: MeshBench.key(11).publicKey, session: standIn, isProven: false, binding: nil, isForeign: true,
                dialect: .claudemesh, acknowledges: false, label: nil, groups: nil, messageMode: nil,
                info: ClientInfo(), connection: 901, replaces: true,
                limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)), as: .node)
        #expect(try Self.keyless(bench, connection: 902).number == first.number)
    }

    private static func keyless(_ bench: MeshBench, connection: UInt64) throws -> SessionOpened {
        var info = ClientInfo()
        info.sessionID = "bridge"
        return try bench.ask(
            OpenSession(
                member: MeshBench.key(20).publicKey, session: nil, isProven: false, binding: nil, isForeign: true,
                dialect: .claudemesh, acknowledges: false, label: nil, groups: nil, messageMode: nil, info: info,
                connection: connection, replaces: true, limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)),
            as: .node)
    }

    @Test func aFileOfAnEarlierVersionIsPutRightAtTheStart() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        try bench.ask(AddMember(name: "eve", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        let eve = try bench.connect(11, session: 130, foreign: true, proven: false)
        try bench.disconnect(eve)
        let sent = try bench.send(Self.hex(130), from: ann)
        // As it was possible once: eve's session has the key of bob, and mail for it.
        let database = try Database(path: bench.path, mode: .open)
        try database.prepare("UPDATE session SET key = ? WHERE number = ?")
            .run(MeshBench.key(20).publicKey.bytes, eve.number.rawValue)
        try database.prepare("UPDATE message SET target = ?").run(Self.hex(20))
        let engine = try MeshEngine(database: database, table: bench.table)
        #expect(engine.state.roster.sessions[eve.number] != nil)
        let entropy = try #require(Entropy(hex: String(repeating: "0", count: 64)))
        let start = Command(actor: .node, request: StartNode(stoppedFor: 1), entropy: entropy)
        _ = try engine.apply(Batch(number: engine.state.applied + 1, now: bench.now, commands: [start]))
        #expect(engine.state.roster.sessions[eve.number] == nil)
        let bob = try #require(engine.state.roster.member(name: "bob"))
        #expect(engine.state.memberMail[bob.number]?.map { engine.state.messageIDs.id($0.message) } == [sent.messageId])
    }
}
