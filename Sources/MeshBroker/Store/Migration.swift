/// A step of the schema, known by its name and the hash of its text: a text that was applied never changes.
public struct Migration: Sendable, Hashable {
    /// Unique; stays for ever.
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
    /// Applies the steps that a file lacks, each in one transaction. Fails with `migrationChanged` when an applied step
    /// has another text now, `newerSchema` when the file has steps that this program does not know.
    public static func apply(_ migrations: [Migration], to database: Database) throws {
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash INTEGER NOT NULL
            ) STRICT
            """)
        let applied = try database.prepare("SELECT name, hash FROM schema_migration ORDER BY place").rows {
            ($0.text(0), $0.int(1))
        }
        for (name, hash) in applied {
            guard let known = migrations.first(where: { $0.name == name }) else {
                throw StoreError(
                    .newerSchema,
                    "\(database.path) was written by a newer version: it has the step \(name). Start that version, or restore a backup")
            }
            guard known.hash == hash else {
                throw StoreError(
                    .migrationChanged, "the step \(name) of \(database.path) was applied with another text than this program has")
            }
        }
        let names = Set(applied.map(\.0))
        for migration in migrations where !names.contains(migration.name) {
            try database.transaction {
                try database.execute(migration.sql)
                try database.prepare("INSERT INTO schema_migration (name, hash) VALUES (?, ?)")
                    .run(migration.name, migration.hash)
            }
        }
    }
}
