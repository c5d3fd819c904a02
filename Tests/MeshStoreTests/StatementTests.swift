import MeshStore
import Testing

@Suite struct StatementTests {
    let folder: TestFolder
    let database: Database
    init() throws {
        folder = try TestFolder()
        database = try folder.database()
    }

    @Test(arguments: ["", "a", "a\u{0}b", "\u{0}", "ünï☃", String(repeating: "x", count: 100_000)])
    func `a text comes back byte for byte`(text: String) throws {
        try database.prepare("INSERT INTO item (name) VALUES (?)").run(text)
        let row = try database.prepare("SELECT name, typeof(name) FROM item").first { ($0.text(0), $0.text(1)) }
        let back = try #require(row)
        #expect(Array(back.0.utf8) == Array(text.utf8))
        #expect(back.1 == "text")
    }

    @Test(arguments: [[], [0], [0, 1, 0xFF, 0], [UInt8](repeating: 7, count: 70_000)] as [[UInt8]])
    func `a blob comes back byte for byte`(bytes: [UInt8]) throws {
        let insert = try database.prepare("INSERT INTO item (bytes) VALUES (?)")
        try insert.run(bytes)
        insert.reset()
        try bytes.withUnsafeBytes { try insert.bind(1, bytes: $0) }
        #expect(try !insert.step())
        insert.reset()
        let rows = try database.prepare("SELECT bytes, typeof(bytes) FROM item ORDER BY id").rows { row in
            (row.blob(0), row.withBlob(0) { Array($0) }, row.text(1))
        }
        #expect(rows.count == 2)
        for row in rows { #expect(row == (bytes, bytes, "blob")) }
    }

    @Test(arguments: [Int64.min, -1, 0, 1, .max])
    func `an integer comes back`(value: Int64) throws {
        #expect(try database.prepare("SELECT ?").first(value) { $0.int(0) } == value)
    }

    @Test func `every kind of value is bound as its own type`() throws {
        let absent: String? = nil
        let present: Int? = 4
        let row = try database.prepare("SELECT ?, ?, ?, ?, ?, ?, typeof(?6)")
            .first(Int32(-2), 3, true, false, present, absent) { row in
                ((0..<5).map { row.int($0) }, row.isNull(5), row.isNull(0), row.text(6))
            }
        let found = try #require(row)
        #expect(found == ([-2, 3, 1, 0, 4], true, false, "null"))
    }

    @Test func `a statement is prepared once for a text and takes new values each time`() throws {
        let insert = try database.prepare("INSERT INTO item (id, name) VALUES (?, ?)")
        #expect(try database.prepare("INSERT INTO item (id, name) VALUES (?, ?)") === insert)
        try insert.run(Int64(1), "a")
        #expect(code { try insert.run(Int64(1), "again") } == .constraint)
        try insert.run(Int64(2), String?.none)
        let rows = try database.prepare("SELECT name FROM item ORDER BY id").rows { $0.isNull(0) ? "-" : $0.text(0) }
        #expect(rows == ["a", "-"])
    }

    @Test func `a read that was left in the middle begins again with the next values`() throws {
        for name in ["a", "b", "c"] { try database.add(name) }
        let read = try database.prepare("SELECT name FROM item WHERE id >= ? ORDER BY id")
        #expect(try read.first(Int64(1)) { $0.text(0) } == "a")
        #expect(throws: CancellationError.self) { try read.rows(Int64(1)) { _ in throw CancellationError() } }
        #expect(try read.rows(Int64(2)) { $0.text(0) } == ["b", "c"])
    }

    @Test func `a statement cannot run again while its rows are read`() throws {
        for name in ["a", "b"] { try database.add(name) }
        let read = try database.prepare("SELECT name FROM item ORDER BY id")
        #expect(code { _ = try read.rows { _ in try read.rows { $0.text(0) } } } == .misuse)
        #expect(try read.rows { $0.text(0) } == ["a", "b"])
    }

    @Test(arguments: [[], [1], [1, 2, 3]] as [[Int64]])
    func `the number of values must be the statement's`(values: [Int64]) throws {
        let read = try database.prepare("SELECT ?, ?")
        #expect(code { _ = try read.rows(values) { $0.int(0) } } == .misuse)
    }

    @Test func `an invalid statement is named for the log and not in the message`() throws {
        let error = #expect(throws: StoreError.self) { try database.prepare("SELECT * FROM nothing") }
        #expect(error?.statement == "SELECT * FROM nothing")
        #expect(error?.message.contains("SELECT") == false)
        #expect(error?.description.contains("SELECT * FROM nothing") == true)
        #expect(code { _ = try database.prepare("  -- only a remark") } == .misuse)
    }
}
