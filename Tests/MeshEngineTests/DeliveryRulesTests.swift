import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// What happens to a message, rule by rule.
@Suite struct DeliveryRulesTests {
    @Test(arguments: Priority.allCases, PeerStatus.allCases)
    func oneTableDecidesOfferOrHold(_ priority: Priority, _ status: PeerStatus) throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.ask(SetStatus(status: status), as: bob.actor)
        _ = bench.takeEffects()
        let ack = try bench.send("bob", from: ann, priority: priority)
        let offered = DeliveryPolicy.gate(priority, status) == .offer
        #expect(bench.pushes(to: bob).count == (offered ? 1 : 0))
        let receipt = try bench.status(ack.messageId, as: ann)[0]
        #expect(receipt.state == (offered ? .offered : .held))
        #expect(receipt.reason == (offered ? nil : status.rawValue))
    }

    @Test func everyTransitionToIdleDrainsInOrder() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.ask(SetStatus(status: .working), as: bob.actor)
        let ids = try (0..<5).map { _ in try bench.send("bob", from: ann).messageId }
        _ = bench.takeEffects()
        try bench.pass(DeliveryPolicy.workingLeaseMillis)
        #expect(bench.pushes(to: bob).map(\.messageId) == ids)
    }

    @Test(arguments: [(Priority.next, 10 * 60_000), (.low, 60 * 60_000)] as [(Priority, Int64)])
    func aHoldForWorkingHasAMaximumAge(_ priority: Priority, _ age: Int64) throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.ask(SetStatus(status: .working, lease: 600_000), as: bob.actor)
        try bench.send("bob", from: ann, priority: priority)
        _ = bench.takeEffects()
        var passed: Int64 = 0
        while passed + 60_000 < age {
            try bench.pass(60_000)
            passed += 60_000
            try bench.ask(SetStatus(status: .working, lease: 600_000), as: bob.actor)
        }
        #expect(bench.pushes(to: bob).isEmpty)
        try bench.pass(age - passed)
        #expect(bench.pushes(to: bob).count == 1)
    }

    @Test func anAbsentRecipientGetsItsQueueInOrderOnReturn() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.disconnect(bob)
        let acks = try (0..<3).map { _ in try bench.send("bob", from: ann) }
        #expect(try bench.status(acks[0].messageId, as: ann)[0].reason == "away")
        let again = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: again).map(\.messageId) == acks.map(\.messageId))
        #expect(bench.pushes(to: again).map(\.attempt) == [1, 1, 1])
    }

    @Test func aReconnectOffersTheUnacknowledgedAgainBeforeAnythingNew() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let first = try bench.send("bob", from: ann)
        try bench.disconnect(bob)
        let second = try bench.send("bob", from: ann, priority: .now)
        let again = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: again).map(\.messageId) == [first.messageId, second.messageId])
        #expect(bench.pushes(to: again).map(\.attempt) == [2, 1])
    }

    @Test func redeliveryOwnsItsTimerAndEndsInADeadLetter() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let ack = try bench.send("bob", from: ann)
        for _ in 0..<DeliveryPolicy.maximumAttempts { try bench.pass(301_000) }
        #expect(bench.pushes(to: bob).map(\.attempt) == Array(1...DeliveryPolicy.maximumAttempts))
        try bench.pass(301_000)
        let receipt = try bench.status(ack.messageId, as: ann)[0]
        #expect(receipt.state == .expired)
        #expect(receipt.reason == "attempts")
        #expect(try bench.query(ListDeadLetters(), as: ann.actor).letters.map(\.messageId) == [ack.messageId])
    }

    @Test func attemptsCountOnlyWhileTheRecipientIsAttached() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let ack = try bench.send("bob", from: ann)
        try bench.disconnect(bob)
        for _ in 0..<50 { try bench.pass(301_000) }
        #expect(try bench.status(ack.messageId, as: ann)[0].attempts == 1)
    }

    @Test func theTimeToLiveEndsInAVisibleDeadLetter() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        try bench.disconnect(bob)
        var send = try bench.sealed("bob", from: ann)
        send.ttl = 5_000
        let ack = try bench.ask(send, as: ann.actor)
        try bench.pass(6_000)
        let receipt = try bench.status(ack.messageId, as: ann)[0]
        #expect(receipt.state == .expired)
        #expect(receipt.reason == "ttl")
        let again = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: again).isEmpty)
    }

    @Test func theWindowHoldsWhatIsTooMuchAndAnAcknowledgementOpensIt() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let send = try bench.sealed("bob", from: ann)
        for _ in 0..<4 { try bench.apply((0..<251).map { _ in (send, ann.actor) }) }
        #expect(bench.pushes(to: bob).count == DeliveryPolicy.window)
        let ids = bench.pushes(to: bob).map(\.messageId)
        let last = try bench.send("bob", from: ann)
        #expect(try bench.status(last.messageId, as: ann)[0].reason == "behind")
        try bench.ask(Acknowledge(messageIDs: Array(ids.prefix(5))), as: bob.actor)
        #expect(bench.pushes(to: bob).count == DeliveryPolicy.window + 5)
        #expect(bench.pushes(to: bob).last?.messageId == last.messageId)
    }

    @Test func aDuplicateSendChangesNothingAndOtherBytesAreAConflict() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let send = try bench.sealed("bob", from: ann, id: "one")
        let first = try bench.ask(send, as: ann.actor)
        let size = bench.engine.ledgerSize
        let second = try bench.ask(send, as: ann.actor)
        #expect(second.messageId == first.messageId)
        #expect(second.duplicate == true)
        #expect(bench.pushes(to: bob).count == 1)
        #expect(bench.engine.ledgerSize == size)
        var other = send
        other.priority = .now
        let error = #expect(throws: MeshError.self) { try bench.ask(other, as: ann.actor) }
        #expect(error?.code == .conflict)
    }

    @Test func aDeliveryIsMadeForEachRecipientOfEveryKindOfTarget() throws {
        let bench = try MeshBench()
        let (ann, bob, eve) = (try bench.peer("ann", 10), try bench.peer("bob", 20), try bench.peer("eve", 30))
        let sibling = try bench.connect(10, session: 111, label: "laptop")
        try bench.ask(JoinGroup(name: "eng/web"), as: bob.actor)
        try bench.ask(JoinGroup(name: "eng"), as: eve.actor)
        _ = bench.takeEffects()
        let group = try bench.ask(bench.plain("@eng"), as: ann.actor)
        #expect(try bench.status(group.messageId, as: ann).map(\.name) == ["bob", "eve"])
        let all = try bench.ask(bench.plain("*"), as: ann.actor)
        #expect(
            Set(try bench.status(all.messageId, as: ann).map(\.pubkey)).isSuperset(of: [
                bob.session, eve.session, sibling.session,
            ]))
        #expect(bench.pushes(to: ann).isEmpty, "the sending session is left out")
        #expect(bench.pushes(to: sibling).count == 1, "its sibling is an ordinary recipient")
    }

    @Test func anUnknownTargetIsAnErrorThatNamesTheNearest() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        _ = try bench.peer("bobby", 20)
        let size = bench.engine.ledgerSize
        let error = #expect(throws: MeshError.self) { try bench.ask(bench.plain("bobbi"), as: ann.actor) }
        #expect(error?.code == .unknownTarget)
        #expect(error?.hint?.contains("bobby") == true)
        #expect(bench.engine.ledgerSize == size, "nothing is queued")
    }

    @Test func copiesForOtherSessionsThanTheTargetReachesAreRefusedWhole() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let send = try bench.sealed("bob", from: ann)
        _ = try bench.connect(20, session: 121, label: "laptop")
        let error = #expect(throws: MeshError.self) { try bench.ask(send, as: ann.actor) }
        #expect(error?.code == .recipientsChanged)
        #expect(bench.pushes(to: bob).isEmpty)
    }

    @Test func aDirectMessageInClearIsRefused() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        _ = try bench.peer("bob", 20)
        var send = bench.plain("bob")
        send.encrypted = false
        let error = #expect(throws: MeshError.self) { try bench.ask(send, as: ann.actor) }
        #expect(error?.code == .plaintextRefused)
    }

    @Test func aMemberWithoutASessionGetsItsMailOnItsFirstOne() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        let ack = try bench.send("bob", from: ann)
        #expect(try bench.status(ack.messageId, as: ann)[0].pubkey == MeshBench.key(20).publicKey)
        let bob = try bench.connect(20, session: 120)
        #expect(bench.pushes(to: bob).map(\.recipientKey) == [MeshBench.key(20).publicKey])
        try bench.ask(Acknowledge(messageIDs: [ack.messageId]), as: bob.actor)
        #expect(try bench.status(ack.messageId, as: ann)[0].state == .delivered)
    }

    @Test func aReplyMarksTheMessageAsAnswered() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 20))
        let ack = try bench.send("bob", from: ann)
        var reply = try bench.sealed("ann", from: bob)
        reply.replyToID = ack.messageId
        try bench.ask(reply, as: bob.actor)
        #expect(try bench.status(ack.messageId, as: ann)[0].state == .answered)
    }

    @Test func acknowledgingWhatIsNotMineChangesNothing() throws {
        let bench = try MeshBench()
        let (ann, bob, eve) = (try bench.peer("ann", 10), try bench.peer("bob", 20), try bench.peer("eve", 30))
        let ack = try bench.send("bob", from: ann)
        #expect(try bench.ask(Acknowledge(messageIDs: [ack.messageId]), as: eve.actor).changed == 0)
        #expect(try bench.status(ack.messageId, as: ann)[0].state == .offered)
        #expect(throws: MeshError.self) { try bench.status(ack.messageId, as: eve) }
        _ = bob
    }

    @Test func aClientThatAcknowledgesNothingIsServedByItsTransport() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(AddMember(name: "bob", pubkey: MeshBench.key(20).publicKey), as: bench.ownerActor)
        let bob = try bench.connect(20, session: 120, foreign: true, acknowledges: false)
        let ack = try bench.send(bob.session.hex, from: ann)
        guard
            case .trackedPush(_, _, let message)? = bench.effects.last(where: {
                if case .trackedPush = $0 { true } else { false }
            })
        else {
            Issue.record("a push that wants the transport's receipt")
            return
        }
        try bench.ask(TransportReceipt(messages: [message]), as: bob.actor)
        let receipt = try bench.status(ack.messageId, as: ann)[0]
        #expect(receipt.state == .delivered)
        #expect(receipt.reason == "transport")
    }

    @Test func anObserverSendsNothingAndARemovedRightFailsWhenApplied() throws {
        let bench = try MeshBench()
        let eve = try bench.peer("eve", 30, role: .observer)
        let error = #expect(throws: MeshError.self) { try bench.ask(bench.plain("*"), as: eve.actor) }
        #expect(error?.code == .forbidden)
    }

    /// What a connection is offered at once must fit what it may leave unsent, or a reader would be cut for being slow.
    @Test func aReturningSessionIsOfferedNoMoreBytesThanItsWindow() throws {
        let bench = try MeshBench()
        let (ann, bob) = (try bench.peer("ann", 10), try bench.peer("bob", 11))
        try bench.ask(JoinGroup(name: "g"), as: bob.actor)
        let text = String(repeating: "x", count: 40_000)
        let sent = try (0..<200).map { _ in try bench.ask(bench.plain("@g", text), as: ann.actor).messageId }
        var reader = bob
        var got: [String] = []
        for round in 0..<5 {
            let pushes = bench.pushes(to: reader)
            let bytes = pushes.reduce(0) { $0 + $1.ciphertext.utf8.count }
            #expect(bytes <= DeliveryPolicy.windowBytes + 60_000, "round \(round)")
            _ = bench.takeEffects()
            // The connection is lost before half of it is acknowledged; the rest comes again, then what was held.
            let half = pushes.prefix(max(1, pushes.count / 2)).map(\.messageId)
            got += half
            try bench.ask(Acknowledge(messageIDs: half), as: reader.actor)
            _ = bench.takeEffects()
            try bench.disconnect(reader)
            reader = try bench.connect(11, session: 111)
        }
        while case let pushes = bench.pushes(to: reader), !pushes.isEmpty {
            _ = bench.takeEffects()
            got += pushes.map(\.messageId)
            try bench.ask(Acknowledge(messageIDs: pushes.map(\.messageId)), as: reader.actor)
        }
        #expect(got == sent)
    }
}
