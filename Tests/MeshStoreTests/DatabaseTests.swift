import Glibc
import MeshStore
import Testing

@Suite struct DatabaseTests {
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test(arguments: [
        ("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1"), ("trusted_schema", "0"),
        ("cell_size_check", "1"), ("secure_delete", "2"), ("auto_vacuum", "2"), ("page_size", "16384"),
        ("wal_autocheckpoint", "256"),
        ("temp_store", "2"), ("mmap_size", "0"), ("busy_timeout", "5000"),
    ])
    func `a new file has the durable setting`(name: String, value: String) throws {
        #expect(try folder.database().pragma(name) == value)
    }

    @Test func `an opened file has synchronous FULL again and keeps its rows`() throws {
        let first = try folder.database()
        try first.add("a")
        first.close()
        let second = try Database(path: folder("a.sqlite"), mode: .open)
        #expect(try second.pragma("synchronous") == "2")
        #expect(try second.pragma("auto_vacuum") == "2")
        #expect(try second.count() == 1)
    }

    @Test func `a new file and its log belong to the user alone`() throws {
        let database = try folder.database()
        try database.add("a")
        #expect(folder.mode("a.sqlite") == 0o600)
        #expect(folder.mode("a.sqlite-wal") == 0o600)
    }

    @Test(arguments: [Database.Mode.open, .readOnly])
    func `a missing file is named and not made`(mode: Database.Mode) throws {
        #expect(code { _ = try Database(path: folder("none.sqlite"), mode: mode) } == .notFound)
        #expect(!Files.exists(folder("none.sqlite")))
    }

    @Test(arguments: [Database.Mode.open, .readOnly, .create])
    func `a file that is no database is named as damaged`(mode: Database.Mode) throws {
        try folder.write("bad.sqlite", [UInt8](repeating: 0x78, count: 4_096))
        let error = #expect(throws: StoreError.self) { try Database(path: folder("bad.sqlite"), mode: mode) }
        #expect(error?.code == .corrupt)
        #expect(error?.isFatal == true)
        #expect(error?.message.contains(folder("bad.sqlite")) == true)
    }

    @Test(arguments: [Database.Mode.open, .readOnly])
    func `a file that was cut to nothing is damaged and not new`(mode: Database.Mode) throws {
        try folder.write("empty.sqlite", [])
        #expect(code { _ = try Database(path: folder("empty.sqlite"), mode: mode) } == .corrupt)
    }

    @Test(arguments: [Database.Mode.open, .readOnly, .create])
    func `another program's database is refused and stays as it is`(mode: Database.Mode) throws {
        try folder.database().execute("PRAGMA application_id=7")
        let error = #expect(throws: StoreError.self) { try Database(path: folder("a.sqlite"), mode: mode) }
        #expect(error?.code == .foreign)
        #expect(error?.isFatal == false)
    }

    @Test func `damage inside a file is found`() throws {
        let database = try folder.database()
        try database.transaction { for _ in 0..<200 { try database.add(String(repeating: "x", count: 200)) } }
        #expect(try database.integrityCheck() == [])
        #expect(database.checkpoint(truncate: true))
        database.close()
        var bytes = try #require(try Files.read(folder("a.sqlite")))
        for place in 4_096 * 4..<4_096 * 6 { bytes[place] = 0xA5 }
        try Files.writePrivate(folder("a.sqlite"), bytes)
        let damaged = try Database(path: folder("a.sqlite"), mode: .open)
        do { #expect(try damaged.integrityCheck() != []) } catch { #expect(error.code == .corrupt) }
    }

    @Test func `a file opened to read cannot be written`() throws {
        try folder.database().add("a")
        let reader = try Database(path: folder("a.sqlite"), mode: .readOnly)
        #expect(try reader.count() == 1)
        #expect(code { try reader.add("b") } == .readOnly)
    }

    @Test func `rows in memory leave no file`() throws {
        let database = try Database(path: "nowhere", mode: .memory)
        try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
        try database.add("a")
        #expect(try database.count() == 1)
        #expect(!Files.exists("nowhere"))
    }

    @Test func `a closed database and its statements fail and do not crash`() throws {
        let database = try folder.database()
        let statement = try database.prepare("SELECT name FROM item WHERE id = ?")
        database.close()
        database.close()
        statement.reset()
        #expect(code { _ = try database.prepare("SELECT 1") } == .misuse)
        #expect(code { try database.execute("SELECT 1") } == .misuse)
        #expect(code { try statement.bind(1, "a") } == .misuse)
        #expect(code { _ = try statement.step() } == .misuse)
        #expect(code { try statement.run(Int64(1)) } == .misuse)
        #expect(!database.checkpoint(truncate: true))
    }

    @Test func `a full file is told as full, undone, and usable again`() throws {
        let database = try folder.database()
        _ = try database.pragma("max_page_count=8")
        let big = [UInt8](repeating: 1, count: 100_000)
        let failure = code {
            try database.transaction {
                try database.add("small")
                try database.prepare("INSERT INTO item (bytes) VALUES (?)").run(big)
            }
        }
        #expect(failure == .full)
        #expect(!database.isInTransaction)
        #expect(try database.count() == 0)
        try database.add("small")
        #expect(try database.count() == 1)
    }

    @Test func `a writer that another connection blocks is told busy`() throws {
        let first = try folder.database()
        let second = try Database(path: folder("a.sqlite"), mode: .open)
        try second.execute("PRAGMA busy_timeout=0")
        try first.begin()
        #expect(code { try second.begin() } == .busy)
        try first.rollback()
        try second.begin()
        try second.commit()
    }
}
