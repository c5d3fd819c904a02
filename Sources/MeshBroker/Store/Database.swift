import CSQLite

/// One SQLite connection with the settings that make a commit durable: WAL and synchronous FULL. Confined to one
/// thread or event loop; it never hops.
public final class Database {
    /// How a file is opened.
    public enum Mode: Sendable {
        /// An existing file, to read and write.
        case open
        /// A new or existing file, to read and write.
        case create
        /// An existing file, to read.
        case readOnly
    }

    private var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]
    private var depth = 0
    /// The file.
    public let path: String

    /// Opens a file. Fails with `StoreError`: `corrupt` when it is not SQLite's, `ioError` when it is not there.
    public init(path: String, mode: Mode) throws(StoreError) {
        self.path = path
        let flags =
            switch mode {
            case .open: SQLITE_OPEN_READWRITE
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly: SQLITE_OPEN_READONLY
            }
        let result = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard result == SQLITE_OK else {
            let error = StoreError(result: result, database: handle, doing: "opening \(path)")
            sqlite3_close_v2(handle)
            throw error
        }
        do throws(StoreError) {
            try configure(mode)
        } catch {
            sqlite3_close_v2(handle)
            handle = nil
            throw error
        }
    }

    deinit { close() }

    private func configure(_ mode: Mode) throws(StoreError) {
        sqlite3_busy_timeout(handle, 5_000)
        try execute("PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY")
        guard mode != .readOnly else { return }
        if mode == .create { try execute("PRAGMA auto_vacuum=INCREMENTAL") }
        try execute(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000; PRAGMA secure_delete=FAST;
            PRAGMA cache_size=-16384
            """)
        // A commit that is not synced would make every acknowledgement a guess: look that the setting took.
        let synchronous = try prepare("PRAGMA synchronous").first { $0.int(0) }
        let journal = try prepare("PRAGMA journal_mode").first { $0.text(0) }
        guard synchronous == 2, journal == "wal" else {
            throw StoreError(.other, "\(path) cannot be opened durably: synchronous \(synchronous ?? -1), journal \(journal ?? "?")")
        }
    }

    /// Closes the connection; later calls do nothing.
    public func close() {
        for statement in statements.values { statement.finalize() }
        statements.removeAll()
        if let handle { sqlite3_close_v2(handle) }
        handle = nil
    }

    /// A prepared statement, kept for the next time that the same text is asked for.
    public func prepare(_ sql: String) throws(StoreError) -> Statement {
        if let statement = statements[sql] { return statement }
        guard let handle else { throw StoreError(.misuse, "\(path) is closed") }
        var prepared: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard result == SQLITE_OK, let prepared else {
            throw StoreError(result: result, database: handle, doing: "preparing \(sql.prefix(80))")
        }
        let statement = Statement(prepared, database: handle, sql: sql)
        statements[sql] = statement
        return statement
    }

    /// Runs statements that give no rows.
    public func execute(_ sql: String) throws(StoreError) {
        guard let handle else { throw StoreError(.misuse, "\(path) is closed") }
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: handle, doing: "running \(sql.prefix(80))")
        }
    }

    /// Runs a body in one transaction; any error undoes it. Transactions do not nest.
    public func transaction<Value>(_ body: () throws -> Value) throws -> Value {
        try prepare("BEGIN IMMEDIATE").run()
        do {
            let value = try body()
            try prepare("COMMIT").run()
            return value
        } catch {
            // SQLite has undone the transaction itself after some errors; then there is nothing left to undo.
            if isInTransaction { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Whether a transaction is open.
    public var isInTransaction: Bool { handle.map { sqlite3_get_autocommit($0) == 0 } ?? false }
    /// Rows that were changed since the connection was opened.
    public var totalChanges: Int64 { handle.map { sqlite3_total_changes64($0) } ?? 0 }
    /// Rows that the last statement changed.
    public var changes: Int64 { handle.map { sqlite3_changes64($0) } ?? 0 }

    /// What SQLite finds wrong with the file; empty when nothing is.
    public func integrityCheck() throws(StoreError) -> [String] {
        let lines: [String]
        do { lines = try prepare("PRAGMA integrity_check").rows { $0.text(0) } } catch let error as StoreError {
            throw error
        } catch { throw StoreError(.other, "\(error)") }
        return lines == ["ok"] ? [] : lines
    }

    /// Moves the log into the file.
    public func checkpoint(truncate: Bool) {
        guard let handle else { return }
        sqlite3_wal_checkpoint_v2(handle, nil, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    }

    /// Copies the live database to a new file, synced and renamed into place. Fails when the file exists.
    public func backup(to target: String) throws(StoreError) {
        guard let handle else { throw StoreError(.misuse, "\(path) is closed") }
        let temporary = target + ".creating"
        guard !Files.exists(target) else { throw StoreError(.constraint, "\(target) exists; choose another name") }
        Files.remove(temporary)
        var copy: OpaquePointer?
        var result = sqlite3_open_v2(temporary, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        defer { sqlite3_close_v2(copy) }
        guard result == SQLITE_OK, let backup = sqlite3_backup_init(copy, "main", handle, "main") else {
            throw StoreError(result: result, database: copy, doing: "opening \(temporary)")
        }
        repeat { result = sqlite3_backup_step(backup, 1_024) } while result == SQLITE_OK || result == SQLITE_BUSY
        let finished = sqlite3_backup_finish(backup)
        guard result == SQLITE_DONE, finished == SQLITE_OK else {
            throw StoreError(result: finished, database: copy, doing: "copying to \(target)")
        }
        sqlite3_close_v2(copy)
        copy = nil
        try Files.moveSynced(temporary, to: target)
    }
}
