import Glibc
import MeshCore

/// What the SDK asks of the system.
enum SystemCalls {
    /// Unix milliseconds.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    static var processID: Int64 { Int64(getpid()) }

    static var hostname: String? {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static var workingFolder: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// A file's bytes; nil when it is not there.
    static func read(_ path: String) throws(MeshError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("reading \(path)")
        }
        defer { close(file) }
        do throws(Descriptor.Failure) { return try Descriptor.readAll(file) } catch {
            throw failure("reading \(path)", error.number)
        }
    }

    /// Writes a file whole (0600): the old one stays until the new one is on disk. Several programs may do it at once: each
    /// has a temporary file of its own. With `syncsFolder` the name, too, is on disk when this returns.
    static func write(_ path: String, _ bytes: [UInt8], syncsFolder: Bool = false) throws(MeshError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let temporary = "\(folder)/.\(Hex.encode(SecureRandom.bytes(8))).writing"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("writing \(path)") }
        do throws(MeshError) {
            do throws(Descriptor.Failure) { try Descriptor.write(bytes, to: file) } catch {
                close(file)
                throw failure("writing \(path)", error.number)
            }
            let synced = fsync(file)
            let number = errno
            close(file)
            guard synced == 0 else { throw failure("writing \(path)", number) }
            guard rename(temporary, path) == 0 else { throw failure("writing \(path)") }
        } catch {
            unlink(temporary)
            throw error
        }
        if syncsFolder { try sync(folder) }
    }

    private static func sync(_ folder: String) throws(MeshError) {
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw failure("writing \(folder)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw failure("writing \(folder)") }
    }

    /// Makes a folder and its parents (0700).
    static func makeFolder(_ path: String) throws(MeshError) {
        if access(path, F_OK) == 0 { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeFolder(String(path[..<slash])) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("making \(path)") }
    }

    /// Names in a folder, sorted; none when it is not there.
    static func list(_ folder: String) throws(MeshError) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw failure("listing \(folder)")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether a file is there. One that cannot be looked up counts as there: whoever reads it learns why it cannot be.
    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }
    /// Removes a file; false when it is not there.
    @discardableResult
    static func remove(_ path: String) -> Bool { unlink(path) == 0 }

    /// Removes an empty folder; one that is not empty stays.
    static func removeFolder(_ path: String) { rmdir(path) }

    /// When a file was changed last, nanoseconds since 1970; 0 when it is not there.
    static func modified(_ path: String) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    /// Whether others could read a file.
    static func isOpenToOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    static func failure(_ what: String, _ number: Int32 = errno) -> MeshError {
        MeshError(.storageFailed, "\(what): \(Descriptor.Failure(number: number).text)")
    }
}
