import MeshStore
import Testing

@Suite struct CreationTests {
    struct Refusal: Error {}
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    private func create(_ name: String, rows: Int = 1) throws {
        try FileCreation.createAtomically(folder(name)) { database in
            try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, bytes BLOB)")
            try database.transaction { for row in 0..<rows { try database.add("row \(row)") } }
        }
    }

    @Test(arguments: [0, 1, 5_000])
    func `a created file is one whole file`(rows: Int) throws {
        try create("m.sqlite", rows: rows)
        #expect(try Files.list(folder.path) == ["m.sqlite"])
        #expect(folder.mode("m.sqlite") == 0o600)
        let database = try Database(path: folder("m.sqlite"), mode: .open)
        #expect(try database.count() == Int64(rows))
        #expect(try database.integrityCheck() == [])
    }

    @Test func `a filling that throws leaves nothing`() throws {
        #expect(throws: Refusal.self) {
            try FileCreation.createAtomically(folder("m.sqlite")) { database in
                try database.execute("CREATE TABLE item (id INTEGER)")
                throw Refusal()
            }
        }
        #expect(try Files.list(folder.path) == [])
    }

    @Test func `a filling that leaves its transaction open is refused`() throws {
        #expect(code { try FileCreation.createAtomically(folder("m.sqlite")) { try $0.begin() } } == .misuse)
        #expect(try Files.list(folder.path) == [])
    }

    @Test func `a file that cannot take its whole log is not put in place`() throws {
        var reader: Database?
        let failure = code {
            try FileCreation.createAtomically(folder("m.sqlite")) { database in
                try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); PRAGMA busy_timeout=0")
                let other = try Database(path: database.path, mode: .open)
                try other.execute("BEGIN; SELECT COUNT(*) FROM item")
                reader = other
                try database.add("a")
            }
        }
        reader?.close()
        #expect(failure == .busy)
        #expect(!Files.exists(folder("m.sqlite")))
    }

    @Test func `an existing file is never replaced`() throws {
        try create("m.sqlite", rows: 3)
        #expect(code { try create("m.sqlite") } == .constraint)
        #expect(try Database(path: folder("m.sqlite"), mode: .open).count() == 3)
    }

    @Test func `leftovers are removed and used for nothing`() throws {
        let leftovers = ["m.sqlite.creating", "m.sqlite.creating-wal", "m.sqlite.creating-shm", "n.creating-journal"]
        for name in leftovers + ["kept.sqlite", "kept.sqlite-wal"] { try folder.write(name, [1, 2, 3]) }
        try create("m.sqlite", rows: 2)
        #expect(try Database(path: folder("m.sqlite"), mode: .open).count() == 2)
        for name in leftovers { try folder.write(name, [1]) }
        try FileCreation.removeLeftovers(in: folder.path)
        #expect(try Files.list(folder.path).filter { $0.contains(".creating") } == [])
        #expect(try Files.list(folder.path).filter { $0.contains("kept") } == ["kept.sqlite", "kept.sqlite-wal"])
    }

    @Test func `a removed file's log is not played into a new file of its name`() throws {
        let old = try folder.database("m.sqlite")
        try old.add("old")
        let log = try #require(try Files.read(folder("m.sqlite-wal")))
        old.close()
        Files.remove(folder("m.sqlite"))
        try folder.write("m.sqlite-wal", log)
        try create("m.sqlite", rows: 2)
        let database = try Database(path: folder("m.sqlite"), mode: .open)
        let names = try database.prepare("SELECT name FROM item ORDER BY id").rows { $0.text(0) }
        #expect(names == ["row 0", "row 1"])
    }
}

@Suite struct BackupTests {
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `a backup beside an open write has what was committed and is sound`() throws {
        let writer = try folder.database()
        try writer.transaction { for row in 0..<2_000 { try writer.add("row \(row)") } }
        try writer.begin()
        try writer.add("not committed")
        let source = try Database(path: folder("a.sqlite"), mode: .readOnly)
        try source.backup(to: folder("b.sqlite"))
        try writer.commit()
        #expect(folder.mode("b.sqlite") == 0o600)
        let copy = try Database(path: folder("b.sqlite"), mode: .open)
        #expect(try copy.integrityCheck() == [])
        #expect(try copy.count() == 2_000)
        #expect(try writer.count() == 2_001)
    }

    @Test func `the writer's own connection makes a backup too, of its log as well`() throws {
        let writer = try folder.database()
        try writer.add("a")
        try writer.backup(to: folder("b.sqlite"))
        try writer.add("b")
        #expect(try Database(path: folder("b.sqlite"), mode: .open).count() == 1)
    }

    @Test func `a backup inside a transaction or over a file is refused and leaves nothing`() throws {
        let writer = try folder.database()
        try writer.begin()
        #expect(code { try writer.backup(to: folder("b.sqlite")) } == .misuse)
        try writer.commit()
        #expect(!Files.exists(folder("b.sqlite")))
        try folder.write("b.sqlite", [1])
        #expect(code { try writer.backup(to: folder("b.sqlite")) } == .constraint)
        #expect(try Files.read(folder("b.sqlite")) == [1])
        #expect(code { try writer.backup(to: folder("none/b.sqlite")) } == .notFound)
    }
}
