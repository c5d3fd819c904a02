/// What a timer is for, for example `presence.grace`.
package struct TimerKind: RawRepresentable, Hashable, Comparable, Sendable {
    package var rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static func < (left: TimerKind, right: TimerKind) -> Bool { left.rawValue < right.rawValue }
}

/// Pending timers, soonest first; ties in the order of kind and key, so that every replay fires them in the same order.
package struct TimerQueue {
    /// One time.
    struct Entry: Hashable, Comparable {
        var due: Int64
        var kind: TimerKind
        var key: Int64
        static func < (left: Entry, right: Entry) -> Bool {
            (left.due, left.kind, left.key) < (right.due, right.kind, right.key)
        }
    }

    private var heap: [Entry] = []
    private var armed: Set<Entry> = []

    /// When the next one is due, Unix milliseconds.
    var nextDue: Int64? { heap.first?.due }

    /// Arms a timer; arming the same one twice has no effect.
    mutating func arm(_ kind: TimerKind, key: Int64, due: Int64) {
        let entry = Entry(due: due, kind: kind, key: key)
        guard armed.insert(entry).inserted else { return }
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes and returns the next timer that is due.
    mutating func pop(dueBy now: Int64) -> Entry? {
        guard let first = heap.first, first.due <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink(from: 0)
        }
        armed.remove(first)
        return first
    }

    private mutating func sink(from start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
