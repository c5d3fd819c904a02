import MeshStore
import Testing

@Suite struct MigrationTests {
    static let one = Migration(name: "one", sql: "CREATE TABLE one (id INTEGER PRIMARY KEY)")
    static let two = Migration(
        name: "two", sql: "CREATE TABLE two (id INTEGER REFERENCES one); INSERT INTO two VALUES (NULL)")
    let folder: TestFolder
    let database: Database
    init() throws {
        folder = try TestFolder()
        database = try Database(path: folder("a.sqlite"), mode: .create)
    }

    private func applied() throws -> [String] {
        try database.prepare("SELECT name FROM schema_migration ORDER BY place").rows { $0.text(0) }
    }

    /// The published test vectors of FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
    @Test(
        arguments: [
            ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
        ] as [(String, UInt64)])
    func `a text's hash never changes`(sql: String, hash: UInt64) {
        #expect(UInt64(bitPattern: Migration(name: "x", sql: sql).hash) == hash)
    }

    @Test func `new steps run once, in order, also when they come later`() throws {
        try Migrator.apply([Self.one], to: database)
        try Migrator.apply([Self.one, Self.two], to: database)
        try Migrator.apply([Self.one, Self.two], to: database)
        #expect(try applied() == ["one", "two"])
        #expect(try database.prepare("SELECT COUNT(*) FROM two").first { $0.int(0) } == 1)
    }

    @Test func `an applied step with another text is refused by name`() throws {
        try Migrator.apply([Self.one, Self.two], to: database)
        var changed = Self.two
        changed.sql += " "
        let error = #expect(throws: StoreError.self) { try Migrator.apply([Self.one, changed], to: database) }
        #expect(error?.code == .migrationChanged)
        #expect(error?.message.contains("step two") == true)
    }

    @Test func `a file of a newer version is refused by the step that is not known, and nothing is applied`() throws {
        try Migrator.apply([Self.one], to: database)
        let error = #expect(throws: StoreError.self) { try Migrator.apply([Self.two], to: database) }
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains("step one") == true)
        #expect(try applied() == ["one"])
    }

    @Test func `a step that fails leaves nothing of itself and the steps before it`() throws {
        let bad = Migration(name: "bad", sql: "CREATE TABLE three (id INTEGER); INSERT INTO nothing VALUES (1)")
        #expect(throws: StoreError.self) { try Migrator.apply([Self.one, bad], to: database) }
        #expect(try applied() == ["one"])
        let tables = try database.prepare("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'three'").first { $0.int(0) }
        #expect(tables == 0)
    }

    @Test func `two steps of one name are refused before anything runs`() throws {
        #expect(code { try Migrator.apply([Self.one, Self.one], to: database) } == .misuse)
        #expect(throws: StoreError.self) { try database.prepare("SELECT * FROM one") }
    }
}
