import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct TopicRulesTests {
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    private static func post(_ text: String, to topic: String, by peer: MeshBench.Peer, _ bench: MeshBench) throws
        -> SendAck
    {
        try bench.ask(bench.plain(topic, text), as: peer.actor)
    }

    @Test(arguments: ["#plans", "plans"])
    func aTopicReachesItsMembersLiveAndAway(_ spelling: String) throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        let outsider = try bench.peer("eve", 12)
        #expect(try bench.ask(CreateTopic(name: "plans"), as: ann.actor).created)
        try bench.ask(JoinTopic(topic: spelling), as: bob.actor)
        try bench.disconnect(bob)
        try bench.pass(200_000)
        _ = bench.takeEffects()
        let ack = try Self.post("hello", to: "#plans", by: ann, bench)
        #expect(ack.recipients == 1)
        #expect(bench.pushes(to: outsider).isEmpty)
        let back = try bench.connect(11, session: 111)
        let pushes = bench.pushes(to: back)
        #expect(pushes.map(\.topic) == ["plans"])
        #expect(pushes.map(\.kind) == ["topic"])
        #expect(pushes.map(\.encrypted) == [false])
    }

    @Test func aMemberThatWasAwayForAWeekGetsWhatItMissedOnce() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(CreateTopic(name: "plans"), as: ann.actor)
        try bench.ask(JoinTopic(topic: "plans"), as: bob.actor)
        try bench.disconnect(bob)
        try bench.pass(6 * 86_400_000)
        for number in 0..<3 { _ = try Self.post("m\(number)", to: "#plans", by: ann, bench) }
        _ = bench.takeEffects()
        let back = try bench.connect(11, session: 111)
        #expect(bench.pushes(to: back).count == 3)
        try bench.ask(Acknowledge(messageIDs: bench.pushes(to: back).map(\.messageId)), as: back.actor)
        try bench.disconnect(back)
        _ = bench.takeEffects()
        #expect(bench.pushes(to: try bench.connect(11, session: 111)).isEmpty)
    }

    @Test func aForeignMemberGetsItWithItsNextSession() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bot", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        let bot = try bench.connect(11, session: 60, foreign: true)
        try bench.ask(CreateTopic(name: "plans"), as: ann.actor)
        try bench.ask(JoinTopic(topic: "plans"), as: bot.actor)
        try bench.disconnect(bot)
        try bench.pass(3_600_000)
        _ = try Self.post("one", to: "#plans", by: ann, bench)
        _ = bench.takeEffects()
        let next = try bench.connect(11, session: 61, foreign: true)
        #expect(bench.pushes(to: next).count == 1)
    }

    @Test func whatIsPrivateIsAsIfItWereNotThere() throws {
        let bench = try MeshBench()
        let (ann, eve) = (try bench.peer("ann", 10), try bench.peer("eve", 11))
        try bench.ask(CreateTopic(name: "secret", visibility: .invited), as: ann.actor)
        #expect(Self.refusal { try Self.post("hi", to: "#secret", by: eve, bench) } == .unknownTarget)
        #expect(Self.refusal { try bench.ask(JoinTopic(topic: "secret"), as: eve.actor) } == .notFound)
        #expect(Self.refusal { try bench.query(TopicHistory(topic: "secret"), as: eve.actor) } == .notFound)
        #expect(Self.refusal { try bench.query(ListTopicMembers(topic: "secret"), as: eve.actor) } == .notFound)
        #expect(try bench.query(ListTopics(), as: eve.actor).topics.isEmpty)
        #expect(Self.refusal { try bench.ask(CreateTopic(name: "secret"), as: eve.actor) } == .exists)
        try bench.ask(JoinTopic(topic: "secret", member: "eve"), as: ann.actor)
        #expect(try Self.post("hi", to: "#secret", by: eve, bench).recipients == 1)
    }

    @Test func rolesDecideWhoPostsAndWhoLetsOthersIn() throws {
        let bench = try MeshBench()
        let (ann, bob, cleo) = (try bench.peer("ann", 10), try bench.peer("bob", 11), try bench.peer("cleo", 12))
        try bench.ask(CreateTopic(name: "plans"), as: ann.actor)
        #expect(Self.refusal { try bench.ask(JoinTopic(topic: "plans", role: .lead), as: bob.actor) } == .forbidden)
        try bench.ask(JoinTopic(topic: "plans", role: .observer), as: bob.actor)
        #expect(Self.refusal { try Self.post("hi", to: "#plans", by: bob, bench) } == .forbidden)
        // Joining again changes nothing: claudemesh clients do it at every start.
        #expect(try bench.ask(JoinTopic(topic: "plans", role: .member), as: bob.actor).role == .observer)
        #expect(Self.refusal { try bench.ask(JoinTopic(topic: "plans", member: "bob"), as: cleo.actor) } == .forbidden)
        try bench.ask(JoinTopic(topic: "plans", role: .member, member: "bob"), as: ann.actor)
        #expect(try Self.post("hi", to: "#plans", by: bob, bench).queued)
        #expect(Self.refusal { try bench.ask(LeaveTopic(topic: "plans", member: "ann"), as: bob.actor) } == .forbidden)
        try bench.ask(LeaveTopic(topic: "plans", member: "bob"), as: ann.actor)
        #expect(try bench.query(ListTopicMembers(topic: "plans"), as: ann.actor).members.map(\.displayName) == ["ann"])
    }

    @Test func historyPagesReadMarksAndMentions() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(CreateTopic(name: "plans"), as: ann.actor)
        try bench.ask(JoinTopic(topic: "plans"), as: bob.actor)
        var ids: [String] = []
        for number in 0..<7 {
            var send = bench.plain("#plans", "m\(number)")
            if number == 3 { send.mentions = ["@bob", "nobody"] }
            if number == 4 { send.replyToID = ids[3] }
            ids.append(try bench.ask(send, as: ann.actor).messageId)
        }
        let first = try bench.query(TopicHistory(topic: "plans", limit: 3), as: bob.actor)
        #expect(first.messages.map(\.id) == Array(ids.reversed().prefix(3)) && first.more)
        let second = try bench.query(
            TopicHistory(topic: "plans", limit: 3, beforeId: first.messages.last?.id), as: bob.actor)
        #expect(second.messages.map(\.id) == Array(ids.reversed().dropFirst(3).prefix(3)) && second.more)
        let last = try bench.query(
            TopicHistory(topic: "plans", limit: 3, beforeId: second.messages.last?.id), as: bob.actor)
        #expect(last.messages.map(\.id) == [ids[0]] && !last.more)
        #expect(first.messages[2].replyToId == ids[3])
        func mine() throws -> TopicList.Row? { try bench.query(ListTopics(), as: bob.actor).topics.first }
        #expect(try mine()?.unread == 7)
        #expect(try mine()?.mentions == 1)
        #expect(try bench.query(ListMentions(unread: true), as: bob.actor).messages.map(\.id) == [ids[3]])
        #expect(try bench.ask(MarkTopicRead(topic: "plans", upToId: ids[4]), as: bob.actor).unread == 2)
        // The mark never goes back.
        #expect(try bench.ask(MarkTopicRead(topic: "plans", upToId: ids[0]), as: bob.actor).unread == 2)
        #expect(try bench.query(ListMentions(unread: true), as: bob.actor).messages.isEmpty)
        #expect(try bench.query(ListMentions(), as: bob.actor).messages.count == 1)
        #expect(try mine()?.mentions == 0)
    }

    @Test func topicsAreThereAfterTheMemoryIsReadAgain() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(CreateTopic(name: "plans", description: "what comes"), as: ann.actor)
        try bench.ask(JoinTopic(topic: "plans", role: .observer), as: bob.actor)
        _ = try Self.post("m", to: "#plans", by: ann, bench)
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        let topic = again.state.roster.topics.find("plans")
        #expect(topic?.about == "what comes")
        #expect(topic?.seats.values.map(\.role.rawValue).sorted() == ["lead", "observer"])
        #expect(topic.flatMap { again.state.memory(Topics.Memory.self).counts[$0.number] } == 1)
    }

    @Test(arguments: ["", "with space", "a//b", String(repeating: "x", count: 65), "tab\t"])
    func aBadNameIsRefused(_ name: String) throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        #expect(Self.refusal { try bench.ask(CreateTopic(name: name), as: ann.actor) } == .invalidArgument)
    }

    @Test func anUnknownTopicNamesTheNearest() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(CreateTopic(name: "deploys"), as: ann.actor)
        let error = #expect(throws: MeshError.self) { try Self.post("x", to: "#deplois", by: ann, bench) }
        #expect(error?.code == .unknownTarget)
        #expect(error?.hint?.contains("#deploys") == true)
    }
}
