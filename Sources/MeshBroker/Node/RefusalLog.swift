package import Logging
package import MeshCore
import Synchronization

/// Limits the log lines about one kind of refusal, as a value: the first ones of each window are written, the others
/// counted.
package struct RefusalLimit: Sendable {
    /// What to do with a refusal.
    package enum Verdict: Sendable, Hashable {
        /// Write a line.
        case write
        /// Omit it; the first omitted one schedules the line with their number, after this many milliseconds.
        case leaveOut(planSummaryIn: Int64?)
    }

    private var end: Int64?
    private var written = 0
    private var leftOut: Int64 = 0
    private let lines: Int
    private let windowMillis: Int64

    package init(lines: Int = 5, windowMillis: Int64 = 10_000) {
        self.lines = lines
        self.windowMillis = windowMillis
    }

    /// Adds one refusal, at a time in milliseconds.
    package mutating func take(at now: Int64) -> Verdict {
        // While lines are omitted, their summary ends the window.
        if leftOut == 0, end.map({ now >= $0 }) ?? true {
            end = now + windowMillis
            written = 0
        }
        if written < lines {
            written += 1
            return .write
        }
        leftOut += 1
        return .leaveOut(planSummaryIn: leftOut == 1 ? max(0, (end ?? now) - now) : nil)
    }

    /// The number of omitted lines; they count as reported, and a new window begins.
    package mutating func summary() -> Int64 {
        defer {
            leftOut = 0
            end = nil
        }
        return leftOut
    }
}

/// Log lines about refusals: the reason, from where, and the beginning of the key that was named. Never a token, a
/// signature or a code.
package final class RefusalLog: Sendable {
    /// What was refused.
    package enum Kind: String, Sendable {
        case hello = "a hello was refused"
        case call = "a signed call was refused"
        case token = "a call with a wrong admin token was refused"
        case join = "a join was refused"
    }

    private struct Key: Hashable {
        var kind: Kind
        var reason: ErrorCode
    }

    private let logger: Logger
    private let monotonicMillis: @Sendable () -> Int64
    private let later: @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
    /// One per combination of kind and code.
    private let limits = Mutex<[Key: RefusalLimit]>([:])

    package init(
        logger: Logger, monotonicMillis: @escaping @Sendable () -> Int64,
        later: @escaping @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
    ) {
        self.logger = logger
        self.monotonicMillis = monotonicMillis
        self.later = later
    }

    /// Records a refusal. `key` is the hex form of a public key that was named, proved or not.
    package func note(_ kind: Kind, _ reason: ErrorCode, from address: String, key: String? = nil) {
        let entry = Key(kind: kind, reason: reason)
        let verdict = limits.withLock { $0[entry, default: RefusalLimit()].take(at: monotonicMillis()) }
        switch verdict {
        case .write:
            var facts: Logger.Metadata = ["reason": "\(reason.rawValue)", "from": "\(address)"]
            if let key, key.utf8.count == 64, Hex.decode(key) != nil { facts["key"] = "\(key.prefix(8).lowercased())…" }
            logger.warning("\(kind.rawValue)", metadata: facts)
        case .leaveOut(let wait?): later(wait) { [weak self] in self?.summarise(entry) }
        case .leaveOut: break
        }
    }

    private func summarise(_ entry: Key) {
        let count = limits.withLock { $0[entry]?.summary() ?? 0 }
        guard count > 0 else { return }
        logger.warning(
            "\(entry.kind.rawValue), more times",
            metadata: ["reason": "\(entry.reason.rawValue)", "left_out": "\(count)"])
    }
}
