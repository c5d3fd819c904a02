import MeshCore
import Testing

@testable import MeshBroker

/// The decisions about what is taken and what is refused, as values.
@Suite struct LimitValuesTests {
    // MARK: The disk

    @Test func aFullDiskGoesDownOneLevelForEachFailureAndUpWithRoom() {
        var space = SpaceState()
        #expect(space.level == .ok)
        space.writeFailed(at: .ok)
        #expect(space.level == .low)
        space.writeFailed(at: .low)
        #expect(space.level == .full)
        space.writeFailed(at: .full)
        #expect(space.level == .full)
        space.looked(.none)
        #expect(space.level == .full)
        space.looked(.some)
        #expect(space.level == .low)
        space.looked(.none)
        #expect(space.level == .low, "what is essential is tried, and tells")
        space.looked(.enough)
        #expect(space.level == .ok)
    }

    @Test func aSecondMeshThatMeetsTheSameFullDiskSaysNothingNew() {
        var space = SpaceState()
        space.writeFailed(at: .ok)
        space.writeFailed(at: .ok)
        #expect(space.level == .low)
    }

    @Test(arguments: [SpaceState.Room.none, .some])
    func aStartWithoutRoomIsLowAtOnce(room: SpaceState.Room) {
        var space = SpaceState()
        space.looked(room)
        #expect(space.level == .low)
    }

    // MARK: Lines about refusals

    @Test func theFirstRefusalsOfAWindowAreWrittenAndTheRestIsCounted() {
        var limit = RefusalLimit(lines: 2, windowMillis: 1_000)
        #expect(limit.take(at: 0) == .write)
        #expect(limit.take(at: 10) == .write)
        #expect(limit.take(at: 300) == .leaveOut(planSummaryIn: 700))
        #expect(limit.take(at: 400) == .leaveOut(planSummaryIn: nil))
        #expect(
            limit.take(at: 5_000) == .leaveOut(planSummaryIn: nil), "the summary is late: nothing is lost meanwhile")
        #expect(limit.summary() == 3)
        #expect(limit.summary() == 0)
        #expect(limit.take(at: 5_001) == .write)
    }

    @Test func aWindowWithoutAnythingLeftOutEndsByItself() {
        var limit = RefusalLimit(lines: 1, windowMillis: 1_000)
        #expect(limit.take(at: 0) == .write)
        #expect(limit.take(at: 1_000) == .write)
        #expect(limit.take(at: 1_999) == .leaveOut(planSummaryIn: 1))
    }

    // MARK: Accepting

    @Test func thePauseBeforeAcceptingGrowsToASecondAndEndsWithSuccess() {
        var backoff = AcceptBackoff()
        #expect((0..<7).map { _ in backoff.failed() } == [100, 200, 400, 800, 1_000, 1_000, 1_000])
        #expect(backoff.failures == 7)
        #expect(backoff.worked() == true)
        #expect(backoff.worked() == false)
        #expect(backoff.failed() == 100)
    }

    // MARK: Connections that have not said who is there

    @Test func theOldestStrangerMakesRoomForTheNext() {
        var strangers = Strangers<String>(limit: 2)
        #expect(strangers.add("a", number: 1) == nil)
        #expect(strangers.add("b", number: 2) == nil)
        strangers.remove(1)
        #expect(strangers.add("c", number: 3) == nil)
        #expect(strangers.add("d", number: 4) == "b")
        #expect(strangers.add("e", number: 5) == "c")
        #expect(strangers.count == 2)
    }

    @Test func thoseWhoAreNoMoreStrangersCostNothing() {
        var strangers = Strangers<Int>(limit: 10)
        for number in 0..<100_000 as Range<UInt64> {
            #expect(strangers.add(0, number: number) == nil)
            strangers.remove(number)
        }
        #expect(strangers.count == 0)
        #expect(strangers.places < 1_000)
    }

    @Test func bodiesShareTheirMemory() {
        let memory = BodyMemory(limit: 100)
        #expect(memory.take(60))
        #expect(!memory.take(60))
        #expect(memory.take(40))
        memory.give(60)
        #expect(memory.take(60))
    }

    // MARK: WebSocket messages in pieces

    @Test(arguments: [0, 1])
    func aMessageMayComeInSoManyPiecesAndNoMore(size: Int) {
        var decoder = WebSocketDecoder(role: .client, maxMessageBytes: 1 << 20)
        func next(_ opcode: UInt8) -> WebSocketStep {
            var frame = [opcode, UInt8(size)] + [UInt8](repeating: 65, count: size)
            return frame.withUnsafeMutableBytes { decoder.next(in: $0) }
        }
        #expect(next(1) == .fragment(consumed: 2 + size))
        for _ in 1..<WebSocketDecoder.maximumFragments { #expect(next(0) == .fragment(consumed: 2 + size)) }
        #expect(next(0) == .failed(.tooManyFragments))
    }

    @Test func thePiecesOfEachMessageAreCountedAlone() {
        var decoder = WebSocketDecoder(role: .client, maxMessageBytes: 1 << 20)
        func next(_ opcode: UInt8) -> WebSocketStep {
            var frame = [opcode, 0]
            return frame.withUnsafeMutableBytes { decoder.next(in: $0) }
        }
        for _ in 0..<3 {
            #expect(next(1) == .fragment(consumed: 2))
            for _ in 0..<3_000 { #expect(next(0) == .fragment(consumed: 2)) }
            #expect(next(0x80) == .assembled([], consumed: 2))
        }
    }
}
