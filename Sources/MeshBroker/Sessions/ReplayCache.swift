import MeshCore
import Synchronization

/// Remembers what was used once, for as long as it could be used again; with a journal also over a crash.
package final class ReplayCache: Sendable {
    private struct Memory {
        var seen: [Bytes32: Int64] = [:]
        var sweepAt: Int64 = 0
    }
    private let memory: Mutex<Memory>
    private let journal: ReplayJournal?
    private let lifetimeMillis: Int64
    /// More than can be made in a lifetime by honest clients; beyond it newcomers are refused.
    private let capacity: Int

    package init(journal: ReplayJournal? = nil, lifetimeMillis: Int64 = 150_000, capacity: Int = 1_000_000) {
        self.journal = journal
        self.lifetimeMillis = lifetimeMillis
        self.capacity = capacity
        memory = Mutex(Memory(seen: journal?.remembered ?? [:]))
    }

    /// True when this is the first use of a token.
    package func use(_ token: [UInt8], at now: Int64) -> Bool {
        guard let key = Bytes32(Hashing.sha256(token)) else { return false }
        return memory.withLock { memory in
            if now >= memory.sweepAt || memory.seen.count >= capacity {
                memory.seen = memory.seen.filter { $0.value > now }
                memory.sweepAt = now + lifetimeMillis / 2
                journal?.rewrite(memory.seen)
            }
            guard memory.seen.count < capacity, memory.seen[key] == nil else { return false }
            memory.seen[key] = now + lifetimeMillis
            journal?.append(key, until: now + lifetimeMillis)
            return true
        }
    }
}
