import Synchronization

/// Counts down once, or repeatedly.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let period: Int?

    /// Fires at the given call.
    init(_ count: Int) {
        left = Mutex(count)
        period = nil
    }

    /// Fires at every n-th call.
    init(every count: Int) {
        left = Mutex(count)
        period = count
    }

    /// Counts one call; true when it fires.
    func isOver() -> Bool {
        left.withLock { left in
            left -= 1
            guard left == 0 else { return false }
            if let period { left = period }
            return true
        }
    }
}
