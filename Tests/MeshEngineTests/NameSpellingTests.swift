import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Both ways to write é are one name, however it was written when it was stored.
@Suite struct NameSpellingTests {
    private static let composed = "caf\u{E9}"
    private static let decomposed = "cafe\u{301}"

    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    @Test func aTopicIsOneInEitherSpelling() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        let made = try bench.ask(CreateTopic(name: Self.decomposed), as: ann.actor)
        #expect(made.topic.name.unicodeScalars.elementsEqual(Self.composed.unicodeScalars))
        #expect(try !bench.ask(CreateTopic(name: Self.composed), as: bob.actor).created)
        try bench.ask(bench.plain("#" + Self.composed, "hi"), as: ann.actor)
        #expect(try bench.query(TopicHistory(topic: "#" + Self.decomposed), as: bob.actor).messages.count == 1)
        #expect(try bench.query(ListTopics(), as: bob.actor).topics.count == 1)
    }

    @Test func aGroupIsOneInEitherSpelling() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(JoinGroup(name: Self.decomposed + "/web"), as: ann.actor)
        let groups = try bench.ask(JoinGroup(name: Self.composed + "/web", role: "lead"), as: ann.actor).groups
        #expect(groups.count == 1)
        for target in ["@" + Self.composed, "@" + Self.decomposed, "@" + Self.composed + "/web"] {
            #expect(try bench.ask(bench.plain(target), as: bob.actor).recipients == 1)
        }
        #expect(try bench.ask(LeaveGroup(name: Self.composed + "/web"), as: ann.actor).groups.isEmpty)
    }

    @Test func aMembersNameIsTakenInEitherSpelling() throws {
        let bench = try MeshBench()
        _ = try bench.peer(Self.decomposed, 10)
        let taken = Self.refusal {
            try bench.ask(
                AddMember(name: Self.composed, pubkey: MeshBench.key(90).publicKey, role: .member), as: bench.ownerActor
            )
        }
        #expect(taken == .exists)
        let known = try bench.query(ListMembers(), as: bench.ownerActor).members.map(\.name)
        #expect(known.contains { $0.unicodeScalars.elementsEqual(Self.composed.unicodeScalars) })
    }

    /// A version before stored names as they came.
    @Test func whatWasStoredDecomposedIsFound() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(CreateTopic(name: "plans"), as: ann.actor)
        let database = try Database(path: bench.path, mode: .open)
        try database.prepare("UPDATE member SET name = ? WHERE name = 'ann'").run(Self.decomposed)
        try database.prepare("UPDATE topic SET name = ?").run(Self.decomposed)
        try database.prepare("UPDATE session SET label = ?, groups = ? WHERE number = ?").run(
            Self.decomposed, "[{\"name\":\"\(Self.decomposed)\"}]", ann.number.rawValue)
        let roster = try MeshEngine(database: database, table: bench.table).state.roster
        for name in [Self.composed, Self.decomposed] {
            #expect(roster.member(name: name)?.key == ann.member)
            #expect(roster.topics.find("#" + name) != nil)
            #expect(roster.sessions(inGroup: Names.normalised(name), at: bench.now) == [ann.number])
            let target = TargetSpec([name + "/" + name])
            #expect(try roster.resolve(target, from: nil, at: bench.now).recipients == [.session(ann.number)])
        }
    }

    /// Keys of the state are texts of their own: they have no spelling.
    @Test func keysOfTheStateDifferByCodePoints() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let operations = [Self.composed, Self.decomposed].map { BatchState.Operation(op: .set, key: $0, value: 1) }
        #expect(try bench.ask(BatchState(operations: operations), as: ann.actor).changed == 2)
        #expect(try bench.query(ListState(), as: ann.actor).entries.count == 2)
    }
}

/// A retry is recognised by what was meant.
@Suite struct RetryRulesTests {
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    /// A send whose sealed bytes are those of a new try.
    private static func sealed(
        _ bench: MeshBench, from peer: MeshBench.Peer, bytes: UInt8, fingerprint: String?
    ) throws -> Send {
        var send = try bench.sealed("bob", from: peer, id: "run-17")
        send.requestFingerprint = fingerprint
        send.copies = send.copies?.map { copy in
            var copy = copy
            copy.nonce = Base64.encode([UInt8](repeating: bytes, count: 24))
            return copy
        }
        return send
    }

    @Test func otherBytesWithTheSameFingerprintAreTheSameMessage() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        let first = try bench.ask(Self.sealed(bench, from: ann, bytes: 1, fingerprint: "aa"), as: ann.actor)
        let again = try bench.ask(Self.sealed(bench, from: ann, bytes: 2, fingerprint: "aa"), as: ann.actor)
        #expect(again.duplicate == true)
        #expect(again.messageId == first.messageId)
        #expect(bench.pushes(to: bob).count == 1)
    }

    @Test func aRetryIsKnownWhenItsRecipientHasAnotherSession() throws {
        let bench = try MeshBench()
        let (ann, _) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(Self.sealed(bench, from: ann, bytes: 1, fingerprint: "aa"), as: ann.actor)
        let other = try bench.connect(11, session: 112)
        let again = try bench.ask(Self.sealed(bench, from: ann, bytes: 2, fingerprint: "aa"), as: ann.actor)
        #expect(again.duplicate == true)
        #expect(bench.pushes(to: other).isEmpty)
    }

    @Test func whatIsMeantOtherwiseIsAConflict() throws {
        let bench = try MeshBench()
        let (ann, _) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(Self.sealed(bench, from: ann, bytes: 1, fingerprint: "aa"), as: ann.actor)
        for send in [
            // The same bytes, but said to mean something else; other bytes without a word.
            try Self.sealed(bench, from: ann, bytes: 1, fingerprint: "bb"),
            try Self.sealed(bench, from: ann, bytes: 2, fingerprint: nil),
        ] {
            #expect(Self.refusal { try bench.ask(send, as: ann.actor) } == .conflict)
        }
    }

    @Test func withoutAFingerprintTheBytesCount() throws {
        let bench = try MeshBench()
        let (ann, _) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(Self.sealed(bench, from: ann, bytes: 1, fingerprint: nil), as: ann.actor)
        let again = try bench.ask(Self.sealed(bench, from: ann, bytes: 1, fingerprint: nil), as: ann.actor)
        #expect(again.duplicate == true)
    }
}
