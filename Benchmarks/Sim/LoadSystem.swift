import Glibc
import Histogram
import MeshCore

/// What the measurement asks of the system.
enum LoadSystem {
    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Processor seconds of this process.
    static func processorSeconds() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

    /// Nanoseconds of a monotonic clock.
    static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// As many open files as the system lets this process have.
    static func raiseFileLimit() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    /// Ends this process as a crash does: no goodbye to anybody.
    static func die() { kill(getpid(), SIGKILL) }

    /// Prints a line at once, for whoever waits for it.
    static func say(_ json: JSON) {
        let bytes = json.bytes() + [UInt8(ascii: "\n")]
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            written += count
        }
    }

    /// A histogram of microseconds up to ten minutes.
    static func histogram() -> Histogram<UInt64> {
        Histogram(lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: .three)
    }
}

extension Histogram<UInt64> {
    mutating func record(nanoseconds: Int64) {
        _ = record(UInt64(Swift.max(1, Swift.min(nanoseconds / 1_000, 599_000_000))))
    }

    /// Milliseconds: the middle, the 99th percentile, the most.
    var figures: JSON {
        func millis(_ value: UInt64) -> JSON { .double(Double(value) / 1_000) }
        return [
            "p50_ms": millis(valueAtPercentile(50)), "p99_ms": millis(valueAtPercentile(99)), "max_ms": millis(max),
            "count": .integer(Int64(totalCount)),
        ]
    }
}
