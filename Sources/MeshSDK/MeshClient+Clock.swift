public import MeshCore

/// What a watch of the simulation clock gives.
public enum ClockUpdate: Sendable, Hashable {
    /// The clock as it is. Comes first, after each change, and again after a reconnection.
    case status(ClockStatus)
    /// A tick has begun.
    case tick(Int64)
}

/// The simulation clock, as it goes on.
extension MeshClient {
    /// Watches the clock: its status, then every tick and change. After a reconnection a new status comes; ticks that
    /// began in between are the difference to the last one. One watch a client.
    public func watchClock() async throws(MeshError) -> AsyncStream<ClockUpdate> {
        let (stream, continuation) = AsyncStream<ClockUpdate>.makeStream(
            bufferingPolicy: .bufferingNewest(configuration.bufferLimit))
        let frame = try WireFrame.bytes(type: WatchClock.type, body: WatchClock())
        begin(
            "clock", frame: { frame },
            take: { type, json in
                switch type {
                case "tick": if let tick = json["tick"]?.integerValue { continuation.yield(.tick(tick)) }
                default:
                    if let status = try? JSONCoder.decode(ClockStatus.self, from: json) {
                        continuation.yield(.status(status))
                    }
                }
            }, end: { continuation.finish() })
        continuation.onTermination = { [weak self] _ in
            self?.end("clock")
            self?.write(UnwatchClock())
        }
        return stream
    }
}
