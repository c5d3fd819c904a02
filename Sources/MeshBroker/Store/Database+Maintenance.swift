import CMeshPages
import CSQLite

extension Database {
    /// The errors SQLite finds in the file; empty when there are none. Fails with `corrupt` when it cannot even be
    /// read.
    public func integrityCheck() throws(StoreError) -> [String] {
        let lines: [String]
        do { lines = try prepare("PRAGMA integrity_check").rows { $0.text(0) } } catch let error as StoreError {
            throw error
        } catch { throw StoreError(.other, "\(error)") }
        return lines == ["ok"] ? [] : lines
    }

    /// Checkpoints the log into the file; `truncate` waits for readers and empties the log. False when it could not
    /// move all of it: nothing is lost then, it stays in the log.
    @discardableResult
    public func checkpoint(truncate: Bool) -> Bool {
        do throws(StoreError) {
            try checkpointWhole(truncate: truncate)
            return true
        } catch { return false }
    }

    /// Checkpoints the whole log into the file. Fails with `busy` when a reader holds a part of it.
    func checkpointWhole(truncate: Bool) throws(StoreError) {
        let handle = try connection()
        var frames: Int32 = 0
        var moved: Int32 = 0
        let mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let result = sqlite3_wal_checkpoint_v2(handle, nil, mode, &frames, &moved)
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: handle, doing: "moving the log into \(path)")
        }
        guard frames == moved else { throw StoreError(.busy, "a reader holds a part of the log of \(path)") }
    }

    /// Copies the live database to a new file (0600) as of one moment, synced and renamed into place; writers on other
    /// connections continue. Fails with `constraint` when the file exists, `misuse` inside a transaction.
    public func backup(to target: String) throws(StoreError) {
        let handle = try connection()
        guard !Files.exists(target) else { throw StoreError(.constraint, "\(target) exists: choose another name") }
        guard !isInTransaction else { throw StoreError(.misuse, "a backup cannot be made inside a transaction") }
        let temporary = target + FileCreation.suffix
        FileCreation.removeAll(temporary)
        do throws(StoreError) {
            try Files.touchPrivate(temporary)
            try Self.copy(handle, to: temporary, for: target)
            FileCreation.removeCompanions(of: target)
            try Files.moveSynced(temporary, to: target)
        } catch {
            FileCreation.removeAll(temporary)
            throw error
        }
    }

    private static func copy(_ source: OpaquePointer, to temporary: String, for target: String) throws(StoreError) {
        var copy: OpaquePointer?
        // The pages get checksums before the first of them, which states so, is written.
        mesh_pages_new_files(mesh_pages_are_checked(UnsafeMutableRawPointer(source)))
        defer { mesh_pages_new_files(0) }
        let opened = sqlite3_open_v2(temporary, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nil)
        defer { sqlite3_close_v2(copy) }
        guard opened == SQLITE_OK, let backup = sqlite3_backup_init(copy, "main", source, "main") else {
            throw StoreError(
                result: opened == SQLITE_OK ? sqlite3_errcode(copy) : opened, database: copy,
                doing: "opening \(temporary)")
        }
        // All pages in one step: one snapshot, so a writer on another connection cannot make it start over.
        let stepped = sqlite3_backup_step(backup, -1)
        let finished = sqlite3_backup_finish(backup)
        guard stepped == SQLITE_DONE, finished == SQLITE_OK else {
            throw StoreError(
                result: stepped == SQLITE_DONE ? finished : stepped, database: copy, doing: "copying to \(target)")
        }
    }
}
