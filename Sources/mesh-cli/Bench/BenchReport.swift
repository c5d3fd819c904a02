import Histogram
import MeshCore

/// The figures of a measurement, for people and for programs.
struct BenchReport {
    let plan: BenchPlan
    let peers: Int
    let outcome: BenchOutcome
    var brokerCPU = 0.0
    var brokerPeakBytes = 0
    var queueDepth = 0
    var bytesPerIdle: Double?
    /// Milliseconds that new connections took until their hello was answered, ascending.
    var hellos: [Double] = []

    init(plan: BenchPlan, peers: Int, outcome: BenchOutcome) {
        self.plan = plan
        self.peers = peers
        self.outcome = outcome
    }

    /// Messages that were delivered and acknowledged, a second.
    private var throughput: Double { outcome.seconds > 0 ? Double(outcome.delivered) / outcome.seconds : 0 }

    private func millis(_ percentile: Double) -> Double {
        Double(outcome.latency.valueAtPercentile(percentile)) / 1_000
    }

    private var maximum: Double { Double(outcome.latency.max) / 1_000 }

    /// Why the measurement does not count; nil when all that was sent is delivered, once, and stored as such.
    var fault: String? {
        if !outcome.isComplete {
            return "\(outcome.accepted) of \(outcome.expectedAccepted) messages were accepted, and "
                + "\(outcome.delivered) of \(outcome.expectedDelivered) delivered, when nothing moved any more"
        }
        if outcome.duplicates > 0 { return "\(outcome.duplicates) messages were handed over twice" }
        // What was acknowledged on the wire must be stored as such, or it would come again.
        if queueDepth > plan.remaining {
            return "\(queueDepth - plan.remaining) deliveries still wait on the broker, although all are acknowledged; "
                + "it may be in use by others: measure on one of your own"
        }
        return nil
    }

    /// The object that `--json` prints.
    var fields: JSONObject {
        var fields: JSONObject = [
            "throughput": .double(throughput), "delivered": .integer(Int64(outcome.delivered)),
            "expected": .integer(Int64(outcome.expectedDelivered)), "accepted": .integer(Int64(outcome.accepted)),
            "duplicates": .integer(Int64(outcome.duplicates)), "p50_ms": .double(millis(50)),
            "p95_ms": .double(millis(95)), "p99_ms": .double(millis(99)), "max_ms": .double(maximum),
            "seconds": .double(outcome.seconds), "broker_cpu_s": .double(brokerCPU),
            "broker_peak_mb": .double(Double(brokerPeakBytes) / 1_048_576),
            "broker_queue_depth": .integer(Int64(queueDepth)), "peers": .integer(Int64(peers)),
            "messages": .integer(Int64(plan.messages)), "size": .integer(Int64(plan.size)),
            "target": .string(plan.target.rawValue), "copies": .bool(plan.asCopies),
            "window": .integer(Int64(plan.window)),
        ]
        if let interval = plan.intervalNanos { fields["rate"] = .double(1e9 / interval) }
        if let median = hellos.median, let longest = hellos.last {
            fields["hello_ms"] = .double(median)
            fields["hello_max_ms"] = .double(longest)
        }
        if let bytesPerIdle { fields["idle_bytes"] = .double(bytesPerIdle) }
        return fields
    }

    /// The lines for people.
    var text: String {
        let each = outcome.delivered > 0 ? brokerCPU * 1e6 / Double(outcome.delivered) : 0
        var lines = [
            "throughput  \(Self.grouped(Int(throughput.rounded()))) messages/s delivered and acknowledged",
            "delivered   \(Self.grouped(outcome.delivered)) of \(Self.grouped(outcome.expectedDelivered)), "
                + "\(outcome.duplicates) handed over twice, in \(Self.fixed(outcome.seconds, 2)) s",
            "latency     p50 \(Self.fixed(millis(50), 2)) ms, p95 \(Self.fixed(millis(95), 2)) ms, "
                + "p99 \(Self.fixed(millis(99), 2)) ms, max \(Self.fixed(maximum, 2)) ms"
                + (plan.intervalNanos == nil ? " (at full speed: queueing included)" : " (from when each was due)"),
            "broker      \(Self.fixed(brokerCPU, 2)) s CPU (\(Self.fixed(each, 1)) µs a message), "
                + "peak \(Self.fixed(Double(brokerPeakBytes) / 1_048_576, 1)) MB, \(queueDepth) deliveries left",
        ]
        if let median = hellos.median, let longest = hellos.last {
            lines.append(
                "hello       \(Self.fixed(median, 2)) ms, at most \(Self.fixed(longest, 2)) ms, with "
                    + "\(Self.grouped(outcome.accepted)) messages of history (\(hellos.count) new connections)")
        }
        if let bytesPerIdle { lines.append("idle        \(Self.grouped(Int(bytesPerIdle))) bytes a connection") }
        return lines.joined(separator: "\n")
    }

    private static func fixed(_ value: Double, _ places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let whole = Int((value * Double(scale)).rounded())
        let rest = String(whole % scale)
        return "\(whole / scale)." + String(repeating: "0", count: max(0, places - rest.count)) + rest
    }

    private static func grouped(_ value: Int) -> String {
        let digits = String(value)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}

extension [Double] {
    /// The middle of ascending values; nil when there is none.
    fileprivate var median: Double? { isEmpty ? nil : self[count / 2] }
}
