import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The few calls to the system that the program needs: files, standard streams, environment, time.
enum SystemCalls {
    /// A variable of the environment; nil when it is absent or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// The user's home folder; `$HOME`, or what the system's list of users says.
    static var homeFolder: String {
        HomeFolder.find(environment: environment("HOME").map { ["HOME": $0] } ?? [:]) ?? HomeFolder.none
    }

    /// Unix milliseconds.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Milliseconds that only go forward.
    static func uptime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Allows as many open files as the system lets this user have.
    static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(fileLimit, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(fileLimit, &limit)
    }

    #if canImport(Glibc)
        private static let fileLimit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let fileLimit = RLIMIT_NOFILE
    #endif

    /// Whether a stream (1: standard output, 2: standard error) is a terminal.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The text of an `errno`.
    static func errorText(_ number: Int32) -> String {
        Descriptor.Failure(number: number).text
    }

    /// Writes all bytes to a stream at once, without a buffer. Gives `errno` when it fails.
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        do throws(Descriptor.Failure) { try Descriptor.write(bytes, to: descriptor) } catch { return error.number }
        return nil
    }

    /// Everything that a stream gives until its end. Fails with `errno`.
    static func readAll(_ descriptor: Int32, limit: Int = .max) -> Result<[UInt8], Descriptor.Failure> {
        Result { () throws(Descriptor.Failure) in try Descriptor.readAll(descriptor, limit: limit) }
    }

    /// The bytes of a file; `-` is standard input.
    static func readFile(_ path: String) throws(Failure) -> [UInt8] {
        if path == "-" {
            switch readAll(0) {
            case .success(let bytes): return bytes
            case .failure(let error): throw Failure.file("standard input", "read", error.number)
            }
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure.file(path, "open", errno) }
        defer { close(descriptor) }
        switch readAll(descriptor) {
        case .success(let bytes): return bytes
        case .failure(let error): throw Failure.file(path, "read", error.number)
        }
    }

    /// The path of a file from the root; nil when nothing is there.
    static func absolutePath(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// Writes a file anew; others may read it as the user's mask allows.
    static func writeFile(_ path: String, _ bytes: [UInt8]) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure.file(path, "write", errno) }
        let failed = write(bytes, to: descriptor)
        let closed = close(descriptor)
        if let failed { throw Failure.file(path, "write", failed) }
        if closed != 0 { throw Failure.file(path, "write", errno) }
    }
}
