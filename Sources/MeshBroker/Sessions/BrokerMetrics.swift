package import MeshCore
import Synchronization

/// The broker's counters, and their text for Prometheus. Counters only grow; no peer's name is a label.
package final class BrokerMetrics: Sendable {
    private struct Values {
        var counters: [String: Int64] = [:]
        var gauges: [String: Double] = [:]
    }
    private let values = Mutex(Values())

    package init() {}

    private static let help: [(name: String, kind: String, text: String)] = [
        ("broker_connections_total", "counter", "Connections that were accepted."),
        ("broker_connections_active", "gauge", "Connections that are open."),
        ("broker_connections_rejected_total", "counter", "Handshakes that were refused, by reason."),
        (
            "broker_calls_refused_total", "counter",
            "HTTP calls whose token, signature or invite was refused, by reason."
        ),
        ("broker_messages_routed_total", "counter", "Messages that were accepted, by priority."),
        ("broker_messages_rejected_total", "counter", "Messages that were refused, by reason."),
        ("broker_frames_rejected_total", "counter", "Frames that could not be read or were not known, by reason."),
        ("broker_queue_depth", "gauge", "Deliveries that wait or are unacknowledged."),
        ("broker_batches_total", "counter", "Batches that were made durable."),
        ("broker_commands_total", "counter", "Commands that were decided."),
        ("broker_batches_failed_total", "counter", "Batches that were undone because the store failed."),
        (
            "broker_disk_level", "gauge",
            "0: everything is stored; 1: the disk is full, essential writes alone; 2: none."
        ),
        ("broker_storage_refused_total", "counter", "Commands that were refused because the disk is full."),
        (
            "broker_gateway_refusals_total", "counter",
            "Connections and requests that the gateway has ended or refused, by reason."
        ),
        ("broker_accepts_failed_total", "counter", "Times that no connection could be accepted."),
        ("broker_batches_cut_total", "counter", "Batches that ended early because their commands took long."),
        ("broker_reads_deferred_total", "counter", "Times that reads waited because the reads before them took long."),
        (
            "broker_reads_held_total", "counter",
            "Times that reads waited until answers had left, by the budget that was used up."
        ),
        ("broker_reads_refused_total", "counter", "Reads that were refused because too many of their member waited."),
        ("broker_deliveries_awaited_total", "counter", "Times that work waited until the I/O loops had told the rest."),
        (
            "broker_deliveries_interrupted_total", "counter",
            "Times that an I/O loop looked at its sockets before it told the rest."
        ),
        ("broker_watches_refused_total", "counter", "Watches that were refused because there are too many of them."),
        ("broker_slow_consumers_total", "counter", "Connections that were ended because they did not read."),
        (
            "broker_silent_connections_total", "counter",
            "Connections that were ended because they did not answer pings."
        ),
        ("broker_signatures_remembered", "gauge", "Signatures of members that may not be used again."),
        ("broker_meshes", "gauge", "Meshes that are open."),
        ("broker_db_healthy", "gauge", "1 while every mesh can be written."),
        ("broker_scrubbed_pages_total", "counter", "Pages of meshes' files that were read to look for damage."),
        ("broker_damaged_pages", "gauge", "Pages that were found damaged since the start."),
        ("broker_uptime_seconds", "gauge", "Seconds since the start."),
        ("process_cpu_seconds_total", "counter", "Time on processors, user and system."),
        ("process_resident_memory_bytes", "gauge", "Memory in use."),
        ("process_peak_resident_memory_bytes", "gauge", "The most memory that was in use."),
    ]

    private func add(_ key: String, _ amount: Int64 = 1) { values.withLock { $0.counters[key, default: 0] += amount } }

    /// Sets a gauge.
    package func set(_ name: String, _ value: Double) { values.withLock { $0.gauges[name] = value } }

    package func connectionOpened() {
        values.withLock {
            $0.counters["broker_connections_total", default: 0] += 1
            $0.gauges["broker_connections_active", default: 0] += 1
        }
    }
    package func connectionClosed() { values.withLock { $0.gauges["broker_connections_active", default: 0] -= 1 } }
    package func connectionRejected(_ code: ErrorCode) {
        add("broker_connections_rejected_total{reason=\"\(code.rawValue)\"}")
    }
    package func callRefused(_ code: ErrorCode) { add("broker_calls_refused_total{reason=\"\(code.rawValue)\"}") }
    package func messageRejected(_ code: ErrorCode) {
        add("broker_messages_rejected_total{reason=\"\(code.rawValue)\"}")
    }
    package func frameRejected(_ code: ErrorCode) { add("broker_frames_rejected_total{reason=\"\(code.rawValue)\"}") }
    package func connectionSilent() { add("broker_silent_connections_total") }
    package func scrubbed(pages: Int64) { add("broker_scrubbed_pages_total", pages) }
    package func slowConsumer() { add("broker_slow_consumers_total") }
    package func storageRefused() { add("broker_storage_refused_total") }
    package func gatewayRefused(_ refusal: GatewayRefusal) {
        add("broker_gateway_refusals_total{reason=\"\(refusal.rawValue)\"}")
    }
    package func acceptFailed() { add("broker_accepts_failed_total") }
    package func batchCut() { add("broker_batches_cut_total") }
    package func readsDeferred() { add("broker_reads_deferred_total") }
    func readHeld(_ hit: AnswerBudget.Hit) { add("broker_reads_held_total{budget=\"\(hit.rawValue)\"}") }
    package func readRefused() { add("broker_reads_refused_total") }
    package func watchRefused() { add("broker_watches_refused_total") }
    package func deliveriesInterrupted() { add("broker_deliveries_interrupted_total") }
    package func deliveriesAwaited() { add("broker_deliveries_awaited_total") }
    package func batchFailed() { add("broker_batches_failed_total") }
    package func batchApplied(commands: Int, routed: [Priority: Int64]) {
        values.withLock {
            for (priority, count) in routed {
                $0.counters["broker_messages_routed_total{priority=\"\(priority.rawValue)\"}", default: 0] += count
            }
            $0.counters["broker_batches_total", default: 0] += 1
            $0.counters["broker_commands_total", default: 0] += Int64(commands)
        }
    }

    /// The text exposition, format 0.0.4.
    package func exposition() -> String {
        let snapshot = values.withLock { $0 }
        var text = ""
        for (name, kind, help) in Self.help {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
            let all = snapshot.counters.mapValues(Double.init).merging(snapshot.gauges) { first, _ in first }
            let rows = all.filter { $0.key == name || $0.key.hasPrefix(name + "{") }.sorted { $0.key < $1.key }
            if rows.isEmpty { text += "\(name) 0\n" }
            for (key, value) in rows { text += "\(key) \(Self.number(value))\n" }
        }
        return text
    }

    /// Whole numbers without a fraction.
    private static func number(_ value: Double) -> String { Int64(exactly: value).map { "\($0)" } ?? "\(value)" }
}
