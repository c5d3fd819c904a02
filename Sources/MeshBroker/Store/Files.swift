import Glibc

/// File calls that leave either the old or the new state, never half of one.
public enum Files {
    /// Whether a file or folder is there.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Removes a file, if it is there.
    public static func remove(_ path: String) { unlink(path) }

    /// Makes a folder and its parents; new ones belong to the user alone (0700).
    public static func createPrivateFolder(_ path: String) throws(StoreError) {
        if exists(path) { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try createPrivateFolder(String(path[..<slash])) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("making the folder \(path)") }
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

    /// The bytes of a file; nil when it is not there.
    public static func read(_ path: String) throws(StoreError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("opening \(path)")
        }
        defer { Glibc.close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            guard count > 0 else { throw failure("reading \(path)") }
            bytes += chunk[0..<count]
        }
    }

    /// A secret file's bytes. Fails with `permissions` when others could read it.
    public static func readPrivate(_ path: String) throws(StoreError) -> [UInt8]? {
        guard let bytes = try read(path) else { return nil }
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure("looking at \(path)") }
        guard status.st_mode & 0o077 == 0 else {
            throw StoreError(.permissions, "\(path) can be read by others: run chmod 600 \(path)")
        }
        return bytes
    }

    /// Writes a file whole (0600): the old one stays until the new one is on disk.
    public static func writePrivate(_ path: String, _ bytes: [UInt8], sync: Bool = true) throws(StoreError) {
        let temporary = path + ".writing"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("making \(temporary)") }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let error = failure("writing \(temporary)")
                Glibc.close(file)
                throw error
            }
            written += count
        }
        if sync, fsync(file) != 0 {
            let error = failure("syncing \(temporary)")
            Glibc.close(file)
            throw error
        }
        Glibc.close(file)
        guard rename(temporary, path) == 0 else { throw failure("renaming \(temporary)") }
        if sync { try syncFolder(of: path) }
    }

    /// Syncs a finished file, renames it into place and syncs its folder.
    static func moveSynced(_ temporary: String, to target: String) throws(StoreError) {
        let file = open(temporary, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw failure("opening \(temporary)") }
        let synced = fsync(file)
        Glibc.close(file)
        guard synced == 0 else { throw failure("syncing \(temporary)") }
        guard rename(temporary, target) == 0 else { throw failure("renaming \(temporary)") }
        try syncFolder(of: target)
    }

    private static func syncFolder(of path: String) throws(StoreError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw failure("opening \(folder)") }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw failure("syncing \(folder)") }
    }

    /// The last system call's failure.
    static func failure(_ what: String) -> StoreError {
        let number = errno
        let code: StoreError.Code =
            number == ENOSPC || number == EDQUOT
            ? .full : number == ENOENT ? .notFound : number == EACCES || number == EROFS ? .readOnly : .ioError
        return StoreError(code, extendedCode: number, "\(what): \(String(cString: strerror(number)))")
    }
}

/// Makes database files whole: a file with its real name is complete.
public enum FileCreation {
    private static let suffix = ".creating"

    /// Fills a database under another name, syncs it and renames it. Fails with `constraint` when the file exists.
    public static func createAtomically(_ path: String, fill: (Database) throws -> Void) throws {
        guard !Files.exists(path) else { throw StoreError(.constraint, "\(path) exists") }
        let temporary = path + suffix
        removeAll(temporary)
        do {
            let database = try Database(path: temporary, mode: .create)
            defer { database.close() }
            try fill(database)
            database.checkpoint(truncate: true)
        } catch {
            removeAll(temporary)
            throw error
        }
        for tail in ["-wal", "-shm"] { Files.remove(temporary + tail) }
        try Files.moveSynced(temporary, to: path)
    }

    /// Removes what interrupted creations left in a folder.
    public static func removeLeftovers(in folder: String) throws {
        for name in try Files.list(folder)
        where name.hasSuffix(suffix) || name.hasSuffix(suffix + "-wal") || name.hasSuffix(suffix + "-shm") {
            Files.remove(folder + "/" + name)
        }
    }

    private static func removeAll(_ path: String) {
        for tail in ["", "-wal", "-shm"] { Files.remove(path + tail) }
    }
}
