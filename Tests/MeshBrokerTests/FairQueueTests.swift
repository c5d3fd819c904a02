import Synchronization
import Testing

@testable import MeshBroker

@Suite struct FairQueueTests {
    private static func place(_ member: Int64, _ connection: UInt64) -> Turn.Place {
        .init(owner: .member(member), lane: .connection(connection))
    }

    private static func drain(_ queue: inout FairQueue<String>) -> [String] {
        var items: [String] = []
        while let next = queue.next() { items.append(next.item) }
        return items
    }

    @Test func membersTakeTurnsWhateverTheyAskFor() {
        var queue = FairQueue<String>()
        for number in 1...4 { queue.add("a\(number)", at: Self.place(1, 1)) }
        queue.add("b1", at: Self.place(2, 2))
        queue.add("c1", at: .init(owner: .node, lane: .callWrites))
        #expect(queue.count == 6)
        #expect(Self.drain(&queue) == ["a1", "b1", "c1", "a2", "a3", "a4"])
        #expect(queue.isEmpty)
    }

    @Test func manyConnectionsGiveAMemberNoMoreTurns() {
        var queue = FairQueue<String>()
        for connection in 1...3 as ClosedRange<UInt64> {
            queue.add("a\(connection)", at: Self.place(1, connection))
            queue.add("a\(connection)'", at: Self.place(1, connection))
        }
        queue.add("b", at: Self.place(2, 9))
        queue.add("b'", at: Self.place(2, 9))
        #expect(Self.drain(&queue) == ["a1", "b", "a2", "b'", "a3", "a1'", "a2'", "a3'"])
    }

    @Test func whatIsPutBackKeepsTheOrderOfItsLineAndWhoGotNothingIsNext() {
        var queue = FairQueue<String>()
        for number in 1...3 { queue.add("a\(number)", at: Self.place(1, 1)) }
        for number in 1...2 { queue.add("b\(number)", at: Self.place(2, 2)) }
        var taken: [(item: String, place: Turn.Place)] = []
        while let next = queue.next() { taken.append(next) }
        #expect(taken.map { $0.item } == ["a1", "b1", "a2", "b2", "a3"])
        queue.add("c1", at: Self.place(3, 3))
        queue.putBack(Array(taken.dropFirst()), served: [.member(1)])
        #expect(queue.waits(of: .member(1)) == 2)
        #expect(Self.drain(&queue) == ["b1", "c1", "a2", "b2", "a3"])
    }

    @Test func aParkedLineWaitsWithAllThatComesBehind() {
        var queue = FairQueue<String>()
        let place = Self.place(1, 1)
        queue.add("a1", at: place)
        queue.add("a2", at: place)
        queue.add("other", at: Self.place(1, 2))
        let first = queue.next()
        queue.park(place)
        if let first { queue.putBack([first], served: []) }
        queue.add("a3", at: place)
        #expect(queue.count == 1)
        #expect(queue.parkedCount == 3)
        #expect(Self.drain(&queue) == ["other"])
        queue.unpark { _ in false }
        #expect(queue.next() == nil)
        queue.unpark { $0 == place }
        #expect(Self.drain(&queue) == ["a1", "a2", "a3"])
        #expect(queue.waits(of: .member(1)) == 0)
    }

    @Test func whatAConnectionAskedForIsTakenOutWhereverItWaits() {
        for isParked in [false, true] {
            var queue = FairQueue<String>()
            let place = Self.place(1, 1)
            for item in ["read1", "write", "read2"] { queue.add(item, at: place) }
            queue.add("read3", at: Self.place(2, 2))
            if isParked { queue.park(place) }
            #expect(queue.remove(of: 1) { $0.hasPrefix("read") } == ["read1", "read2"])
            #expect(queue.waits(of: .member(1)) == 1)
            #expect(queue.removeAll().sorted() == ["read3", "write"])
            #expect(queue.isEmpty)
        }
    }
}

@Suite struct AnswerBudgetTests {
    private static let place = Turn.Place(owner: .member(1), lane: .connection(1))
    private static let sibling = Turn.Place(owner: .member(1), lane: .connection(2))

    @Test func aConnectionWaitsForItsOwnAnswersAndAMemberForAll() {
        let budget = AnswerBudget()
        #expect(budget.hit(at: Self.place) == nil)
        let one = budget.lease(AnswerBudget.perConnection, at: Self.place)
        #expect(budget.hit(at: Self.place) == .connection)
        #expect(budget.hit(at: Self.sibling) == nil)
        let rest = budget.lease(AnswerBudget.perMember, at: Self.sibling)
        let calls = Turn.Place(owner: .member(1), lane: .calls)
        #expect(budget.hit(at: calls) == .member)
        #expect(budget.hit(at: .init(owner: .member(2), lane: .connection(3))) == nil)
        withExtendedLifetime((one, rest)) {}
    }

    @Test func whoeverGivesBackWakesTheWriterOnce() {
        let budget = AnswerBudget()
        let woken = Counter()
        budget.onRoom { woken.count.withLock { $0 += 1 } }
        var lease: AnswerLease? = budget.lease(AnswerBudget.perConnection, at: Self.place)
        withExtendedLifetime(lease) { #expect(budget.hit(at: Self.place) == .connection) }
        lease = nil
        #expect(woken.count.withLock { $0 } == 1)
        #expect(budget.bytes(of: .member(1)) == 0)
        lease = budget.lease(10, at: Self.place)
        lease = nil
        #expect(woken.count.withLock { $0 } == 1, "nobody waited")
    }

    @Test func theLoopsAreBehindUntilAnOutboxIsTold() {
        let budget = AnswerBudget()
        let woken = Counter()
        budget.onRoom { woken.count.withLock { $0 += 1 } }
        var outboxes = (0..<AnswerBudget.outboxes).map { _ in budget.output() }
        withExtendedLifetime(outboxes) { #expect(budget.isBehind()) }
        outboxes.removeLast()
        #expect(woken.count.withLock { $0 } == 1)
        #expect(!budget.isBehind())
    }

    private final class Counter: Sendable { let count = Mutex(0) }
}
