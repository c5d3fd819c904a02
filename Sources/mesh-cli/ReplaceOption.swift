import ArgumentParser

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether a file that is there may be written over. What this program saves is evidence: it is not lost to a command that
/// is typed again.
struct ReplaceOption: ParsableArguments {
    @Flag(help: "Write over a file that is there.")
    var replace = false

    /// Fails when the file is there and may not be replaced: before anything is asked of the broker.
    func check(_ path: String?) throws(Failure) {
        guard !replace, let path, SystemCalls.isOccupied(path) else { return }
        throw Self.taken(path)
    }

    /// Writes a file; one that is there only when it may be replaced.
    func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        try check(path)
        try SystemCalls.writeFile(path, bytes)
    }

    private static func taken(_ path: String) -> Failure {
        Failure(.exists, "exists", "\(path) exists", hint: "choose another file, or say --replace to write over it")
    }
}

extension SystemCalls {
    /// Whether a file is there that holds what somebody has written: a device or a pipe does not.
    static func isOccupied(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
