import CSQLite

/// Why the store could not do what was asked.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: String, Sendable, Hashable {
        case busy, full, ioError, corrupt, constraint, misuse, readOnly, locked, migrationChanged, newerSchema
        case notFound, permissions, other
    }
    /// The kind.
    public var code: Code
    /// SQLite's extended result code, or 0.
    public var extendedCode: Int32
    /// What went wrong and what to do.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, extendedCode: Int32 = 0, _ message: String) {
        self.code = code
        self.extendedCode = extendedCode
        self.message = message
    }

    /// Makes an error from SQLite's result.
    init(result: Int32, database: OpaquePointer?, doing what: String) {
        let extended = database.map { sqlite3_extended_errcode($0) } ?? result
        let text = database.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(result))
        let code: Code =
            switch result & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_FULL: .full
            case SQLITE_IOERR, SQLITE_CANTOPEN: .ioError
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_CONSTRAINT: .constraint
            case SQLITE_MISUSE, SQLITE_RANGE: .misuse
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .readOnly
            default: .other
            }
        self.init(code, extendedCode: extended, "\(what): \(text)")
    }

    /// Whether what is on disk cannot be trusted to be what was written: after a failed sync the pages may be marked
    /// clean, so that trying again would lie. The process must end and recover at its next start.
    public var isFatal: Bool { code == .ioError || code == .corrupt }

    /// The text in one line.
    public var description: String { "\(code.rawValue): \(message)" }
}
