import MeshStore
import Testing

/// Pages carry checksums: a flipped bit is an error, never an answer.
@Suite struct PageChecksTests {
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    /// A closed file of many pages, with a value that lies apart from its row.
    private func filled() throws {
        let database = try folder.database()
        try database.transaction {
            for number in 0..<400 { try database.add("name \(number) " + String(repeating: "x", count: 300)) }
            try database.prepare("INSERT INTO item (name, bytes) VALUES (?, ?)")
                .run("large", [UInt8](repeating: 0x5A, count: 60_000))
        }
        #expect(database.checkpoint(truncate: true))
        database.close()
    }

    private func flip(_ place: Int, _ bit: UInt8 = 4) throws {
        var bytes = try #require(try Files.read(folder("a.sqlite")))
        bytes[place] ^= bit
        try Files.writePrivate(folder("a.sqlite"), bytes)
    }

    @Test func `every flipped bit of a page is seen, also in its checksum`() throws {
        try filled()
        let sound = try #require(try Files.read(folder("a.sqlite")))
        for place in stride(from: 16_384 * 5, to: 16_384 * 6, by: 613) + [16_384 * 6 - 1, 16_384 * 6 - 8] {
            try flip(place)
            let database = try Database(path: folder("a.sqlite"), mode: .open)
            #expect(try database.damagedPages() == [6])
            database.close()
            try Files.writePrivate(folder("a.sqlite"), sound)
        }
        #expect(try Database(path: folder("a.sqlite"), mode: .open).damagedPages() == [])
    }

    @Test func `rows of other pages are read, and the damaged ones are named`() throws {
        try filled()
        let bytes = try #require(try Files.read(folder("a.sqlite")))
        let large = try #require(
            (0..<bytes.count - 9_000).first { start in bytes[start..<start + 9_000].allSatisfy { $0 == 0x5A } })
        try flip(large + 5_000)
        let database = try Database(path: folder("a.sqlite"), mode: .open)
        #expect(
            code { _ = try database.prepare("SELECT bytes FROM item WHERE id = 401").first { $0.blob(0) } } == .damaged)
        #expect(try database.prepare("SELECT name FROM item WHERE id = 401").first { $0.text(0) } == "large")
        #expect(try database.damagedParts() == [DamagedPart(table: "item", place: .contents(of: "401"))])
    }

    @Test func `rows that cannot be found are named by their neighbours`() throws {
        try filled()
        try flip(16_384 * 6 + 9_000)
        let database = try Database(path: folder("a.sqlite"), mode: .open)
        let parts = try database.damagedParts()
        guard case .rows(let after?, let before?) = try #require(parts.first).place, parts.count == 1 else {
            Issue.record("\(parts)")
            return
        }
        #expect(try #require(Int(after)) < (try #require(Int(before))))
    }

    @Test(arguments: [20, 63]) func `a header that hides the checksums is damaged`(place: Int) throws {
        try filled()
        try flip(place, place == 20 ? 8 : 1)
        #expect(code { _ = try Database(path: folder("a.sqlite"), mode: .open) } == .corrupt)
    }

    @Test func `a damaged page fails a transaction and nothing of it is stored`() throws {
        try filled()
        try flip(16_384 * 6 + 9_000)
        let database = try Database(path: folder("a.sqlite"), mode: .open)
        let failure = code {
            try database.transaction {
                try database.add("new")
                _ = try database.prepare("SELECT SUM(LENGTH(name)) FROM item").first { $0.int(0) }
            }
        }
        #expect(failure == .damaged)
        #expect(!database.isInTransaction)
        #expect(try database.prepare("SELECT COUNT(*) FROM item WHERE id > 401").first { $0.int(0) } == 0)
    }

    @Test func `a backup has checksums, and damage is never copied`() throws {
        try filled()
        var database = try Database(path: folder("a.sqlite"), mode: .open)
        try database.backup(to: folder("b.sqlite"))
        database.close()
        let copy = try Database(path: folder("b.sqlite"), mode: .open)
        #expect(copy.hasPageChecks)
        #expect(try copy.damagedPages() == [])
        copy.close()
        try flip(16_384 * 6 + 9_000)
        database = try Database(path: folder("a.sqlite"), mode: .open)
        #expect(code { try database.backup(to: folder("c.sqlite")) } == .damaged)
        #expect(!Files.exists(folder("c.sqlite")))
    }

    @Test func `a file without checksums gets them once, when its check passes`() throws {
        try PlainFile.write(folder("a.sqlite"))
        let old = try Database(path: folder("a.sqlite"), mode: .open)
        #expect(!old.hasPageChecks)
        #expect(try old.count() == 300)
        old.close()
        struct Refused: Error {}
        #expect(throws: Refused.self) { try PageChecks.add(to: folder("a.sqlite")) { _ in throw Refused() } }
        #expect(!Files.exists(folder("a.sqlite.creating")))
        var checked = 0
        for _ in 0..<2 { try PageChecks.add(to: folder("a.sqlite")) { _ in checked += 1 } }
        #expect(checked == 1)
        let new = try Database(path: folder("a.sqlite"), mode: .open)
        #expect(new.hasPageChecks)
        #expect(try new.count() == 300)
        #expect(try new.pragma("auto_vacuum") == "2")
        #expect(try new.damagedPages() == [])
        #expect(try new.integrityCheck() == [])
        #expect(folder.mode("a.sqlite") == 0o600)
        try new.add("more")
        #expect(new.checkpoint(truncate: true))
        #expect(try new.damagedPages() == [])
    }
}

/// A file as earlier versions made it: ours, and without checksums.
private enum PlainFile {
    static func write(_ path: String) throws {
        let database = try Database(path: path, mode: .create, pageChecks: false)
        defer { database.close() }
        try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, bytes BLOB)")
        try database.transaction { for _ in 0..<300 { try database.add(String(repeating: "x", count: 500)) } }
        _ = database.checkpoint(truncate: true)
    }
}
