import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct MembersRulesTests {
    /// Registers an invite of the owner; its code comes back.
    private static func invite(
        _ bench: MeshBench, role: Role = .member, uses: Int = 1, lifetime: Int64 = 60_000,
        change: (inout InviteCapability) -> Void = { _ in }
    ) throws -> InviteCode {
        let code = InviteCode()
        var capability = InviteCapability(
            meshId: bench.meshID, inviteId: code.inviteID, role: role, uses: uses, expiresAt: bench.now + lifetime,
            codeHash: code.hashHex, issuer: bench.owner.publicKey)
        change(&capability)
        try bench.ask(
            CreateInvite(capability: capability, signature: capability.sign(bench.owner)), as: bench.ownerActor)
        return code
    }

    private static func claim(_ bench: MeshBench, _ code: InviteCode, _ name: String, _ seed: UInt8) throws
        -> InviteClaimed
    {
        try bench.ask(
            ClaimInvite(
                inviteID: code.inviteID, codeHash: code.hashHex, name: name, pubkey: MeshBench.key(seed).publicKey,
                claim: MeshBench.key(seed).sign([1]), timestamp: bench.now, session: nil), as: .node)
    }

    /// The code of the error that a body ends with.
    private static func refusal(_ body: () throws -> some Any) -> ErrorCode? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? MeshError)?.code }
    }

    @Test func `an invite lets in as many as it says`() throws {
        let bench = try MeshBench()
        let code = try Self.invite(bench, uses: 2)
        #expect(try Self.claim(bench, code, "bob", 10).role == .member)
        #expect(try !Self.claim(bench, code, "cleo", 11).alreadyMember)
        #expect(Self.refusal { try Self.claim(bench, code, "dan", 12) } == .inviteExhausted)
    }

    @Test func `whoever joins again with the same key is the same member and uses nothing up`() throws {
        let bench = try MeshBench()
        let code = try Self.invite(bench, uses: 1)
        let first = try Self.claim(bench, code, "bob", 10)
        let again = try Self.claim(bench, code, "robert", 10)
        #expect(again.alreadyMember)
        #expect(again.memberID == first.memberID)
        #expect(again.name == "bob")
    }

    @Test func `a joiner whose answer was lost gets it again, also when the invite has ended since`() throws {
        let bench = try MeshBench()
        let (short, revoked) = (try Self.invite(bench, lifetime: 5_000), try Self.invite(bench))
        let first = try Self.claim(bench, short, "bob", 10)
        let second = try Self.claim(bench, revoked, "cleo", 11)
        try bench.ask(RevokeInvite(inviteId: revoked.inviteID), as: bench.ownerActor)
        bench.now += 5_000
        #expect(try Self.claim(bench, short, "bob", 10).memberID == first.memberID)
        #expect(try Self.claim(bench, revoked, "cleo", 11).memberID == second.memberID)
        #expect(Self.refusal { try Self.claim(bench, short, "dan", 12) } == .inviteExpired)
        #expect(Self.refusal { try Self.claim(bench, revoked, "dan", 12) } == .inviteInvalid)
    }

    @Test func `a member gets no certificate of a higher role out of somebody else's invite`() throws {
        let bench = try MeshBench()
        let (low, high) = (try Self.invite(bench), try Self.invite(bench, role: .admin))
        _ = try Self.claim(bench, low, "bob", 10)
        #expect(Self.refusal { try Self.claim(bench, high, "bob", 10) } == .exists)
        #expect(try Self.claim(bench, high, "cleo", 11).role == .admin)
        #expect(Self.refusal { try Self.claim(bench, high, "bob", 10) } == .exists)
        #expect(try Self.claim(bench, low, "cleo", 11).alreadyMember)
    }

    @Test func `a refused claim does not use the invite up`() throws {
        let bench = try MeshBench()
        let code = try Self.invite(bench, uses: 1)
        #expect(Self.refusal { try Self.claim(bench, code, "ada", 10) } == .exists)
        #expect(Self.refusal { try Self.claim(bench, code, "a,b", 10) } == .invalidArgument)
        #expect(try Self.claim(bench, code, "bob", 10).name == "bob")
    }

    @Test func `an invite ends at its time`() throws {
        let bench = try MeshBench()
        let code = try Self.invite(bench, lifetime: 5_000)
        bench.now += 5_000
        #expect(Self.refusal { try Self.claim(bench, code, "bob", 10) } == .inviteExpired)
    }

    @Test func `an unknown code and a known id with another code are the same to the outside`() throws {
        let bench = try MeshBench()
        let code = try Self.invite(bench)
        #expect(Self.refusal { try Self.claim(bench, InviteCode(), "bob", 10) } == .inviteInvalid)
        let claim = ClaimInvite(
            inviteID: code.inviteID, codeHash: InviteCode().hashHex, name: "bob",
            pubkey: MeshBench.key(10).publicKey, claim: MeshBench.key(10).sign([1]), timestamp: bench.now, session: nil)
        #expect(Self.refusal { try bench.ask(claim, as: .node) } == .inviteInvalid)
    }

    @Test func `an invite is refused unless its issuer signed exactly it`() throws {
        let bench = try MeshBench()
        let code = InviteCode()
        var capability = InviteCapability(
            meshId: bench.meshID, inviteId: code.inviteID, role: .member, uses: 1, expiresAt: bench.now + 1_000,
            codeHash: code.hashHex, issuer: bench.owner.publicKey)
        let signature = capability.sign(bench.owner)
        capability.uses = 1_000
        #expect(
            Self.refusal {
                try bench.ask(CreateInvite(capability: capability, signature: signature), as: bench.ownerActor)
            } == .badSignature)
        #expect(Self.refusal { try Self.invite(bench) { $0.meshId = "other" } } == .invalidArgument)
        #expect(Self.refusal { try Self.invite(bench) { $0.issuer = MeshBench.key(9).publicKey } } == .forbidden)
        #expect(Self.refusal { try Self.invite(bench, uses: 0) } == .invalidArgument)
        #expect(Self.refusal { try Self.invite(bench, lifetime: -1) } == .invalidArgument)
        #expect(Self.refusal { try Self.invite(bench, role: .owner) } == .invalidArgument)
    }

    @Test func `a key and a name belong to one member`() throws {
        let bench = try MeshBench()
        _ = try bench.peer("bob", 10)
        let key = MeshBench.key(11).publicKey
        #expect(Self.refusal { try bench.ask(AddMember(name: "bob", pubkey: key), as: bench.ownerActor) } == .exists)
        let own = MeshBench.key(10).publicKey
        #expect(Self.refusal { try bench.ask(AddMember(name: "rob", pubkey: own), as: bench.ownerActor) } == .exists)
    }

    /// What each role may do, by one request of each right.
    @Test(arguments: [
        (Role.observer, [Permission.observe]), (.member, [.observe, .send, .write]),
        (.admin, [.observe, .send, .write, .admin]),
    ])
    func `a role may do what its rights say and nothing else`(role: Role, rights: [Permission]) throws {
        let bench = try MeshBench()
        let peer = try bench.peer("bob", 10, role: role)
        _ = try bench.query(ListPeers(), as: peer.actor)
        let key = MeshBench.key(12).publicKey
        let tries: [(Permission, () throws -> Any)] = [
            (.send, { try bench.ask(SetSummary(summary: "x"), as: peer.actor) }),
            (.write, { try bench.ask(SetState(key: "k", value: 1), as: peer.actor) }),
            (.admin, { try bench.ask(AddMember(name: "cleo", pubkey: key), as: peer.actor) }),
        ]
        for (right, body) in tries {
            #expect(Self.refusal(body) == (rights.contains(right) ? nil : .forbidden), "\(right)")
        }
    }

    @Test func `only the owner makes admins`() throws {
        let bench = try MeshBench()
        let admin = try bench.peer("bob", 10, role: .admin)
        let key = MeshBench.key(12).publicKey
        #expect(
            Self.refusal { try bench.ask(AddMember(name: "cleo", pubkey: key, role: .admin), as: admin.actor) }
                == .forbidden)
        #expect(
            Self.refusal { try bench.ask(AddMember(name: "cleo", pubkey: key, role: .owner), as: bench.ownerActor) }
                == .invalidArgument)
    }
}
