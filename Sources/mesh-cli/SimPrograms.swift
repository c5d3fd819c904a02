import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The programs with scenarios on this machine, and what they say about themselves.
enum SimPrograms {
    /// A scenario and the program that has it.
    struct Scenario: Sendable, Hashable {
        var name: String
        var model: String
        /// Where the program is.
        var program: String
        /// What the program says about it.
        var facts: JSONObject
    }

    /// What was found.
    struct Found: Sendable, Hashable {
        var scenarios: [Scenario] = []
        /// Programs that did not answer, and why.
        var problems: [String] = []

        /// The program of a scenario. Fails with the nearest names.
        func program(scenario name: String) throws(Failure) -> String {
            if let found = scenarios.first(where: { $0.name == name }) { return found.program }
            let names = scenarios.map(\.name)
            let near = Nearest.names(to: name, among: names, limit: 2)
            throw Failure(
                .notFound, ErrorCode.notFound.rawValue, "no scenario is called \(name)",
                hint: near.isEmpty ? hint : "did you mean \(near.joined(separator: " or "))?")
        }

        /// The program that makes runs of a model.
        func program(model: String) throws(Failure) -> String {
            if let found = scenarios.first(where: { $0.model == model }) { return found.program }
            throw Failure(
                .notFound, ErrorCode.notFound.rawValue, "no program makes runs of \(Table.printable(model))", hint: hint
            )
        }

        private var hint: String {
            scenarios.isEmpty
                ? "put programs called sim-… into one of: \(SimPrograms.folders.joined(separator: ", "))"
                : "mesh-cli sim list; there are \(scenarios.map(\.name).joined(separator: ", "))"
        }
    }

    private static let prefix = "sim-"
    /// At most so many programs are asked.
    private static let limit = 100
    /// A program that says more about its scenarios, or is silent for longer, is left out.
    private static let (answerLimit, answerMillis): (Int, Int64) = (4 << 20, 10_000)

    /// The folders that are searched, in order.
    static var folders: [String] {
        var all = SystemCalls.environment("MESH_SIM_PATH")?.split(separator: ":").map(String.init) ?? []
        if let own = SystemCalls.programFolder { all.append(own) }
        return all + ["./bin"]
    }

    /// Asks every program for its scenarios. Of two programs of one name, and two scenarios of one name, the first counts.
    static func find() -> Found {
        var found = Found()
        var (programs, scenarios) = (Set<String>(), Set<String>())
        for folder in folders {
            for name in SystemCalls.names(in: folder) where name.hasPrefix(prefix) {
                let path = "\(folder)/\(name)"
                guard SystemCalls.isProgram(path), programs.insert(name).inserted else { continue }
                guard programs.count <= limit else {
                    found.problems.append("more than \(limit) programs: \(path) and those behind it are left out")
                    return found
                }
                do throws(Failure) {
                    for scenario in try ask(path) where scenarios.insert(scenario.name).inserted {
                        found.scenarios.append(scenario)
                    }
                } catch {
                    if error.code != "not_scenarios" { found.problems.append("\(path): \(error.message)") }
                }
            }
        }
        return found
    }

    private static func ask(_ path: String) throws(Failure) -> [Scenario] {
        let answer = try SystemCalls.output(
            of: [path, "describe", "--json"], limit: answerLimit, milliseconds: answerMillis)
        guard let json = try? JSON.parse(answer, limits: JSONLimits(maxBytes: answerLimit)),
            let listed = json["scenarios"]?.arrayValue
        else { throw Failure(.failure, "no_scenarios", "it does not describe scenarios") }
        return listed.compactMap { scenario in
            guard let facts = scenario.objectValue, let name = facts["name"]?.stringValue else { return nil }
            return Scenario(name: name, model: facts["model"]?.stringValue ?? name, program: path, facts: facts)
        }
    }

    /// Puts a program in this one's place; gives the failure when that does not work.
    static func become(_ program: String, _ words: [String]) -> Failure {
        let pointers = ([program] + words).map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        execv(program, pointers + [nil])
        return .file(program, "run", errno)
    }
}

extension SystemCalls {
    /// The folder of this program; nil when the system does not tell.
    static var programFolder: String? {
        guard let path = realpath("/proc/self/exe", nil) ?? CommandLine.arguments.first.flatMap({ realpath($0, nil) })
        else { return nil }
        defer { free(path) }
        let text = String(cString: path)
        return text.lastIndex(of: "/").map { String(text[..<$0]) }
    }

    /// The names in a folder, sorted; none when it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    /// Whether a path is a file that may be run.
    static func isProgram(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// What a program prints until it ends. Fails when it does not run, fails, prints more than `limit` or takes longer.
    static func output(of words: [String], limit: Int, milliseconds: Int64) throws(Failure) -> [UInt8] {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure.file(words[0], "run", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        let pointers = words.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let failed = posix_spawn(&child, words[0], &actions, nil, pointers + [nil], environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard failed == 0 else { throw Failure.file(words[0], "run", failed) }
        let answer = drain(ends[0], limit: limit, until: uptime() + milliseconds)
        if answer == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard let answer else { throw Failure(.failure, "no_answer", "it does not answer in time") }
        // Programs of other kinds may be called sim-…, too: they do not know what they are asked.
        if status & 0x7F == 0, [3, 64].contains(status >> 8 & 0xFF) {
            throw Failure(.usage, "not_scenarios", "it is no program of scenarios")
        }
        guard status == 0 else { throw Failure(.failure, "failed", "it fails when it is asked for its scenarios") }
        return answer
    }

    /// Everything until the end of a pipe; nil when it is too much or too late.
    private static func drain(_ descriptor: Int32, limit: Int, until deadline: Int64) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let left = deadline - uptime()
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&waiting, 1, Int32(left)) > 0 else { return nil }
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count > 0 { bytes += chunk[..<count] } else if errno != EINTR { return nil }
        }
        return nil
    }
}
