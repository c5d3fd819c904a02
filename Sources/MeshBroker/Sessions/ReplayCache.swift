import Synchronization

/// Remembers what was used once, for as long as it could be used again.
package final class ReplayCache: Sendable {
    private struct Memory {
        var seen: [String: Int64] = [:]
        var sweepAt: Int64 = 0
    }
    private let memory = Mutex(Memory())
    private let lifetimeMillis: Int64
    /// More than can be made in a lifetime by honest clients; beyond it newcomers are refused.
    private let capacity: Int

    package init(lifetimeMillis: Int64 = 150_000, capacity: Int = 1_000_000) {
        self.lifetimeMillis = lifetimeMillis
        self.capacity = capacity
    }

    /// True when this is its first use.
    package func use(_ token: String, at now: Int64) -> Bool {
        memory.withLock { memory in
            if now >= memory.sweepAt || memory.seen.count >= capacity {
                memory.seen = memory.seen.filter { $0.value > now }
                memory.sweepAt = now + lifetimeMillis / 2
            }
            guard memory.seen.count < capacity, memory.seen[token] == nil else { return false }
            memory.seen[token] = now + lifetimeMillis
            return true
        }
    }
}
