import Histogram

/// Counts what a measurement sees, and finds what comes twice.
struct BenchTally {
    private let senders: Int
    private let messages: Int
    /// Whether each message has one recipient: whoever can open it.
    private let isDirect: Bool
    /// One bit for each delivery that can be.
    private var seen: [UInt64]
    private(set) var outcome: BenchOutcome

    init(_ plan: BenchPlan, peers: Int) {
        senders = min(plan.senders, peers)
        messages = plan.messages
        isDirect = plan.target == .direct
        let copies = isDirect ? 1 : peers - 1
        outcome = BenchOutcome(
            expectedAccepted: senders * messages, expectedDelivered: senders * messages * copies)
        seen = Array(repeating: 0, count: ((isDirect ? 1 : peers) * senders * messages + 63) / 64)
    }

    var isComplete: Bool { outcome.isComplete }

    /// A message is durable.
    mutating func accept() { outcome.accepted += 1 }

    /// A message was opened by a peer; false when this one had it before.
    mutating func deliver(_ payload: BenchPayload, to peer: Int, now: UInt64) -> Bool {
        let place = ((isDirect ? 0 : peer) * senders + payload.sender) * messages + payload.number
        let bit: UInt64 = 1 << UInt64(place & 63)
        guard seen[place >> 6] & bit == 0 else {
            outcome.duplicates += 1
            return false
        }
        seen[place >> 6] |= bit
        outcome.delivered += 1
        _ = outcome.latency.record(max(1, (now - min(now, payload.due)) / 1_000))
        return true
    }

    /// The measurement is complete.
    mutating func end(seconds: Double) { outcome.seconds = seconds }

    /// The measurement ends early; the first reason counts.
    mutating func fail(_ why: String) { outcome.failure = outcome.failure ?? why }
}
