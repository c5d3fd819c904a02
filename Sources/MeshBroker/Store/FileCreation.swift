/// Creates database files atomically: a file with its real name is complete.
public enum FileCreation {
    static let suffix = ".creating"
    private static let companions = ["-wal", "-shm", "-journal"]

    /// Fills a database under another name, moves its log into it, syncs it, renames it and syncs the folder. Fails
    /// with `constraint` when the file exists, or with what `fill` throws; then nothing is left behind.
    public static func createAtomically(_ path: String, fill: (Database) throws -> Void) throws {
        guard !Files.exists(path) else { throw StoreError(.constraint, "\(path) exists: choose another name") }
        let temporary = path + suffix
        removeAll(temporary)
        do {
            try fillAndClose(temporary, fill)
            // The log of a removed file of the same name would be applied to the new one.
            removeCompanions(of: path)
            try Files.moveSynced(temporary, to: path)
        } catch {
            removeAll(temporary)
            throw error
        }
    }

    private static func fillAndClose(_ temporary: String, _ fill: (Database) throws -> Void) throws {
        let database = try Database(path: temporary, mode: .create)
        defer { database.close() }
        try fill(database)
        guard !database.isInTransaction else {
            throw StoreError(.misuse, "\(temporary) was left with an open transaction")
        }
        try database.checkpointWhole(truncate: true)
    }

    /// Removes what interrupted creations, backups and writes left in a folder. Only for a folder in which nobody
    /// creates files at this moment.
    public static func removeLeftovers(in folder: String) throws(StoreError) {
        let tails = [suffix, Files.writingSuffix] + companions.map { suffix + $0 }
        for name in try Files.list(folder) where tails.contains(where: { name.hasSuffix($0) }) {
            Files.remove(folder + "/" + name)
        }
    }

    /// Removes the log, its index and the journal that belong to a file name.
    static func removeCompanions(of path: String) {
        for tail in companions { Files.remove(path + tail) }
    }

    static func removeAll(_ path: String) {
        Files.remove(path)
        removeCompanions(of: path)
    }
}
