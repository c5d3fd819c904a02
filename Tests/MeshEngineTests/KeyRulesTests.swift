import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Keys that may not enter do not, and those that stand in a file of before do not keep it shut.
@Suite struct KeyRulesTests {
    private static let neutral = "01" + String(repeating: "0", count: 62)
    private static let ofOrderEight = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"

    @Test(arguments: [neutral, ofOrderEight, "02" + String(repeating: "0", count: 62)])
    func `a weak key becomes no member`(hex: String) throws {
        let bench = try MeshBench()
        let key = try #require(PublicKey(hex: hex))
        let error = #expect(throws: MeshError.self) {
            try bench.ask(AddMember(name: "eve", pubkey: key), as: bench.ownerActor)
        }
        #expect(error?.code == .invalidArgument)
        #expect(bench.engine.state.roster.member(name: "eve") == nil)
    }

    @Test func `a file with weak keys opens, serves, and its ledger holds`() throws {
        let bench = try MeshBench()
        let peer = try bench.peer("bob", 10)
        // As a version before let them in: a member, and a session of another.
        let database = try Database(path: bench.path, mode: .open)
        let (member, session) = (
            try #require(PublicKey(hex: Self.neutral)), try #require(PublicKey(hex: Self.ofOrderEight))
        )
        try database.prepare("UPDATE member SET key = ? WHERE name = 'bob'").run(member.bytes)
        try database.prepare("UPDATE session SET key = ? WHERE key = ?").run(session.bytes, peer.session.bytes)
        database.close()
        let engine = try MeshEngine(
            database: Database(path: bench.path, mode: .open), table: bench.table)
        #expect(engine.state.roster.member(key: member)?.name == "bob")
        #expect(engine.state.roster.session(key: session) != nil)
        let list = try engine.query(ListMembers(), actor: bench.ownerActor, connection: nil).get() as? MemberList
        #expect(list?.members.map(\.name) == ["ada", "bob"])
    }

    @Test func `a certificate of an invite must be its issuer's and lead to the owner`() throws {
        let bench = try MeshBench()
        let admin = try bench.peer("root", 10, role: .admin)
        let key = MeshBench.key(10)
        func certificate(owner: SigningKey, member: SigningKey, role: Role, mesh: String) -> MembershipCertificate {
            let code = InviteCode()
            let capability = InviteCapability(
                meshId: mesh, inviteId: code.inviteID, role: role, uses: 1, expiresAt: bench.now + 1_000,
                codeHash: code.hashHex, issuer: owner.publicKey)
            let claim = SignedText.joinClaim(
                meshID: mesh, inviteID: code.inviteID, name: "root", member: member.publicKey, timestamp: bench.now)
            return .issue(
                capability: capability, issuerSignature: capability.sign(owner), issuerCertificate: nil, name: "root",
                member: member.publicKey, timestamp: bench.now, claimSignature: member.sign(claim),
                node: MeshBench.key(200))
        }
        func create(_ certificate: MembershipCertificate?) -> ErrorCode? {
            let code = InviteCode()
            let capability = InviteCapability(
                meshId: bench.meshID, inviteId: code.inviteID, role: .member, uses: 1, expiresAt: bench.now + 1_000,
                codeHash: code.hashHex, issuer: key.publicKey)
            do {
                try bench.ask(
                    CreateInvite(capability: capability, signature: capability.sign(key), certificate: certificate),
                    as: admin.actor)
                return nil
            } catch { return (error as? MeshError)?.code }
        }
        let id = bench.meshID
        #expect(create(certificate(owner: bench.owner, member: key, role: .admin, mesh: id)) == nil)
        #expect(create(certificate(owner: SigningKey(), member: key, role: .admin, mesh: id)) == .badSignature)
        #expect(
            create(certificate(owner: bench.owner, member: SigningKey(), role: .admin, mesh: id)) == .invalidArgument)
        let other = String(repeating: "ab", count: 16)
        #expect(create(certificate(owner: bench.owner, member: key, role: .admin, mesh: other)) == .invalidArgument)
    }
}
