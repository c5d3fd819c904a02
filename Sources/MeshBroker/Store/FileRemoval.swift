import Glibc

/// Permanently removes database files.
public enum FileRemoval {
    /// Removes a closed database with its log, durably. Fails with `ioError` when the folder cannot be synced: the file
    /// may be there again after a power cut.
    public static func remove(database path: String) throws(StoreError) {
        // The database goes first: a log without its database is never applied to anything.
        guard unlink(path) == 0 || errno == ENOENT else { throw Files.failure("removing \(path)") }
        FileCreation.removeCompanions(of: path)
        try Files.syncFolder(of: path)
    }
}

extension Files {
    /// The absolute path, with links and dots resolved; nil when nothing is there.
    public static func absolute(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }
}
