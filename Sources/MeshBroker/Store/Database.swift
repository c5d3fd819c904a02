import CMeshPages
import CSQLite

/// One SQLite connection with the settings that make a commit durable: WAL and synchronous FULL. Confined to one
/// thread or event loop; it never hops.
public final class Database {
    /// How a file is opened.
    public enum Mode: Sendable {
        /// An existing file, read-write.
        case open
        /// A new or existing file, read-write; a new one is accessible only to its owner (0600).
        case create
        /// An existing file, read-only.
        case readOnly
        /// No file: rows are lost with the connection. The path is only a name.
        case memory
    }

    /// Marks our files in SQLite's header (https://www.sqlite.org/fileformat.html, offset 68): "mesh".
    static let applicationID: Int64 = 0x6D65_7368

    /// Bytes of a page of a new file. Each page that a commit changes is two writes to the log, a header and the page:
    /// large pages of tables that grow at their end mean fewer of them for the same bytes.
    static let pageBytes: Int64 = 16_384
    /// Bytes of the log after which the writer moves it into the file. It blocks meanwhile: a larger log blocks less
    /// often and longer, which is what the slowest messages see.
    static let checkpointBytes: Int64 = 4 << 20

    /// Configured once per process. If memory is counted (another part of the program used SQLite before), it costs
    /// only speed; the layer that checks pages must be there.
    private static let settings: Int32 = {
        _ = mesh_sqlite_count_no_memory()
        if PlantedFault.strikes(.trustPages) { mesh_pages_trust() }
        return mesh_pages_install()
    }()

    private(set) var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]
    private var hotStatements: [(address: UInt, statement: Statement)] = []
    /// The file.
    public let path: String

    /// Opens a file. Fails with `notFound` when it is missing, `corrupt` when it is damaged or no database, `foreign`
    /// when it is another program's, `ioError` when it cannot be opened durably.
    /// Pages of a new file carry checksums unless `pageChecks` is false: then it has the form of earlier versions.
    public init(path: String, mode: Mode, pageChecks: Bool = true) throws(StoreError) {
        self.path = path
        guard Self.settings == SQLITE_OK else {
            throw StoreError(.misuse, "SQLite offers no file system that pages can be checked on")
        }
        if mode == .create { try Files.touchPrivate(path) }
        if mode != .memory, !Files.exists(path) {
            throw StoreError(.notFound, "\(path) is not there: check the name, or restore it from a backup")
        }
        let flags =
            switch mode {
            case .open, .create: SQLITE_OPEN_READWRITE
            case .readOnly: SQLITE_OPEN_READONLY
            case .memory: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        let name = mode == .memory ? ":memory:" : path
        let result = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard result == SQLITE_OK else {
            let error = StoreError(result: result, database: handle, doing: "opening \(path)")
            sqlite3_close_v2(handle)
            handle = nil
            throw error
        }
        // Only a faster way to get memory: a refusal changes nothing else.
        mesh_sqlite_lookaside(handle, 1_200, 500)
        do throws(StoreError) {
            try configure(mode, pageChecks: pageChecks && mode != .memory)
        } catch {
            close()
            throw error.isDamage ? Self.damaged(path, error) : error
        }
    }

    deinit { close() }

    /// Closes the connection; later calls fail with `misuse`.
    public func close() {
        for statement in statements.values { statement.finalize() }
        statements.removeAll()
        hotStatements.removeAll()
        if let handle { sqlite3_close_v2(handle) }
        handle = nil
    }

    // MARK: Settings

    private func configure(_ mode: Mode, pageChecks: Bool) throws(StoreError) {
        sqlite3_busy_timeout(handle, 5_000)
        try execute(
            """
            PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
            PRAGMA mmap_size=0
            """)
        let isNew = try recognise()
        guard !isNew || mode == .create || mode == .memory else {
            throw StoreError(.corrupt, "the file is empty")
        }
        if !isNew { try assertPageChecks() }
        guard mode != .readOnly else { return }
        if isNew {
            if pageChecks { try reservePageChecks() }
            try execute(
                """
                PRAGMA page_size=\(Self.pageBytes); PRAGMA auto_vacuum=INCREMENTAL;
                PRAGMA application_id=\(Self.applicationID);
                PRAGMA user_version=\(pageChecks ? Self.checkedVersion : 0)
                """)
        }
        let checkpointPages = Self.checkpointBytes / max(try setting("page_size") ?? Self.pageBytes, 512)
        try execute(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=\(checkpointPages);
            PRAGMA secure_delete=FAST; PRAGMA cache_size=-4096
            """)
        try assertDurable(mode)
    }

    /// Reads the header, so that a foreign file fails here and not in the middle of work. True for an empty file.
    private func recognise() throws(StoreError) -> Bool {
        let identity = try setting("application_id")
        let tables = try prepare("SELECT COUNT(*), COALESCE(SUM(name = 'schema_migration'), 0) FROM sqlite_schema")
            .first { (all: $0.int(0), ours: $0.int(1)) }
        if identity == Self.applicationID { return false }
        guard let tables, identity == 0, tables.all == 0 || tables.ours > 0 else {
            throw StoreError(.foreign, "\(path) is a database of another program: choose another file")
        }
        return tables.all == 0
    }

    /// Verifies that the settings took effect: a commit that is not synced would make acknowledgements unreliable.
    private func assertDurable(_ mode: Mode) throws(StoreError) {
        let synchronous = try setting("synchronous")
        let journal = try prepare("PRAGMA journal_mode").first { $0.text(0) }
        guard synchronous == 2, journal == (mode == .memory ? "memory" : "wal") else {
            throw StoreError(
                .ioError,
                """
                \(path) cannot be opened durably: synchronous \(synchronous.map(String.init) ?? "?"), \
                journal \(journal ?? "?"); put it on a local file system
                """)
        }
    }

    func setting(_ name: String) throws(StoreError) -> Int64? {
        try prepare("PRAGMA \(name)").first { $0.int(0) }
    }

    private static func damaged(_ path: String, _ error: StoreError) -> StoreError {
        StoreError(
            .corrupt, extendedCode: error.extendedCode,
            "\(path) is damaged or is not a database (\(error.message)): restore it from a backup",
            statement: error.statement)
    }

    // MARK: Statements

    /// The open connection. Fails with `misuse` after `close`.
    func connection() throws(StoreError) -> OpaquePointer {
        guard let handle else { throw StoreError(.misuse, "\(path) is closed") }
        return handle
    }

    /// Returns a prepared statement, cached for the next use of the same text. One statement, not a script.
    public func prepare(_ sql: String) throws(StoreError) -> Statement {
        if let statement = statements[sql] { return statement }
        let handle = try connection()
        var prepared: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: handle, doing: "a statement is not valid", statement: sql)
        }
        guard let prepared else { throw StoreError(.misuse, "a statement is empty") }
        let statement = Statement(prepared, database: handle, sql: sql)
        statements[sql] = statement
        return statement
    }

    /// Returns the prepared form of a frequent statement, found by the address of its text.
    public func prepare(hot sql: StaticString) throws(StoreError) -> Statement {
        let address = UInt(bitPattern: sql.utf8Start)
        // Few, and always the same ones: they are found faster than their hash is computed.
        for known in hotStatements where known.address == address { return known.statement }
        let statement = try prepare(sql.description)
        hotStatements.append((address, statement))
        return statement
    }

    /// Runs a script of statements; their rows are dropped.
    public func execute(_ sql: String) throws(StoreError) {
        let handle = try connection()
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: handle, doing: "a statement failed", statement: sql)
        }
    }

    // MARK: Transactions

    /// Opens a write transaction. Transactions do not nest.
    public func begin() throws(StoreError) { try prepare("BEGIN IMMEDIATE").run() }

    /// Commits what was written since `begin`, durably. On failure the transaction may still be open: roll it back.
    public func commit() throws(StoreError) { try prepare("COMMIT").run() }

    /// Rolls back what was written since `begin`; does nothing when SQLite has already done so.
    public func rollback() throws(StoreError) {
        if isInTransaction { try prepare("ROLLBACK").run() }
    }

    /// Runs a body in one transaction; any error rolls it back and is rethrown. Transactions do not nest.
    public func transaction<Value>(_ body: () throws -> Value) throws -> Value {
        try begin()
        do {
            let value = try body()
            FailPoint.pass(.beforeCommit)
            if PlantedFault.strikes(.loseCommit) { try rollback() } else { try commit() }
            FailPoint.pass(.afterCommit)
            return value
        } catch {
            // The first error is the relevant one; a rollback that fails leaves the transaction open, and the next
            // `begin` reports it.
            try? rollback()
            throw error
        }
    }

    /// Runs a body that only reads, in one transaction: each statement by itself would lock the file and unlock it
    /// again.
    public func reading<Value>(_ body: () throws -> Value) throws -> Value {
        try prepare("BEGIN").run()
        do {
            let value = try body()
            try commit()
            return value
        } catch {
            try? rollback()
            throw error
        }
    }

    /// Whether a transaction is open.
    public var isInTransaction: Bool { handle.map { sqlite3_get_autocommit($0) == 0 } ?? false }
    /// Rows changed since the connection was opened.
    public var totalChanges: Int64 { handle.map { sqlite3_total_changes64($0) } ?? 0 }
    /// Rows changed by the last statement.
    public var changes: Int64 { handle.map { sqlite3_changes64($0) } ?? 0 }
    /// The rowid of the last insert.
    public var lastInsertedRow: Int64 { handle.map { sqlite3_last_insert_rowid($0) } ?? 0 }
}
