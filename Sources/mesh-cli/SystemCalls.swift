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

    /// The user's home folder.
    static var homeFolder: String { environment("HOME") ?? "." }

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
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }

    /// Writes all bytes to a stream at once, without a buffer. Gives `errno` when it fails.
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var start = 0
        while start < bytes.count {
            let done = bytes.withUnsafeBytes { buffer in
                unsafeWrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer[start...]))
            }
            if done < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return errno
            }
            start += done
        }
        return nil
    }

    /// Everything that a stream gives until its end. Fails with `errno`.
    static func readAll(_ descriptor: Int32, limit: Int = .max) -> Result<[UInt8], ErrorNumber> {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return .success(bytes) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(ErrorNumber(value: errno))
            }
            bytes += chunk[..<count]
            if bytes.count > limit { return .failure(ErrorNumber(value: EFBIG)) }
        }
    }

    /// The bytes of a file.
    static func readFile(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure.file(path, "open", errno) }
        defer { close(descriptor) }
        switch readAll(descriptor) {
        case .success(let bytes): return bytes
        case .failure(let error): throw Failure.file(path, "read", error.value)
        }
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

    private static func unsafeWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}

/// An `errno` as an error.
struct ErrorNumber: Error, Sendable, Hashable {
    /// The number.
    var value: Int32
}
