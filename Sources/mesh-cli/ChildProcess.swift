import Dispatch
import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One run of a shell command with its input, off the threads of concurrent work.
struct ChildProcess: Sendable, Hashable {
    /// How it ended.
    enum Ending: Sendable, Hashable {
        /// By itself, with a status.
        case exited(Int32)
        /// By a signal.
        case killed(Int32)
        /// It never began; `errno`.
        case failed(Int32)

        /// The ending in words.
        var text: String {
            switch self {
            case .exited(let status): "the command ended with \(status)"
            case .killed(let signal): "the command was ended by signal \(signal)"
            case .failed(let number): "the command did not start: \(SystemCalls.errorText(number))"
            }
        }
    }

    /// The command for `/bin/sh -c`.
    var command: String
    /// Variables beside those of this program.
    var variables: [String]
    /// What it reads on standard input.
    var input: [UInt8]
    /// Whether its standard output goes to our standard error, because ours carries JSON.
    var sendsOutputToStandardError: Bool

    /// Runs it to its end.
    func run() async -> Ending {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: runBlocking()) }
        }
    }

    private func runBlocking() -> Ending {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return .failed(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child = spawn(reading: ends[0])
        close(ends[0])
        if case .success = child {
            // The child may end without reading everything; that is its own affair.
            SystemCalls.write(input, to: ends[1])
        }
        close(ends[1])
        switch child {
        case .success(let id): return wait(for: id)
        case .failure(let error): return .failed(error.number)
        }
    }

    private func spawn(reading input: Int32) -> Result<pid_t, Descriptor.Failure> {
        signal(SIGPIPE, SIG_IGN)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        if sendsOutputToStandardError { posix_spawn_file_actions_adddup2(&actions, 2, 1) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))
        return withCStrings(["/bin/sh", "-c", command]) { words in
            withCStrings(Self.environment(without: variables) + variables) { environment in
                var id: pid_t = 0
                let failed = posix_spawn(&id, "/bin/sh", &actions, &attributes, words, environment)
                return failed == 0 ? .success(id) : .failure(Descriptor.Failure(number: failed))
            }
        }
    }

    private func wait(for id: pid_t) -> Ending {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 {
            if errno != EINTR { return .failed(errno) }
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
    }

    /// This program's environment without the variables that are set anew.
    private static func environment(without variables: [String]) -> [String] {
        let names = Set(variables.map { $0.prefix { $0 != "=" } })
        var texts: [String] = []
        var place = environ
        while let entry = place.pointee {
            let text = String(cString: entry)
            if !names.contains(text.prefix { $0 != "=" }) { texts.append(text) }
            place += 1
        }
        return texts
    }

    private func withCStrings<Value>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        // A text ends at its first NUL, which no argument can carry.
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
