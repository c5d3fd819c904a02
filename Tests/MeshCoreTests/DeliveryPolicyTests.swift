import MeshCore
import Testing

@Suite struct DeliveryPolicyTests {
    @Test(
        arguments: [
            (.now, [.offer, .offer, .offer]), (.next, [.offer, .hold, .hold]), (.low, [.offer, .hold, .hold]),
        ] as [(Priority, [DeliveryPolicy.Gate])])
    func `a priority is offered or held by the recipient's status`(priority: Priority, gates: [DeliveryPolicy.Gate]) {
        let statuses: [PeerStatus] = [.idle, .working, .dnd]
        #expect(statuses.map { DeliveryPolicy.gate(priority, $0) } == gates)
        #expect(Set(statuses) == Set(PeerStatus.allCases))
    }

    @Test(arguments: [(.now, 0), (.next, 600_000), (.low, 3_600_000)] as [(Priority, Int64)])
    func `a hold for working has an end`(priority: Priority, milliseconds: Int64) {
        #expect(DeliveryPolicy.maximumHoldMillis(priority) == milliseconds)
    }

    @Test(arguments: [(.working, .working), (.dnd, .dnd)] as [(PeerStatus, HoldReason)])
    func `a hold has the status as its reason`(status: PeerStatus, reason: HoldReason) {
        #expect(DeliveryPolicy.reason(status) == reason)
    }

    @Test(
        arguments: [
            (.min, 30_000), (-1, 30_000), (0, 30_000), (1, 30_000), (2, 60_000), (3, 120_000), (4, 240_000),
            (5, 300_000), (20, 300_000), (.max, 300_000),
        ] as [(Int, Int64)])
    func `an offer is repeated after 30 s, doubled each time up to 5 min`(attempt: Int, milliseconds: Int64) {
        #expect(DeliveryPolicy.offerLeaseMillis(attempt: attempt) == milliseconds)
    }

    @Test func `the limits are those of the design`() {
        #expect(DeliveryPolicy.defaultTTLMillis == 604_800_000)
        #expect(DeliveryPolicy.ttlRange.contains(DeliveryPolicy.defaultTTLMillis))
        #expect(DeliveryPolicy.workingLeaseMillis == 60_000)
        #expect(DeliveryPolicy.maximumWorkingLeaseMillis >= DeliveryPolicy.workingLeaseMillis)
    }

    @Test func `priorities have ranks and come back from them`() {
        #expect([Priority.now, .next, .low].map(\.rank) == [0, 1, 2])
        for priority in Priority.allCases { #expect(Priority(rank: priority.rank) == priority) }
        for rank in [3, 4, .max] { #expect(Priority(rank: rank) == nil) }
    }

    @Test func `only what waits or is offered is not final`() {
        #expect(DeliveryState.allCases.filter { !$0.isFinal } == [.held, .offered])
        #expect(DeliveryState.allCases.filter(\.isReceived) == [.delivered, .read, .answered])
    }
}
