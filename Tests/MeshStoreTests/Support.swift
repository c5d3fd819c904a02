import Glibc
import MeshStore
import Testing

/// A folder of its own for each test, gone with it.
final class TestFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/mesh-store-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = try #require(made)
    }

    deinit {
        for name in (try? Files.list(path)) ?? [] { Files.remove(path + "/" + name) }
        rmdir(path)
    }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// A new database with one table, `item(id, name, bytes)`.
    func database(_ name: String = "a.sqlite") throws -> Database {
        let database = try Database(path: self(name), mode: .create)
        try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, bytes BLOB)")
        return database
    }

    func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws {
        try Files.writePrivate(self(name), bytes)
        #expect(chmod(self(name), mode) == 0)
    }

    func mode(_ name: String) -> mode_t? {
        var status = stat()
        return stat(self(name), &status) == 0 ? status.st_mode & 0o777 : nil
    }
}

extension Database {
    func count() throws -> Int64 { try prepare("SELECT COUNT(*) FROM item").first { $0.int(0) } ?? -1 }
    func pragma(_ name: String) throws -> String { try prepare("PRAGMA \(name)").first { $0.text(0) } ?? "" }
    func add(_ name: String) throws { try prepare("INSERT INTO item (name) VALUES (?)").run(name) }
}

/// The code that a body fails with; nil when it does not fail with a store error.
func code(_ body: () throws -> Void) -> StoreError.Code? {
    do { try body() } catch { return (error as? StoreError)?.code }
    return nil
}
