import Glibc

/// File operations that leave either the old or the new state, never a mix.
public enum Files {
    /// Whether a file or folder exists. One that cannot be looked up counts as existing: opening it reports why it
    /// cannot be.
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    /// Whether a folder exists.
    public static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The size of a file in bytes; nil when it does not exist.
    public static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Renames a file; the rename is durable on return. Fails with `constraint` when the new name is taken.
    public static func moveAside(_ path: String, to target: String) throws(StoreError) {
        guard !exists(target) else { throw StoreError(.constraint, "\(target) exists") }
        guard rename(path, target) == 0 else { throw failure("renaming \(path)") }
        try syncFolder(of: target)
        try syncFolder(of: path)
    }

    /// Removes a file, if it exists.
    public static func remove(_ path: String) { unlink(path) }

    /// Creates a folder and its parents; new ones belong to the user alone (0700), existing ones stay as they are.
    /// Fails with `constraint` when a file is in the way.
    public static func createPrivateFolder(_ path: String) throws(StoreError) {
        if exists(path) {
            var status = stat()
            guard stat(path, &status) == 0 else { throw failure("looking at \(path)") }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw StoreError(.constraint, "\(path) is a file, not a folder: choose another folder")
            }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try createPrivateFolder(String(path[..<slash]))
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("making the folder \(path)") }
    }

    /// Creates an empty file (0600) if there is none; an existing one stays as it is.
    static func touchPrivate(_ path: String) throws(StoreError) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            if errno == EEXIST { return }
            throw failure("making \(path)")
        }
        Glibc.close(file)
    }

    /// Names in a folder, sorted.
    public static func list(_ folder: String) throws(StoreError) -> [String] {
        guard let stream = opendir(folder) else { throw failure("listing \(folder)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The bytes of a file; nil when it does not exist.
    public static func read(_ path: String) throws(StoreError) -> [UInt8]? {
        try read(path, mustBePrivate: false)
    }

    /// A secret file's bytes; nil when it does not exist. Fails with `permissions` when others could read or write it.
    public static func readPrivate(_ path: String) throws(StoreError) -> [UInt8]? {
        try read(path, mustBePrivate: true)
    }

    private static func read(_ path: String, mustBePrivate: Bool) throws(StoreError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("opening \(path)")
        }
        defer { Glibc.close(file) }
        if mustBePrivate { try checkPrivate(file, path) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("reading \(path)") }
            bytes += chunk[0..<count]
        }
    }

    /// Checks the open file and not its name, which could point elsewhere by then.
    private static func checkPrivate(_ file: Int32, _ path: String) throws(StoreError) {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("looking at \(path)") }
        guard status.st_mode & 0o077 == 0 else {
            throw StoreError(.permissions, "\(path) is open to others: run chmod 600 \(path)")
        }
    }

    static let writingSuffix = ".writing"

    /// What a power cut may do to a file that was written.
    public enum Durability: Sendable {
        /// It is the old one or the new one.
        case oldOrNew
        /// It is the new one.
        case new
    }

    /// Writes a file atomically (0600): the old one stays until the new one is complete.
    public static func writePrivate(
        _ path: String, _ bytes: [UInt8], afterPowerCut durability: Durability = .new
    ) throws(StoreError) {
        let temporary = path + writingSuffix
        // The remains of an interrupted write could have another mode: this call creates the new file.
        remove(temporary)
        do throws(StoreError) {
            try writeNew(temporary, bytes)
            guard rename(temporary, path) == 0 else { throw failure("renaming \(temporary)") }
        } catch {
            remove(temporary)
            throw error
        }
        if durability == .new { try syncFolder(of: path) }
    }

    private static func writeNew(_ path: String, _ bytes: [UInt8]) throws(StoreError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("making \(path)") }
        defer { Glibc.close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("writing \(path)") }
            written += count
        }
        if fsync(file) != 0 { throw syncFailure(path) }
    }

    /// Syncs a finished file, renames it into place and syncs its folder.
    static func moveSynced(_ temporary: String, to target: String) throws(StoreError) {
        try sync(temporary, O_RDWR)
        guard rename(temporary, target) == 0 else { throw failure("renaming \(temporary)") }
        try syncFolder(of: target)
    }

    static func syncFolder(of path: String) throws(StoreError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try sync(folder, O_RDONLY | O_DIRECTORY)
    }

    private static func sync(_ path: String, _ flags: Int32) throws(StoreError) {
        let file = open(path, flags | O_CLOEXEC)
        guard file >= 0 else { throw failure("opening \(path)") }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw syncFailure(path) }
    }

    /// A failed sync is fatal for any reason: the pages may be marked clean without being on disk.
    private static func syncFailure(_ path: String) -> StoreError {
        let number = errno
        return StoreError(.ioError, extendedCode: number, "syncing \(path): \(String(cString: strerror(number)))")
    }

    /// The error of the last system call.
    static func failure(_ what: String) -> StoreError {
        let number = errno
        let code: StoreError.Code =
            number == ENOSPC || number == EDQUOT
            ? .full : number == ENOENT ? .notFound : number == EACCES || number == EROFS ? .readOnly : .ioError
        return StoreError(code, extendedCode: number, "\(what): \(String(cString: strerror(number)))")
    }
}
