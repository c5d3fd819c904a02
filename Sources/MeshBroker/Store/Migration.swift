/// A step of the schema, identified by its name and the hash of its text: an applied text never changes.
public struct Migration: Sendable, Hashable {
    /// Unique; never changes.
    public var name: String
    /// The statements.
    public var sql: String

    /// Makes a step.
    public init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }

    /// FNV-1a of 64 bits over the text.
    public var hash: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in sql.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

/// Brings a file's schema up to date.
public enum Migrator {
    /// Applies the missing steps, in order, each in one transaction. Fails with `migrationChanged` when an
    /// applied step has another text now, `newerSchema` when the file has steps unknown to this program,
    /// `misuse` when two steps share a name.
    public static func apply(_ migrations: [Migration], to database: Database) throws(StoreError) {
        do {
            let known = try index(migrations)
            let applied = try applied(in: database)
            try check(applied, known, database.path)
            let names = Set(applied.map(\.name))
            for migration in migrations where !names.contains(migration.name) { try applyOne(migration, to: database) }
        } catch let error as StoreError {
            throw error
        } catch { throw StoreError(.other, "\(error)") }
    }

    private static func index(_ migrations: [Migration]) throws(StoreError) -> [String: Int64] {
        var known: [String: Int64] = [:]
        for migration in migrations {
            guard known.updateValue(migration.hash, forKey: migration.name) == nil else {
                throw StoreError(.misuse, "two steps are called \(migration.name): give each its own name")
            }
        }
        return known
    }

    private static func applied(in database: Database) throws -> [(name: String, hash: Int64)] {
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash INTEGER NOT NULL
            ) STRICT
            """)
        return try database.prepare("SELECT name, hash FROM schema_migration ORDER BY place").rows {
            ($0.text(0), $0.int(1))
        }
    }

    private static func check(
        _ applied: [(name: String, hash: Int64)], _ known: [String: Int64], _ path: String
    ) throws(StoreError) {
        for (name, hash) in applied {
            guard let expected = known[name] else {
                throw StoreError(
                    .newerSchema,
                    """
                    \(path) was written by a newer version: it has the step \(name). Start that version, or restore a \
                    backup
                    """)
            }
            guard expected == hash else {
                throw StoreError(
                    .migrationChanged,
                    "the step \(name) of \(path) was applied with another text than this program has")
            }
        }
    }

    private static func applyOne(_ migration: Migration, to database: Database) throws {
        try database.transaction {
            try database.execute(migration.sql)
            try database.prepare("INSERT INTO schema_migration (name, hash) VALUES (?, ?)")
                .run(migration.name, migration.hash)
        }
    }
}
