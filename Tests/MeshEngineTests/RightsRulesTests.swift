import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct RightsRulesTests {
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    private static func closes(_ bench: MeshBench) -> [UInt64: UInt16] {
        var codes: [UInt64: UInt16] = [:]
        for case .close(let connection, let reason) in bench.effects { codes[connection.rawValue] = reason.code }
        return codes
    }

    @Test func rightsBeyondAndBelowARoleAreDecidedFromTheState() throws {
        let bench = try MeshBench()
        let eye = try bench.peer("eye", 10, role: .observer)
        #expect(Self.refusal { try bench.ask(SetState(key: "k", value: 1), as: eye.actor) } == .forbidden)
        let rights = try bench.ask(SetRights(member: "eye", grant: [.write]), as: bench.ownerActor)
        #expect(rights.may == [.observe, .write])
        #expect(Self.refusal { try bench.ask(SetState(key: "k", value: 1), as: eye.actor) } == nil)
        #expect(Self.refusal { try bench.ask(JoinGroup(name: "g"), as: eye.actor) } == .forbidden)
        try bench.ask(SetRights(member: "eye", role: .member, grant: [], deny: [.write]), as: bench.ownerActor)
        #expect(Self.refusal { try bench.ask(SetState(key: "k", value: 2), as: eye.actor) } == .forbidden)
        #expect(Self.refusal { try bench.ask(JoinGroup(name: "g"), as: eye.actor) } == nil)
        // The tables say the same as the memory.
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.roster.member(name: "eye")?.denied == [.write])
        #expect(again.state.roster.member(name: "eye")?.role == .member)
    }

    @Test func whoMayDecideAboutWhom() throws {
        let bench = try MeshBench()
        let (admin, other) = (try bench.peer("root", 10, role: .admin), try bench.peer("root2", 11, role: .admin))
        let bob = try bench.peer("bob", 12)
        for (caller, target, expected) in [
            (admin, "root2", ErrorCode.forbidden), (admin, "root", .forbidden), (admin, "ada", .forbidden),
            (bob, "root", .forbidden), (admin, "nobody", .notFound), (admin, "bob", nil),
        ] as [(MeshBench.Peer, String, ErrorCode?)] {
            #expect(Self.refusal { try bench.ask(SetRights(member: target, deny: []), as: caller.actor) } == expected)
        }
        #expect(Self.refusal { try bench.ask(SetRights(member: "bob", role: .admin), as: admin.actor) } == .forbidden)
        #expect(
            Self.refusal { try bench.ask(SetRights(member: "bob", grant: [.admin]), as: admin.actor) } == .forbidden)
        #expect(
            Self.refusal { try bench.ask(SetRights(member: "bob", deny: [.observe]), as: admin.actor) }
                == .invalidArgument)
        try bench.ask(SetRights(member: "bob", grant: [.admin]), as: bench.ownerActor)
        #expect(Self.refusal { try bench.query(ListBans(), as: bob.actor) } == nil)
        // Whoever administers by a grant is an admin in every respect.
        #expect(Self.refusal { try bench.ask(Ban(target: "bob"), as: other.actor) } == .forbidden)
    }

    @Test func aRemovedMemberIsOutAtOnceAndANewInviteLetsItIn() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(CreateTopic(name: "t"), as: bob.actor)
        _ = try bench.query(WatchState(prefix: "", watchId: "w"), as: bob.actor, on: ConnectionID(rawValue: 77))
        let waiting = try bench.send("bob", from: ann)
        _ = bench.takeEffects()
        #expect(try bench.ask(RemoveMember(member: "bob"), as: bench.ownerActor).sessions == 1)
        #expect(Self.closes(bench) == [bob.connection.rawValue: 4002, 77: 4002])
        #expect(bench.events(to: ann) == ["peer_left"])
        #expect(try bench.status(waiting.messageId, as: ann).map(\.state) == [.expired])
        #expect(Self.refusal { try bench.send("bob", from: ann) } == .unknownTarget)
        #expect(Self.refusal { try bench.ask(SetState(key: "k", value: 1), as: bob.actor) } == .unauthorized)
        #expect(Self.refusal { try bench.connect(11, session: 111) } == .revoked)
        _ = bench.takeEffects()
        try bench.ask(SetState(key: "k", value: 1), as: ann.actor)
        #expect(bench.takeEffects().isEmpty, "its watch is gone")
        // The name is free, and the key may come back under another.
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(12).publicKey), as: bench.ownerActor)
        try bench.ask(AddMember(name: "robert", pubkey: MeshBench.key(11).publicKey), as: bench.ownerActor)
        #expect(Self.refusal { try bench.connect(11, session: 111) } == nil)
        #expect(
            try bench.query(ListMembers(), as: ann.actor).members.map(\.name).sorted() == [
                "ada", "ann", "bob", "robert",
            ])
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.roster.member(name: "robert")?.key == MeshBench.key(11).publicKey)
    }

    @Test func aBannedKeyIsRefusedUntilItIsUnbanned() throws {
        let bench = try MeshBench()
        _ = try bench.peer("eve", 10)
        let prefix = String(MeshBench.key(10).publicKey.hex.prefix(10))
        #expect(try bench.ask(Ban(target: prefix, reason: "spam"), as: bench.ownerActor).banned == "eve")
        #expect(Self.refusal { try bench.connect(10, session: 110) } == .revoked)
        #expect(
            Self.refusal {
                try bench.ask(AddMember(name: "eve2", pubkey: MeshBench.key(10).publicKey), as: bench.ownerActor)
            } == .revoked)
        #expect(try bench.query(ListBans(), as: bench.ownerActor).bans.map(\.name) == ["eve"])
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.roster.member(key: MeshBench.key(10).publicKey)?.isBanned == true)
        try bench.ask(Unban(target: "eve"), as: bench.ownerActor)
        #expect(Self.refusal { try bench.connect(10, session: 110) } == nil)
        #expect(Self.refusal { try bench.ask(Unban(target: "eve"), as: bench.ownerActor) } == .notFound)
    }

    @Test func aKickEndsConnectionsAndNothingElse() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10, role: .admin), try bench.peer("bob", 11))
        let second = try bench.connect(11, session: 60, label: "laptop")
        _ = bench.takeEffects()
        #expect(try bench.ask(Kick(target: "bob/laptop"), as: ann.actor).kicked == ["bob"])
        #expect(Self.closes(bench) == [second.connection.rawValue: 4001])
        _ = bench.takeEffects()
        #expect(try bench.ask(Disconnect(all: true), as: ann.actor).kicked == ["bob"])
        #expect(Self.closes(bench) == [bob.connection.rawValue: 1000])
        #expect(try bench.send("bob", from: ann).recipients == 2)
        #expect(Self.refusal { try bench.ask(Kick(), as: ann.actor) } == .invalidArgument)
        #expect(Self.refusal { try bench.ask(Kick(target: "ada"), as: ann.actor) } == .forbidden)
    }

    @Test(arguments: [[], [PeerGrant.dm], [.broadcast]])
    func aBlockedSenderIsNotToldAndItsMessagesNeverArrive(_ grants: [PeerGrant]) throws {
        let bench = try MeshBench()
        let (eve, bob) = (try bench.peer("eve", 10), try bench.peer("bob", 11))
        try bench.ask(SetGrants(peer: "eve", grants: grants), as: bob.actor)
        _ = bench.takeEffects()
        let direct = try bench.send("bob", from: eve)
        #expect(direct.recipients == 1 && direct.status == "accepted")
        let all = try bench.ask(bench.plain("*"), as: eve.actor)
        let kinds = Set(bench.pushes(to: bob).map(\.kind))
        #expect(kinds == Set(grants.map { $0 == .dm ? "direct" : "all" }))
        let blocked = grants.contains(.dm) ? all : direct
        let receipt = try bench.status(blocked.messageId, as: eve).first { $0.name == "bob" }
        // As what waits behind others: that it is blocked shows in nothing.
        #expect(receipt?.state == .held && receipt?.reason == HoldReason.behind.rawValue)
        // Not after a restart, not after unblocking, and not for ever.
        let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(again.state.mailboxes[bob.number]?.count ?? 0 == grants.count)
        #expect(again.state.memory(Grants.Memory.self).limits.count == 1)
        try bench.ask(SetGrants(peer: "eve", grants: nil), as: bob.actor)
        try bench.disconnect(bob)
        _ = bench.takeEffects()
        #expect(bench.pushes(to: try bench.connect(11, session: 111)).count == grants.count)
        try bench.pass(8 * 86_400_000)
        try bench.pass(200_000)
        #expect(try bench.status(blocked.messageId, as: eve).first { $0.name == "bob" }?.state == .expired)
        #expect(try bench.query(ListGrants(), as: bob.actor).grants.isEmpty)
    }

    @Test func anInviteIsListedAndRevoked() throws {
        let bench = try MeshBench()
        let code = InviteCode()
        let capability = InviteCapability(
            meshId: bench.meshID, inviteId: code.inviteID, role: .member, uses: 2, expiresAt: bench.now + 60_000,
            codeHash: code.hashHex, issuer: bench.owner.publicKey)
        try bench.ask(
            CreateInvite(capability: capability, signature: capability.sign(bench.owner)), as: bench.ownerActor)
        func claim(_ seed: UInt8) throws -> InviteClaimed {
            try bench.ask(
                ClaimInvite(
                    inviteID: code.inviteID, codeHash: code.hashHex, name: "m\(seed)",
                    pubkey: MeshBench.key(seed).publicKey, claim: MeshBench.key(seed).sign([1]), timestamp: bench.now,
                    session: nil), as: .node)
        }
        _ = try claim(10)
        let row = try bench.query(ListInvites(), as: bench.ownerActor).invites.first
        #expect(row?.state == "open" && row?.used == 1 && row?.issuer == "ada")
        try bench.ask(RevokeInvite(inviteId: String(code.inviteID.prefix(8))), as: bench.ownerActor)
        #expect(Self.refusal { try claim(11) } == .inviteInvalid)
        #expect(try bench.query(ListInvites(), as: bench.ownerActor).invites.map(\.state) == ["revoked"])
        #expect(Self.refusal { try bench.ask(RevokeInvite(inviteId: "zzzzzz"), as: bench.ownerActor) } == .notFound)
    }
}
