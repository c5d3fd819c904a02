import CSQLite

/// A prepared statement; belongs to its database. After the database is closed every use fails with `misuse`.
public final class Statement {
    private var handle: OpaquePointer?
    private let database: OpaquePointer
    private let sql: String
    private var isInRows = false
    /// Whether nothing is bound and no run is open.
    private var isClean = true
    // SQLite copies what is bound with this marker: its documented constant, a cast of -1, cannot be imported.
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

    // MARK: Binding, places counted from 1

    /// Binds an integer.
    public func bind(_ place: Int32, _ value: Int64) throws(StoreError) {
        let handle = try open()
        try check(sqlite3_bind_int64(handle, place, value))
    }
    /// Binds a number; SQLite stores NaN as null.
    public func bind(_ place: Int32, _ value: Double) throws(StoreError) {
        let handle = try open()
        try check(sqlite3_bind_double(handle, place, value))
    }
    /// Binds a text; a NUL in it is an ordinary character.
    public func bind(_ place: Int32, _ value: String) throws(StoreError) {
        let handle = try open()
        var text = value
        let result = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                // A null address would bind null: this binds an empty text.
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
        let handle = try open()
        try check(value.withUnsafeBytes { Self.bindBlob(handle, place, $0) })
    }
    /// Binds bytes, which SQLite copies before this returns.
    public func bind(_ place: Int32, bytes: UnsafeRawBufferPointer) throws(StoreError) {
        let handle = try open()
        try check(Self.bindBlob(handle, place, bytes))
    }
    /// Binds null.
    public func bindNull(_ place: Int32) throws(StoreError) {
        let handle = try open()
        try check(sqlite3_bind_null(handle, place))
    }

    /// Binds a text of UTF-8 without a copy: its memory must stay as it is until `run(binding:)` returns.
    public func lend(_ place: Int32, text: UnsafeRawBufferPointer) throws(StoreError) {
        let handle = try open()
        guard let start = text.baseAddress, !text.isEmpty else { return try bind(place, "") }
        let chars = start.assumingMemoryBound(to: CChar.self)
        try check(sqlite3_bind_text64(handle, place, chars, UInt64(text.count), nil, UInt8(SQLITE_UTF8)))
    }
    /// Binds a text that is part of the program.
    public func lend(_ place: Int32, _ text: StaticString) throws(StoreError) {
        try lend(place, text: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    /// Binds bytes without a copy: their memory must stay as it is until `run(binding:)` returns.
    public func lend(_ place: Int32, blob: UnsafeRawBufferPointer) throws(StoreError) {
        let handle = try open()
        guard let start = blob.baseAddress, !blob.isEmpty else { return try bind(place, bytes: blob) }
        try check(sqlite3_bind_blob64(handle, place, start, UInt64(blob.count), nil))
    }

    private static func bindBlob(_ handle: OpaquePointer, _ place: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        bytes.isEmpty
            ? sqlite3_bind_zeroblob(handle, place, 0)
            : sqlite3_bind_blob64(handle, place, bytes.baseAddress, UInt64(bytes.count), transient)
    }

    // MARK: Running

    /// Moves to the next row; false at the end. A failure resets the statement.
    public func step() throws(StoreError) -> Bool {
        let handle = try open()
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let result:
            let error = StoreError(result: result, database: database, doing: "a statement failed", statement: sql)
            sqlite3_reset(handle)
            throw error
        }
    }

    /// Resets the statement for other values.
    public func reset() {
        guard let handle else { return }
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
        isClean = true
    }

    private func begin() throws(StoreError) {
        let handle = try open()
        // A second run would move the first one's cursor, and its rows would start over for ever.
        guard !isInRows else { throw misuse("a statement was run again while its rows were being read") }
        if !isClean {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        isClean = false
    }

    private func begin(_ values: [any Bindable]) throws(StoreError) {
        try begin()
        let places = Int(sqlite3_bind_parameter_count(handle))
        guard values.count == places else {
            throw misuse("a statement with \(places) places was given \(values.count) values")
        }
        for (place, value) in values.enumerated() { try value.bind(to: self, at: Int32(place + 1)) }
    }

    /// Runs to the end with values. Fails with `misuse` when their number does not match the statement.
    public func run(_ values: any Bindable...) throws(StoreError) {
        try begin(values)
        while try step() {}
        sqlite3_reset(handle)
    }

    /// Runs to the end with the values that a body binds: for frequent statements, to avoid boxing their values.
    /// What the body omits is null; what it lends is released at the end.
    public func run(binding body: (Statement) throws(StoreError) -> Void) throws(StoreError) {
        try begin()
        defer { reset() }
        try body(self)
        while try step() {}
    }

    /// All rows. The same statement cannot run again inside `map`.
    public func rows<Row>(_ values: any Bindable..., map: (Statement) throws -> Row) throws -> [Row] {
        try rows(values, map: map)
    }

    /// All rows. The same statement cannot run again inside `map`.
    public func rows<Row>(_ values: [any Bindable], map: (Statement) throws -> Row) throws -> [Row] {
        try begin(values)
        isInRows = true
        defer {
            isInRows = false
            sqlite3_reset(handle)
        }
        var result: [Row] = []
        while try step() { result.append(try map(self)) }
        return result
    }

    /// Rows until `body` returns false, or there are no more. The same statement cannot run again inside `body`.
    public func each(_ values: [any Bindable], _ body: (Statement) throws -> Bool) throws {
        try begin(values)
        isInRows = true
        defer {
            isInRows = false
            sqlite3_reset(handle)
        }
        while try step(), try body(self) {}
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
    /// A column of numbers.
    public func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
    /// A text column; empty when null.
    public func text(_ column: Int32) -> String { String(decoding: bytes(column, isText: true), as: UTF8.self) }
    /// A blob column; empty when null.
    public func blob(_ column: Int32) -> [UInt8] { Array(bytes(column, isText: false)) }
    /// A blob column without a copy; its bytes are invalid when the body returns.
    public func withBlob<Value>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try body(bytes(column, isText: false))
    }
    /// Whether a column is null.
    public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    private func bytes(_ column: Int32, isText: Bool) -> UnsafeRawBufferPointer {
        let start: UnsafeRawPointer? =
            isText
            ? sqlite3_column_text(handle, column).map { UnsafeRawPointer($0) } : sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }

    // MARK: Failures

    private func open() throws(StoreError) -> OpaquePointer {
        guard let handle else { throw misuse("the database is closed") }
        return handle
    }

    private func misuse(_ message: String) -> StoreError {
        StoreError(.misuse, message, statement: String(sql.prefix(200)))
    }

    private func check(_ result: Int32) throws(StoreError) {
        guard result == SQLITE_OK else {
            throw StoreError(result: result, database: database, doing: "a value could not be bound", statement: sql)
        }
    }
}
