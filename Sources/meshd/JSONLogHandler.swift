import Glibc
import Logging
import MeshCore
import Synchronization

/// The lowest level that is written. It can be changed while the program runs.
enum LogThreshold {
    private static let place = Atomic<Int>(Logger.Level.allCases.firstIndex(of: .info) ?? 0)

    static var level: Logger.Level {
        get { Logger.Level.allCases[place.load(ordering: .relaxed)] }
        set { place.store(Logger.Level.allCases.firstIndex(of: newValue) ?? 0, ordering: .relaxed) }
    }
}

/// Writes log events to standard error, one JSON object per line.
struct JSONLogHandler: LogHandler {
    /// One for all handlers.
    var logLevel: Logger.Level {
        get { LogThreshold.level }
        set { LogThreshold.level = newValue }
    }
    var metadata: Logger.Metadata = [:]
    private let label: String

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var line: JSONObject = [
            "ts": .string(Timestamp.iso8601(Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)),
            "level": .string(event.level.rawValue), "component": .string(label), "msg": .string("\(event.message)"),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line[key] = .string("\(value)") }
        let bytes = JSON.object(line).bytes() + [0x0A]
        // One write per line keeps lines of several threads apart.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
