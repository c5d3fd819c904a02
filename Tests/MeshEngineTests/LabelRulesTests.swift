import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Whatever a client calls itself: nobody is taken for somebody else by it.
@Suite struct LabelRulesTests {
    private static func refusal(_ body: () throws -> Void) -> MeshError? {
        do { try body() } catch let error as MeshError { return error } catch {}
        return nil
    }

    /// The name, label and shown name under which a member who calls itself so speaks to bob.
    private static func heard(_ displayName: String) throws -> MessagePush {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        let mallory = try bench.connect(10, session: 110, label: displayName, foreign: true, acknowledges: false)
        _ = bench.takeEffects()
        try bench.send("bob", from: mallory)
        return try #require(bench.pushes(to: bob).first)
    }

    @Test(arguments: [
        ("ada", "ada", "mallory/ada"), ("Ada", "Ada", "mallory/Ada"), ("bob", "bob", "mallory/bob"),
        ("\u{430}d\u{430}", "\u{430}d\u{430}", "mallory/\u{430}d\u{430}"), ("a d a", "a d a", "mallory/a d a"),
        ("ａｄａ", "ａｄａ", "mallory/ａｄａ"), ("a\u{200B}da", "ada", "mallory/ada"), ("a\u{202E}da", "ada", "mallory/ada"),
        ("system", "system", "mallory/system"), ("MESH", "MESH", "mallory/MESH"), ("owner", "owner", "mallory/owner"),
        ("deadbeef", "deadbeef", "mallory/deadbeef"), ("bob/laptop", "bob_laptop", "bob_laptop"),
        ("#general", "_general", "_general"), ("a\nb", "a_b", "a_b"),
        ("Mallory's SDK", "Mallory's SDK", "Mallory's SDK"),
        ("mallory", "mallory", "mallory"),
    ])
    func `a foreign client speaks by its member's name, and its label is only shown`(
        _ displayName: String, _ label: String, _ shown: String
    ) throws {
        let push = try Self.heard(displayName)
        #expect(push.senderName == "mallory")
        #expect(push.senderMemberPubkey == MeshBench.key(10).publicKey)
        #expect(push.senderLabel == label)
        #expect(push.senderDisplayName == shown)
    }

    @Test(arguments: ["", "   ", "\u{200B}", String(repeating: "a", count: 64)])
    func `a display name of which nothing can be kept is none`(_ displayName: String) throws {
        let push = try Self.heard(displayName)
        #expect(push.senderLabel == nil && push.senderDisplayName == "mallory")
    }

    @Test func `the short way of sealed sends says the same`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        let mallory = try bench.connect(10, session: 110, label: "bob", foreign: true)
        let session = try #require(bench.engine.state.roster.sessions[mallory.number])
        let member = try #require(bench.engine.state.roster.members[session.member])
        let frame = String(decoding: Route(session, member, bench.engine.state).template.push, as: UTF8.self)
        #expect(frame.contains(#""senderName":"mallory","senderDisplayName":"mallory/bob","senderLabel":"bob""#))
        _ = bob
    }

    @Test func `peers, events and the hello's answer show a taken label as the member's`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        _ = bench.takeEffects()
        _ = try bench.connect(10, session: 110, label: "ada", foreign: true)
        let row = try #require(
            try bench.query(ListPeers(), as: bob.actor).peers.first { $0.memberName == "mallory" })
        #expect(row.displayName == "mallory/ada" && row.label == "ada")
        let joined = bench.effects.compactMap { effect -> SystemEvent? in
            guard case .push(let connection, let push) = effect, connection == bob.connection else { return nil }
            return push.base as? SystemEvent
        }
        let event = try #require(joined.first)
        #expect(event.data["displayName"] == "mallory/ada" && event.data["memberName"] == "mallory")
        let frame = try #require(event.frame(for: .mesh))
        #expect(try JSON.parse(frame, limits: .frame)["eventData"]?["name"] == "mallory")
    }

    @Test func `a label is shown alone only while nobody else goes by it, in any order of arrival`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        let mallory = try bench.connect(10, session: 110, label: "carol", foreign: true)
        func shown() throws -> String? {
            try bench.query(ListPeers(), as: bob.actor).peers.first { $0.pubkey == mallory.session.hex }?.displayName
        }
        #expect(try shown() == "carol")
        try bench.ask(AddMember(name: "carol", pubkey: MeshBench.key(30).publicKey), as: bench.ownerActor)
        #expect(try shown() == "mallory/carol")
        // A member that was taken out keeps its name from others: who writes to carol does not mean mallory.
        try bench.ask(RemoveMember(member: "carol"), as: bench.ownerActor)
        #expect(try shown() == "mallory/carol")
        let error = Self.refusal { _ = try bench.send("carol", from: bob) }
        #expect(error?.code == .unknownTarget && error?.details["nearest"] == ["mallory/carol"])
        #expect(try bench.send("mallory/carol", from: bob).recipients == 1)
    }

    @Test func `two members with one label are both told apart, and neither gets the other's mail`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "ann", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        _ = try bench.connect(11, session: 111, label: "deploys", foreign: true)
        #expect(try bench.send("deploys", from: bob).recipients == 1)
        _ = try bench.connect(10, session: 110, label: "Deploys", foreign: true)
        let names = try bench.query(ListPeers(), as: bob.actor).peers.map(\.displayName)
        #expect(names.contains("ann/deploys") && names.contains("mallory/Deploys"))
    }

    @Test(arguments: ["Carol", "owner", "system"])
    func `a misleading label is no target on its own`(_ label: String) throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        _ = try bench.peer("carol", 30)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        _ = try bench.connect(10, session: 110, label: label, foreign: true)
        #expect(Self.refusal { _ = try bench.send(label, from: bob) }?.code == .unknownTarget)
        #expect(try bench.send("mallory/\(label)", from: bob).recipients == 1)
    }

    @Test func `a label that is the beginning of a key catches no mail for that key`() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 11), try bench.peer("bob", 20))
        let prefix = String(bob.session.hex.prefix(10))
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        _ = try bench.connect(10, session: 110, label: prefix, foreign: true)
        let reached = try bench.query(Resolve(targetSpec: TargetSpec([prefix])), as: ann.actor).recipients
        #expect(reached.map(\.session) == [bob.session])
        #expect(Self.refusal { try add(prefix, bench) }?.code == .invalidArgument)
    }

    private func add(_ name: String, _ bench: MeshBench) throws {
        try bench.ask(AddMember(name: name, pubkey: MeshBench.key(31).publicKey), as: bench.ownerActor)
    }

    @Test(arguments: ["bob", "Bob", "owner", "mesh", "deadbeef", "b\u{200B}ob"])
    func `a client of ours is told that a label is not its to take`(_ label: String) throws {
        let bench = try MeshBench()
        _ = try bench.peer("bob", 20)
        try bench.ask(AddMember(name: "mallory", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
        let error = Self.refusal { _ = try bench.connect(10, session: 110, label: label) }
        #expect(error?.code == .exists || error?.code == .invalidArgument)
        _ = try bench.connect(10, session: 110, label: "mallory")
    }

    @Test(arguments: ["ADA", "a da", "\u{430}da", "System", "mesh", "deadbeef01"])
    func `nobody joins under a name that reads like another's or the mesh's`(_ name: String) throws {
        let bench = try MeshBench()
        let error = Self.refusal { try add(name, bench) }
        #expect(error?.code == .exists || error?.code == .invalidArgument)
    }

    @Test func `a session of ours does not change its label by a foreign hello`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.disconnect(bob)
        _ = try bench.connect(20, session: 120, label: "ada", foreign: true, replaces: true)
        #expect(bench.engine.state.roster.sessions[bob.number]?.label == nil)
    }

    @Test func `the state says by key who wrote, also after a restart`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(SetState(key: "k", value: 1), as: bob.actor)
        let key = MeshBench.key(20).publicKey
        #expect(try bench.query(GetState(key: "k"), as: bob.actor).updatedByKey == key)
        #expect(try bench.query(ListState(), as: bob.actor).entries.map(\.updatedByKey) == [key])
    }
}
