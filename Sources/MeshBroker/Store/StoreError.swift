import CMeshPages
import CSQLite
import Glibc

/// Why a store operation failed.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure. `foreign` is a sound file of another program; `corrupt` one that is invalid, or no
    /// database; `damaged` means that one page does not hold what was written there: the other pages can be read.
    public enum Code: String, Sendable, Hashable {
        case busy, full, ioError, corrupt, constraint, misuse, readOnly, locked, migrationChanged, newerSchema
        case notFound, permissions, foreign, damaged, other
    }
    /// The kind.
    public var code: Code
    /// SQLite's extended result code, the system's error number for a file call, or 0.
    public var extendedCode: Int32
    /// What went wrong and what to do.
    public var message: String
    /// The beginning of the statement that failed, if any: for logs, not for peers.
    public var statement: String?

    /// Makes an error.
    public init(_ code: Code, extendedCode: Int32 = 0, _ message: String, statement: String? = nil) {
        self.code = code
        self.extendedCode = extendedCode
        self.message = message
        self.statement = statement
    }

    /// Makes an error from SQLite's result.
    init(result: Int32, database: OpaquePointer?, doing what: String, statement: String? = nil) {
        // The connection stores its last failure, which is another one when the result came from elsewhere.
        let last = database.map { sqlite3_extended_errcode($0) } ?? result
        let isLast = last & 0xFF == result & 0xFF
        let text = isLast ? database.map { String(cString: sqlite3_errmsg($0)) } : nil
        let extended = isLast ? last : result
        if extended == Self.pageResult {
            let file = database.flatMap { sqlite3_db_filename($0, "main") }.map { String(cString: $0) } ?? "the file"
            self.init(
                .damaged, extendedCode: extended,
                "page \(mesh_pages_last_damaged()) of \(file) does not hold what was written there",
                statement: statement.map { String($0.prefix(200)) })
            return
        }
        self.init(
            Self.code(extended, systemError: database.map { sqlite3_system_errno($0) } ?? 0), extendedCode: extended,
            "\(what): \(text ?? String(cString: sqlite3_errstr(extended)))",
            statement: statement.map { String($0.prefix(200)) })
    }

    /// The kind of an extended result code (https://www.sqlite.org/rescode.html).
    static func code(_ extended: Int32, systemError: Int32) -> Code {
        switch extended & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_FULL: .full
        case SQLITE_IOERR where extended == pageResult: .damaged
        case SQLITE_IOERR: isOutOfSpace(extended, systemError) ? .full : .ioError
        case SQLITE_CANTOPEN: systemError == ENOSPC || systemError == EDQUOT ? .full : .ioError
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_MISUSE, SQLITE_RANGE: .misuse
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .readOnly
        default: .other
        }
    }

    /// The result of a read when a page's checksum does not match: `SQLITE_IOERR_DATA`, a macro that cannot be
    /// imported.
    static let pageResult = SQLITE_IOERR | 32 << 8

    /// An exhausted quota or log index is a full disk in another form. A failed sync never is: it is then unknown which
    /// pages the kernel has dropped.
    private static func isOutOfSpace(_ extended: Int32, _ systemError: Int32) -> Bool {
        let isWrite = extended == SQLITE_IOERR | 3 << 8 || extended == SQLITE_IOERR | 19 << 8  // _WRITE, _SHMSIZE
        return isWrite && (systemError == ENOSPC || systemError == EDQUOT)
    }

    /// Whether the data on disk can no longer be trusted: after a failed sync the pages may be marked
    /// clean, so that a retry would report a false success. The process must end and recover at its next start.
    public var isFatal: Bool { code == .ioError || code == .corrupt }

    /// Whether the file exists and can be read, and does not hold what was written.
    public var isDamage: Bool { code == .damaged || code == .corrupt }

    /// The text in one line.
    public var description: String {
        guard let statement else { return "\(code.rawValue): \(message)" }
        return "\(code.rawValue): \(message) (in: \(statement.split(separator: "\n").joined(separator: " ")))"
    }
}
