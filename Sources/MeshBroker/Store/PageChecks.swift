import CMeshPages
import CSQLite

/// Checksums of pages: each page of a file carries one, made when it is written into the file and compared whenever it
/// is read from there, so that a flipped bit is an error and never an answer. They are in eight bytes that SQLite
/// leaves free at the end of each page; any SQLite can read such a file.
extension Database {
    /// In the header of a file whose pages carry checksums (https://www.sqlite.org/fileformat.html, offset 60). One
    /// flipped bit can hide the reserved bytes or this number, never both.
    static let checkedVersion: Int64 = 1

    /// Whether the pages carry checksums. Those of files that earlier versions made do not, until `PageChecks.add`.
    public var hasPageChecks: Bool { handle.map { mesh_pages_are_checked(UnsafeMutableRawPointer($0)) == 1 } ?? false }

    /// Enables them for a new file; before its first page is written.
    func reservePageChecks() throws(StoreError) {
        let handle = try connection()
        guard mesh_pages_reserve(UnsafeMutableRawPointer(handle)) == SQLITE_OK else {
            throw StoreError(.misuse, "\(path) cannot keep checksums of its pages")
        }
    }

    /// Fails with `corrupt` when the header states both that pages carry checksums and that they do not.
    func assertPageChecks() throws(StoreError) {
        let version = try setting("user_version")
        guard version != Self.checkedVersion || hasPageChecks else {
            throw StoreError(.corrupt, "the header of \(path) contradicts itself")
        }
    }

    /// The page size in bytes.
    public var pageSize: Int64 {
        get throws(StoreError) { try setting("page_size") ?? Self.pageBytes }
    }

    /// Number of whole pages that the file has on disk.
    public var pagesOnDisk: Int64 {
        get throws(StoreError) {
            let (handle, size) = (try connection(), try pageSize)
            let count = mesh_pages_count(UnsafeMutableRawPointer(handle), Int32(size))
            guard count >= 0 else { throw StoreError(.ioError, "the size of \(path) cannot be read") }
            return count
        }
    }

    /// Reads pages from the disk, past SQLite's cache and log, and returns the numbers of those that do not hold what
    /// was written. A page that is being written at this moment can seem damaged: check again. Pages count from 1;
    /// those beyond the end are omitted. Fails with `ioError` when the disk does.
    public func damagedPages(from first: Int64, count: Int64) throws(StoreError) -> [Int64] {
        let (handle, size) = (try connection(), Int32(try pageSize))
        let last = min(try pagesOnDisk, first + count - 1)
        guard hasPageChecks, first >= 1, last >= first else { return [] }
        var page = [UInt8](repeating: 0, count: Int(size))
        var damaged: [Int64] = []
        for number in first...last {
            switch mesh_pages_read(UnsafeMutableRawPointer(handle), number, &page, size) {
            case SQLITE_OK: continue
            case StoreError.pageResult: damaged.append(number)
            case let result: throw StoreError(result: result, database: nil, doing: "reading page \(number) of \(path)")
            }
        }
        return damaged
    }

    /// All pages that do not hold what was written.
    public func damagedPages() throws(StoreError) -> [Int64] { try damagedPages(from: 1, count: .max / 2) }
}

/// Adds checksums to files that were made without.
public enum PageChecks {
    /// Rewrites a file with a checksum in each page, and replaces the old one once `check` has passed it.
    /// Does nothing when the file has them. Nobody else may have the file open. The old file stays on any failure: with
    /// `full` when the disk has no room for a second copy, or with what `check` throws.
    public static func add(to path: String, check: (String) throws -> Void) throws {
        let temporary = path + FileCreation.suffix
        do {
            guard try rewrite(path, to: temporary) else { return }
            try check(temporary)
            FileCreation.removeCompanions(of: temporary)
            FileCreation.removeCompanions(of: path)
            try Files.moveSynced(temporary, to: path)
        } catch {
            FileCreation.removeAll(temporary)
            throw error
        }
    }

    /// False when there is nothing to do.
    private static func rewrite(_ path: String, to temporary: String) throws -> Bool {
        let database = try Database(path: path, mode: .open)
        defer { database.close() }
        guard !database.hasPageChecks else { return false }
        FileCreation.removeAll(temporary)
        try Files.touchPrivate(temporary)
        try database.checkpointWhole(truncate: true)
        try database.reservePageChecks()
        mesh_pages_new_files(1)
        defer { mesh_pages_new_files(0) }
        try database.prepare("VACUUM INTO ?").run(temporary)
        let copy = try Database(path: temporary, mode: .open)
        defer { copy.close() }
        try copy.execute("PRAGMA user_version=\(Database.checkedVersion)")
        try copy.checkpointWhole(truncate: true)
        return true
    }
}
