import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// What one answer may hold: however much there is, a page or a named error comes, and the pages give everything once.
@Suite struct AnswerSizeTests {
    private static func pages<Asked: PagedRequest>(_ first: Asked, _ bench: MeshBench, _ actor: Actor) throws -> [Asked
        .Answer]
    {
        var request = first
        var pages: [Asked.Answer] = []
        while true {
            let page = try bench.query(request, as: actor)
            let bytes = try page.frame().count
            #expect(bytes <= AnswerSize.whole + 4_096)
            pages.append(page)
            guard let next = page.next else { return pages }
            request.after = next
        }
    }

    @Test func largeValuesComeInPages() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let keys = (0..<40).map { "k\($0 < 10 ? "0" : "")\($0)" }
        for key in keys {
            try bench.ask(SetState(key: key, value: .string(String(repeating: "v", count: 60_000))), as: ann.actor)
        }
        let pages = try Self.pages(ListState(), bench, ann.actor)
        #expect(pages.count > 5)
        #expect(pages.flatMap(\.entries).map(\.key) == keys)
        for page in pages { #expect(try page.frame().count <= AnswerSize.page + 70_000) }
        let error = #expect(throws: MeshError.self) {
            try bench.query(WatchState(), as: ann.actor, on: ConnectionID(rawValue: 70))
        }
        #expect(error?.code == .tooLarge)
        #expect(bench.engine.state.subscriptions.interests(in: "state").isEmpty, "a refused watch watches nothing")
        let start = try bench.query(
            WatchState(snapshot: false), as: ann.actor, on: ConnectionID(rawValue: 70))
        #expect(start.partial == true && start.entries.isEmpty)
        #expect(bench.engine.state.subscriptions.interests(in: "state").count == 1)
    }

    @Test func aValueOfManyElementsCountsWhatItTakesInMemory() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let value = JSON.array(Array(repeating: 1, count: 30_000))
        for key in ["a", "b"] { try bench.ask(SetState(key: key, value: value), as: ann.actor) }
        let meter = ReadMeter()
        let result = bench.engine.query(ListState(), actor: ann.actor, connection: nil, meter: meter)
        #expect((try result.get() as? StateList)?.entries.count == 1)
        #expect(meter.bytes > 900_000)
    }

    @Test func everyListCountsWhatItAnswers() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        for session in UInt8(120)..<220 {
            _ = try bench.connect(10, session: session, label: "\(session)" + String(repeating: "字", count: 60))
        }
        let groups = (10..<60).map { "\($0)" + String(repeating: "字", count: 60) }
        for group in groups { try bench.ask(JoinGroup(name: group), as: bob.actor) }
        var send = bench.plain("*")
        send.targetSpec = TargetSpec(groups.map { "@" + $0 })
        send.ttl = 1_000
        try bench.disconnect(bob)
        for _ in 0..<40 { try bench.ask(send, as: ann.actor) }
        try bench.pass(5_000)
        func check(_ request: some Request, over size: Int) throws {
            let meter = ReadMeter()
            let answer = try bench.engine.query(request, actor: ann.actor, connection: nil, meter: meter).get()
            let bytes = try answer.frame().count
            #expect(bytes > size && bytes <= AnswerSize.whole + 4_096, "\(request)")
            #expect(meter.bytes >= bytes * 2 / 3, "\(type(of: request)): \(meter.bytes) of \(bytes)")
        }
        try check(ListSessions(), over: 30_000)
        try check(ListPeers(), over: 30_000)
        try check(ListGroups(), over: 10_000)
        try check(Resolve(targetSpec: TargetSpec(["ann"])), over: 20_000)
        try check(ListDeadLetters(limit: 200), over: 100_000)
        try check(ExportLedger(), over: 30_000)
    }

    @Test func membersPeersAndTopicsComeInPages() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.apply(
            (0..<3_200).map { number in
                let name = "m\(number)-" + String(repeating: "x", count: 50)
                return (AddMember(name: name, pubkey: SigningKey().publicKey), bench.ownerActor)
            })
        let members = try Self.pages(ListMembers(), bench, ann.actor)
        #expect(members.count > 2)
        let names = members.flatMap(\.members).map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count == bench.engine.state.roster.members.count)
        let unknown = #expect(throws: MeshError.self) {
            try bench.query(ListMembers(after: SigningKey().publicKey.hex), as: ann.actor)
        }
        #expect(unknown?.code == .invalidArgument)
        try bench.apply(
            (0..<3_000).map { number in
                (CreateTopic(name: "t\(number)", description: String(repeating: "d", count: 400)), ann.actor)
            })
        let topics = try Self.pages(ListTopics(), bench, ann.actor)
        #expect(topics.count > 1)
        #expect(topics.flatMap(\.topics).map(\.name) == (0..<3_000).map { "t\($0)" }.sorted())
    }

    @Test func anIdIsFoundByItsBeginning() throws {
        let ids = MessageIDs(factor: 0x1234_5678_9ABC_DEF1)
        for seq in [1, 2, 77, 4_999] as [Int64] {
            let prefix = String(ids.id(seq).prefix(9))
            let found = ids.numbers(beginning: prefix, in: 1..<5_000, limit: 5_000)
            #expect(found == (1..<5_000).reversed().filter { ids.id($0).hasPrefix(prefix) })
            #expect(found.contains(seq))
        }
        #expect(ids.numbers(beginning: "!!!!!!!!", in: 1..<5_000, limit: 2).isEmpty)
    }

    @Test func aBatchThatIsOverEndsBetweenCommands() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let before = bench.engine.state.applied
        var generator = SystemRandomNumberGenerator()
        let entropy = Entropy(&generator)
        let commands = (0..<40).map {
            Command(actor: ann.actor, request: SetState(key: "k\($0)", value: 1), entropy: entropy.derived($0))
        }
        let batch = Batch(number: before + 1, now: bench.now, commands: commands)
        let result = try bench.engine.apply(batch) { $0 >= 20 }
        #expect((20..<40).contains(result.outcomes.count))
        #expect(bench.engine.state.applied == before + 1)
        #expect(try bench.query(ListState(), as: ann.actor).entries.count == result.outcomes.count)
    }
}
