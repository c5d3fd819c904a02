import CSQLite

/// A value that a statement can take.
public protocol Bindable {
    /// Binds itself to a place, counted from 1.
    func bind(to statement: Statement, at place: Int32) throws(StoreError)
}

extension Int64: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension Int: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, Int64(self)) }
}
extension Bool: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self ? 1 : 0) }
}
extension String: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension [UInt8]: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension Optional: Bindable where Wrapped: Bindable {
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) {
        if let self { try self.bind(to: statement, at: place) } else { try statement.bindNull(place) }
    }
}

/// A prepared statement; belongs to its database.
public final class Statement {
    private var handle: OpaquePointer?
    private let database: OpaquePointer
    private let sql: String
    // SQLite copies what is bound with this mark: its documented constant, a cast of -1, cannot be imported.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ handle: OpaquePointer, database: OpaquePointer, sql: String) {
        self.handle = handle
        self.database = database
        self.sql = sql
    }

    func finalize() {
        sqlite3_finalize(handle)
        handle = nil
    }

    // MARK: Binding

    /// Binds an integer.
    public func bind(_ place: Int32, _ value: Int64) throws(StoreError) { try check(sqlite3_bind_int64(handle, place, value)) }
    /// Binds a text.
    public func bind(_ place: Int32, _ value: String) throws(StoreError) {
        var text = value
        let result = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                // A null address would bind null: an empty text is bound as itself.
                chars.isEmpty
                    ? sqlite3_bind_text(handle, place, "", 0, Self.transient)
                    : sqlite3_bind_text64(
                        handle, place, chars.baseAddress, UInt64(chars.count), Self.transient, UInt8(SQLITE_UTF8))
            }
        }
        try check(result)
    }
    /// Binds bytes.
    public func bind(_ place: Int32, _ value: [UInt8]) throws(StoreError) {
        let result = value.withUnsafeBytes { bytes in
            bytes.isEmpty
                ? sqlite3_bind_zeroblob(handle, place, 0)
                : sqlite3_bind_blob64(handle, place, bytes.baseAddress, UInt64(bytes.count), Self.transient)
        }
        try check(result)
    }
    /// Binds null.
    public func bindNull(_ place: Int32) throws(StoreError) { try check(sqlite3_bind_null(handle, place)) }

    // MARK: Running

    /// Goes on to the next row; false at the end.
    public func step() throws(StoreError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let result:
            let error = StoreError(result: result, database: database, doing: "running \(sql.prefix(80))")
            sqlite3_reset(handle)
            throw error
        }
    }

    /// Makes the statement ready for other values.
    public func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    private func begin(_ values: [any Bindable]) throws(StoreError) {
        guard handle != nil else { throw StoreError(.misuse, "the database is closed") }
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        for (place, value) in values.enumerated() { try value.bind(to: self, at: Int32(place + 1)) }
    }

    /// Runs to the end with values.
    public func run(_ values: any Bindable...) throws(StoreError) {
        try begin(values)
        while try step() {}
        sqlite3_reset(handle)
    }

    /// All rows.
    public func rows<Row>(_ values: any Bindable..., map: (Statement) throws -> Row) throws -> [Row] {
        try rows(values, map: map)
    }

    /// All rows.
    public func rows<Row>(_ values: [any Bindable], map: (Statement) throws -> Row) throws -> [Row] {
        try begin(values)
        defer { sqlite3_reset(handle) }
        var result: [Row] = []
        while try step() { result.append(try map(self)) }
        return result
    }

    /// The first row, if there is one.
    public func first<Row>(_ values: any Bindable..., map: (Statement) throws -> Row) throws -> Row? {
        try begin(values)
        defer { sqlite3_reset(handle) }
        return try step() ? try map(self) : nil
    }

    /// The first row of a statement without values.
    public func first<Row>(_ map: (Statement) -> Row) throws(StoreError) -> Row? {
        try begin([])
        defer { sqlite3_reset(handle) }
        return try step() ? map(self) : nil
    }

    // MARK: Columns, counted from 0

    /// An integer column.
    public func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    /// A text column; empty when null.
    public func text(_ column: Int32) -> String { String(decoding: bytes(column, isText: true), as: UTF8.self) }
    /// A blob column; empty when null.
    public func blob(_ column: Int32) -> [UInt8] { Array(bytes(column, isText: false)) }
    /// Whether a column is null.
    public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    private func bytes(_ column: Int32, isText: Bool) -> UnsafeRawBufferPointer {
        let start: UnsafeRawPointer? =
            isText ? sqlite3_column_text(handle, column).map { UnsafeRawPointer($0) } : sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }

    private func check(_ result: Int32) throws(StoreError) {
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: database, doing: "binding a value of \(sql.prefix(80))")
        }
    }
}
