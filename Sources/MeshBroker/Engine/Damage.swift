import MeshCore
package import MeshStore

/// How a mesh handles damage in its file: a page that does not hold what was written there is never served.
///
/// The rule: what a mesh must know to decide anything (members, sessions, rights, topics, settings, deliveries,
/// accepted messages, the ledger) stops it when damaged. Where only contents are damaged (values of the state,
/// histories of topics, bodies of messages), requests for them are refused with `damaged`, and everything else is
/// served.
package enum Damage {
    /// Tables of contents: no decision depends on their rows.
    private static let contents: Set<String> = ["state_entry", "topic_message", "topic_mention"]
    /// Tables whose keys a mesh needs, but whose rows it can miss one by one.
    private static let bodies: Set<String> = ["message"]

    /// Whether a mesh can serve without a part of its file.
    package static func isBearable(_ part: DamagedPart) -> Bool {
        switch part.place {
        case .noRow: true
        case .contents: contents.contains(part.table) || bodies.contains(part.table)
        case .rows: contents.contains(part.table)
        }
    }

    /// Runs a read and names what it wanted when that is damaged. Only for reads: inside a transaction that writes,
    /// SQLite has undone it when a page was damaged, and the error must reach the code that opened it.
    static func naming<Value>(_ what: @autoclosure () -> String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as StoreError where error.isDamage {
            throw Self.error(what(), error)
        }
    }

    /// The error of a request that needs a damaged part.
    static func error(_ store: StoreError) -> MeshError {
        error(table(of: store.statement ?? "").map { "a part of the table \($0)" } ?? "a part of the file", store)
    }

    private static func error(_ what: String, _ store: StoreError) -> MeshError {
        let place = store.code == .damaged ? store.message.split(separator: " ").prefix(2).joined(separator: " ") : nil
        return MeshError(
            .damaged, "\(what) is damaged on the broker's disk" + (place.map { " (\($0) of the mesh's file)" } ?? ""),
            hint: "restore the mesh from a backup; `meshd check` on the broker's machine says what is damaged")
    }

    /// The first table that a statement names.
    private static func table(of statement: String) -> String? {
        let words = statement.split { $0 == " " || $0 == "\n" || $0 == "(" || $0 == "," }
        let before = words.firstIndex { ["FROM", "INTO", "UPDATE"].contains($0) }
        guard let before, before + 1 < words.count else { return nil }
        return String(words[before + 1])
    }
}

/// A batch was undone, and the mesh cannot go on with what it has in memory: its tables cannot be read again, or a
/// timer fails each time.
package struct CannotContinue: Error {
    /// The cause.
    package let cause: any Error
}
