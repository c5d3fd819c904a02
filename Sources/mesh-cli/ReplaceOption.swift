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

    /// Begins a file that is written in parts; it is there when the output is finished, and not before.
    func begin(_ path: String) throws(Failure) -> GrowingFile {
        try check(path)
        return try GrowingFile(path, mayReplace: replace)
    }

    fileprivate static func taken(_ path: String) -> Failure {
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

/// A file that is written in parts under a name of its own beside its place, and takes it when it is whole. What is there
/// stays until then, and a part of a file is never left. A device or a pipe is written to directly.
final class GrowingFile {
    /// Bytes that were written.
    private(set) var bytes = 0 as Int64
    private let path: String
    private let temporary: String?
    private let mayReplace: Bool
    private var descriptor: Int32

    fileprivate init(_ path: String, mayReplace: Bool) throws(Failure) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        self.mayReplace = mayReplace
        if isThere, status.st_mode & S_IFMT != S_IFREG {
            (self.path, temporary) = (path, nil)
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            // A link keeps what it leads to.
            let target = isThere ? SystemCalls.realPath(path) ?? path : path
            let unique = "\(target).\(SystemCalls.processID).\(UInt32.random(in: 0...UInt32.max)).writing"
            (self.path, temporary) = (target, unique)
            descriptor = open(unique, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw Failure.file(path, "write", errno) }
    }

    /// Adds bytes.
    func write(_ part: [UInt8]) throws(Failure) {
        if let failed = SystemCalls.write(part, to: descriptor) { throw Failure.file(path, "write", failed) }
        bytes += Int64(part.count)
    }

    /// The file is whole, and takes its place. Fails with `exists` when another one has it by now.
    func finish() throws(Failure) {
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw Failure.file(path, "write", errno) }
        guard let temporary else { return }
        if mayReplace {
            guard rename(temporary, path) == 0 else { throw Failure.file(path, "write", errno) }
            return
        }
        guard link(temporary, path) == 0 else {
            let number = errno
            if number == EEXIST { throw ReplaceOption.taken(path) }
            // A file system without links.
            guard number == EPERM || number == ENOTSUP || number == ENOSYS, rename(temporary, path) == 0 else {
                throw Failure.file(path, "write", number)
            }
            return
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if let temporary { unlink(temporary) }
    }
}

extension SystemCalls {
    /// A path without links in it; nil when nothing is there.
    fileprivate static func realPath(_ path: String) -> String? {
        guard let whole = realpath(path, nil) else { return nil }
        defer { free(whole) }
        return String(cString: whole)
    }

    fileprivate static var processID: Int32 { getpid() }
}
