import Glibc

/// The resource usage of this process.
struct ProcessUsage {
    /// User and system time in seconds.
    var cpuSeconds: Double
    /// Memory in use, bytes; 0 when unknown.
    var residentBytes: Int64
    /// Peak memory in use, bytes.
    var peakBytes: Int64

    /// Reads the current usage.
    static func now() -> ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return ProcessUsage(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), residentBytes: residentBytes(),
            peakBytes: Int64(usage.ru_maxrss) * 1_024)
    }

    /// The second number of `/proc/self/statm`, in pages.
    private static func residentBytes() -> Int64 {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        guard words.count > 1, let pages = Int64(words[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
