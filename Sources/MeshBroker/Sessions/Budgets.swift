import NIOCore

/// Unanswered requests of one connection.
struct RequestBudget {
    private var requests = 0
    private var bytes = 0
    private var isPaused = false

    /// Counts a request; true when reading must stop.
    mutating func take(bytes size: Int, limits: ConnectionLimits) -> Bool {
        requests += 1
        bytes += size
        guard !isPaused, requests >= limits.unansweredRequests || bytes >= limits.unansweredBytes else { return false }
        isPaused = true
        return true
    }

    /// Counts an answer; true when reading may resume.
    mutating func give(bytes size: Int, limits: ConnectionLimits) -> Bool {
        requests = max(0, requests - 1)
        bytes = max(0, bytes - size)
        guard isPaused, requests <= limits.unansweredRequests / 2, bytes <= limits.unansweredBytes / 2 else {
            return false
        }
        isPaused = false
        return true
    }
}

/// A token bucket: a burst, and a rate per second.
struct TokenBucket {
    private let rate: Int
    private let burst: Int
    private var tokens: Double
    private var last: NIODeadline?

    init(rate: Int, burst: Int) {
        self.rate = rate
        self.burst = burst
        tokens = Double(burst)
    }

    /// Takes one token; false when there is none.
    mutating func take(at now: NIODeadline) -> Bool {
        if let last { tokens = min(Double(burst), tokens + Double((now - last).nanoseconds) / 1e9 * Double(rate)) }
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}

/// Messages pushed to a client that acknowledges nothing: the pong of a ping sent after them is their receipt.
struct TransportReceipts {
    private var unmarked: [Int64] = []
    private var marked: [(mark: UInt64, messages: [Int64])] = []
    private var next: UInt64 = 1

    mutating func sent(_ message: Int64) { unmarked.append(message) }

    /// The payload of a ping to send now; nil when nothing was pushed since the last one.
    mutating func ping() -> [UInt8]? {
        guard !unmarked.isEmpty else { return nil }
        marked.append((next, unmarked))
        unmarked = []
        defer { next += 1 }
        return (0..<8).map { UInt8(truncatingIfNeeded: next >> UInt64(56 - 8 * $0)) }
    }

    /// What a pong confirms: everything up to its mark, since frames keep their order.
    mutating func confirm(_ payload: [UInt8]) -> [Int64] {
        guard payload.count == 8 else { return [] }
        let mark = payload.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let confirmed = marked.prefix { $0.mark <= mark }
        marked.removeFirst(confirmed.count)
        return confirmed.flatMap(\.messages)
    }
}
