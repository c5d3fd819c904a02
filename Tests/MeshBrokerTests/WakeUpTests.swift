import Testing

@testable import MeshBroker

@Suite struct WakeUpTests {
    @Test func aTimeIsPlannedOnce() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 1_500, now: 1_000) == 500)
        #expect(wakeUp.plan(due: 1_500, now: 1_200) == nil)
        #expect(wakeUp.plan(due: 2_000, now: 1_200) == nil)
    }

    @Test func anEarlierTimeIsPlannedAsWell() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 9_000, now: 0) == 9_000)
        #expect(wakeUp.plan(due: 4_000, now: 1_000) == 3_000)
    }

    @Test func afterAWakeUpTheNextOneIsPlanned() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 1_500, now: 1_000) == 500)
        #expect(wakeUp.plan(due: 91_500, now: 1_500) == 90_000)
    }

    @Test func aWakeUpThatCameEarlyIsPlannedAgain() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 1_500, now: 1_000) == 500)
        wakeUp.woken()
        #expect(wakeUp.plan(due: 1_500, now: 1_499) == 1)
    }

    @Test func whatIsOverdueRunsSoon() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 10, now: 1_000) == 1)
    }

    @Test func aFarTimeIsReachedInSteps() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: 100_000_000, now: 0) == 3_600_000)
        #expect(wakeUp.plan(due: 100_000_000, now: 3_600_000) == 3_600_000)
    }

    @Test func nothingDueIsNothingPlanned() {
        var wakeUp = WakeUp()
        #expect(wakeUp.plan(due: nil, now: 0) == nil)
    }
}
