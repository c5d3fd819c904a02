import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct PresenceRulesTests {
    @Test func joinedLeftAndReturnedAreToldOnceEach() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let bob = try bench.peer("bob", 20)
        #expect(bench.events(to: ann) == ["peer_joined"])
        try bench.disconnect(bob)
        try bench.pass(89_000)
        #expect(bench.events(to: ann) == ["peer_joined"])
        try bench.pass(2_000)
        #expect(bench.events(to: ann) == ["peer_joined", "peer_left"])
        try bench.pass(600_000)
        _ = try bench.connect(20, session: 120)
        #expect(bench.events(to: ann) == ["peer_joined", "peer_left", "peer_returned"])
    }

    @Test func aReturnWithinTheGraceIsSilent() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        _ = bench.takeEffects()
        let size = bench.engine.ledgerSize
        try bench.disconnect(bob)
        try bench.pass(60_000)
        _ = try bench.connect(20, session: 120)
        try bench.pass(200_000)
        #expect(bench.events(to: ann).isEmpty)
        #expect(bench.engine.ledgerSize == size, "re-attachment is not audited")
    }

    @Test func aLateGoodbyeOfAnOldConnectionDoesNotTouchTheNewOne() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let again = try bench.connect(20, session: 120, replaces: true)
        try bench.disconnect(bob)
        try bench.pass(200_000)
        #expect(!bench.events(to: ann).contains("peer_left"))
        #expect(bench.engine.state.roster.sessions[again.number]?.attachment == .attached(again.connection))
    }

    @Test func aNewerConnectionReplacesTheOlderWhichIsToldWhy() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        #expect(throws: MeshError.self) { try bench.connect(20, session: 120) }
        _ = try bench.connect(20, session: 120, replaces: true)
        let closed = bench.effects.contains { effect in
            guard case .close(let connection, let reason) = effect else { return false }
            return connection == bob.connection && reason.code == 4004
        }
        #expect(closed)
    }

    @Test func afterARestartSessionsAreInTheirGraceAndNobodyIsTold() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let bob = try bench.peer("bob", 20)
        _ = bench.takeEffects()
        try bench.ask(StartNode(stoppedFor: 1_000), as: .node)
        #expect(try bench.query(ListPeers(), as: bench.ownerActor).peers.map(\.connection) == ["grace", "grace"])
        let again = try bench.connect(10, session: 110)
        try bench.pass(100_000)
        #expect(bench.events(to: again) == ["peer_left"], "only bob did not come back")
        _ = (ann, bob)
    }

    @Test func workingIsALeaseThatEndsUnlessItIsRenewed() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 20)
        try bench.ask(SetStatus(status: .working), as: bob.actor)
        for _ in 0..<5 {
            try bench.pass(50_000)
            try bench.ask(SetStatus(status: .working), as: bob.actor)
        }
        #expect(bench.engine.state.roster.sessions[bob.number]?.status == .working)
        try bench.pass(61_000)
        #expect(bench.engine.state.roster.sessions[bob.number]?.status == .idle)
    }

    @Test func aSessionKeyBelongsToItsFirstMember() throws {
        let bench = try MeshBench()
        _ = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "eve", pubkey: MeshBench.key(30).publicKey), as: bench.ownerActor)
        let error = #expect(throws: MeshError.self) { try bench.connect(30, session: 110, replaces: true) }
        #expect(error?.code == .sessionKeyTaken)
    }

    @Test func `in a crowd nobody is told of arrivals, and everybody again when it is small`() throws {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 10)
        var crowd: [(number: Int64, connection: UInt64)] = []
        for place in 0..<DeliveryPolicy.presenceAudience + 5 {
            var seed = [UInt8](repeating: 9, count: 32)
            seed[0] = UInt8(place & 255)
            seed[1] = UInt8(place >> 8)
            let key = try #require(SigningKey(seed: seed)).publicKey
            let connection = UInt64(10_000 + place)
            let opened = try bench.ask(
                OpenSession(
                    member: bob.member, session: key, isProven: true, binding: nil, isForeign: false, dialect: .mesh,
                    acknowledges: true, label: nil, groups: nil, messageMode: nil, info: ClientInfo(),
                    connection: connection, replaces: false, limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)),
                as: .node)
            crowd.append((opened.number, connection))
        }
        let told = bench.events(to: bob).count
        #expect(told == DeliveryPolicy.presenceAudience - 1)
        #expect(bench.engine.state.roster.connectedCount == crowd.count + 1)
        _ = bench.takeEffects()
        for one in crowd { try bench.ask(LoseConnection(session: one.number, connection: one.connection), as: .node) }
        try bench.pass(DeliveryPolicy.graceMillis + 1)
        for _ in 0..<3 { try bench.pass(1) }
        #expect(bench.events(to: bob).filter { $0 == "peer_left" }.count == crowd.count)
    }
}
