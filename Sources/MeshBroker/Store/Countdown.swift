import Synchronization

/// Counts down once, or again and again.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let period: Int?

    /// Over at the given call.
    init(_ count: Int) {
        left = Mutex(count)
        period = nil
    }

    /// Over at each call of a number.
    init(every count: Int) {
        left = Mutex(count)
        period = count
    }

    /// Counts one call; true when it is the one.
    func isOver() -> Bool {
        left.withLock { left in
            left -= 1
            guard left == 0 else { return false }
            if let period { left = period }
            return true
        }
    }
}
