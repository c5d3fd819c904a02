import MeshStore

/// The tables that every mesh has. Hot tables grow only at their end and have no secondary index.
enum EngineSchema {
    static let migrations = [
        Migration(
            name: "core-1",
            sql: """
                CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
                CREATE TABLE ledger (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
                CREATE TABLE ledger_tile (
                    level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL,
                    PRIMARY KEY (level, number)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
                CREATE TABLE member (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL, key BLOB NOT NULL, name TEXT NOT NULL,
                    role TEXT NOT NULL, joined_at INTEGER NOT NULL, revoked_at INTEGER
                ) STRICT;
                CREATE TABLE session (
                    number INTEGER PRIMARY KEY, member INTEGER NOT NULL, key BLOB NOT NULL, label TEXT,
                    flags INTEGER NOT NULL, binding BLOB, dialect TEXT NOT NULL, groups TEXT NOT NULL,
                    status TEXT NOT NULL, status_since INTEGER NOT NULL, status_expires INTEGER, summary TEXT,
                    mode TEXT NOT NULL, attached_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, info TEXT NOT NULL
                ) STRICT;
                CREATE TABLE message (
                    seq INTEGER PRIMARY KEY, sender INTEGER NOT NULL, member INTEGER NOT NULL, target TEXT NOT NULL,
                    kind TEXT NOT NULL, priority INTEGER NOT NULL, accepted_at INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL, client_id TEXT, fingerprint BLOB NOT NULL, reply_to INTEGER,
                    flags INTEGER NOT NULL, entry INTEGER NOT NULL, extra TEXT, body BLOB
                ) STRICT;
                CREATE TABLE delivery (
                    message INTEGER NOT NULL, recipient INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT,
                    attempts INTEGER NOT NULL, updated_at INTEGER NOT NULL,
                    PRIMARY KEY (message, recipient)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE dead_letter (
                    message INTEGER NOT NULL, recipient INTEGER NOT NULL, PRIMARY KEY (message, recipient)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE invite (
                    id TEXT PRIMARY KEY, code_hash BLOB NOT NULL, capability TEXT NOT NULL, signature BLOB NOT NULL,
                    certificate TEXT, uses INTEGER NOT NULL, used INTEGER NOT NULL, expires_at INTEGER NOT NULL,
                    created_at INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                """),
        // From here on pages carry checksums (`PageChecks`): versions that would write pages without must not open the
        // file.
        Migration(name: "page-checksums-1", sql: "SELECT 1"),
    ]
}
