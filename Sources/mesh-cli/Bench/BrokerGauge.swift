import MeshSDK
import NIOCore

/// What the broker says of itself at `/metrics`.
struct BrokerGauge: Sendable {
    /// One reading.
    struct Reading: Sendable {
        var cpuSeconds = 0.0
        var residentBytes = 0
        var peakBytes = 0
        var queueDepth = 0
    }

    let broker: String
    let token: String
    let group: any EventLoopGroup

    /// Reads the broker's figures now.
    func read() async throws -> Reading {
        let text = try await MeshAPI.metrics(broker: broker, adminToken: token, group: group)
        var reading = Reading()
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard words.count == 2, let value = Double(words[1]) else { continue }
            switch words[0] {
            case "process_cpu_seconds_total": reading.cpuSeconds = value
            case "process_resident_memory_bytes": reading.residentBytes = Int(value)
            case "process_peak_resident_memory_bytes": reading.peakBytes = Int(value)
            case "broker_queue_depth": reading.queueDepth = Int(value)
            default: break
            }
        }
        return reading
    }

    /// Waits until no more than so many deliveries wait, or the time is over.
    func wait(until remaining: Int, seconds: Int) async throws {
        _ = try await Polling.last(
            timeout: Span(milliseconds: Int64(seconds) * 1_000), isDone: { $0.queueDepth <= remaining }, read)
    }
}
