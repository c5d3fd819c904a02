import MeshStore
import Testing

@Suite struct TransactionTests {
    struct Refusal: Error, Equatable { let number: Int }
    let folder: TestFolder
    init() throws { folder = try TestFolder() }

    @Test func `a transaction that throws leaves nothing and throws the same error`() throws {
        let database = try folder.database()
        #expect(throws: Refusal(number: 3)) {
            try database.transaction {
                try database.add("a")
                throw Refusal(number: 3)
            }
        }
        #expect(try database.count() == 0)
        #expect(!database.isInTransaction)
    }

    @Test func `a transaction that returns is there for another connection`() throws {
        let database = try folder.database()
        let value = try database.transaction {
            try database.add("a")
            return 5
        }
        #expect(value == 5)
        #expect(try Database(path: folder("a.sqlite"), mode: .readOnly).count() == 1)
    }

    @Test func `a broken rule inside a transaction undoes the rows before it`() throws {
        let database = try folder.database()
        #expect(
            code {
                try database.transaction {
                    try database.add("a")
                    try database.execute("INSERT INTO item (id) VALUES (1)")
                }
            } == .constraint)
        #expect(try database.count() == 0)
    }

    @Test func `transactions do not nest and the outer one is undone`() throws {
        let database = try folder.database()
        #expect(throws: StoreError.self) {
            try database.transaction {
                try database.add("a")
                try database.transaction { try database.add("b") }
            }
        }
        #expect(try database.count() == 0)
    }

    @Test(arguments: [(true, Int64(1)), (false, 0)])
    func `begin is ended by commit or rollback`(commits: Bool, rows: Int64) throws {
        let database = try folder.database()
        try database.begin()
        #expect(database.isInTransaction)
        try database.add("a")
        if commits { try database.commit() } else { try database.rollback() }
        #expect(!database.isInTransaction)
        #expect(try database.count() == rows)
        try database.rollback()
    }

    @Test func `changes and the last row are told`() throws {
        let database = try folder.database()
        for name in ["a", "b", "c"] { try database.add(name) }
        #expect(database.lastInsertedRow == 3)
        let before = database.totalChanges
        try database.prepare("UPDATE item SET name = ? WHERE id > ?").run("z", Int64(1))
        #expect(database.changes == 2)
        #expect(database.totalChanges == before + 2)
    }
}
