import MeshCore
import MeshStore

/// What is deleted after its time: bodies a day after their message was accepted, once everybody has it; rows after
/// 30 days. The ledger stays.
enum Retention {
    static let timer = TimerKind(rawValue: "retention.sweep")
    static let intervalMillis: Int64 = 60_000
    static let bodyMillis: Int64 = 24 * 3_600_000
    static let rowMillis: Int64 = 30 * 24 * 3_600_000
    /// Rows per step.
    static let step: Int64 = 1_000

    /// One step of each kind; arms itself again, soon while there is more to do.
    static func sweep(_ context: WriteContext) throws -> Bool {
        let state = context.state
        let bodies = try dropBodies(state)
        let rows = try dropRows(state)
        let isBusy = bodies == step || rows == step
        context.arm(timer, key: 0, due: context.now + (isBusy ? 1_000 : intervalMillis))
        return bodies + rows > 0
    }

    private static func dropBodies(_ state: EngineState) throws -> Int64 {
        let meta = MetaTable(state.database)
        let cursor = try meta.int("retention.bodies") ?? 0
        let due = try state.database.prepare(
            "SELECT seq FROM message WHERE seq > ? AND accepted_at < ? ORDER BY seq LIMIT ?"
        ).rows(cursor, state.now - bodyMillis, step) { $0.int(0) }
        // The cursor waits in front of a message that somebody still has to get: at most its time to live.
        let done = due.prefix { state.live[$0] == nil }
        guard let last = done.last else { return 0 }
        try state.database.prepare("UPDATE message SET body = NULL WHERE seq > ? AND seq <= ?").run(cursor, last)
        try meta.set("retention.bodies", last)
        return Int64(done.count)
    }

    private static func dropRows(_ state: EngineState) throws -> Int64 {
        let due = try state.database.prepare(
            "SELECT seq FROM message WHERE accepted_at < ? ORDER BY seq LIMIT ?"
        ).rows(state.now - rowMillis, step) { $0.int(0) }
        // The newest message stays, so that its number is not reused.
        let done = due.prefix { state.live[$0] == nil && $0 < state.nextMessage - 1 }
        guard let last = done.last else { return 0 }
        for table in ["delivery", "dead_letter"] {
            try state.database.prepare("DELETE FROM \(table) WHERE message <= ?").run(last)
        }
        try state.database.prepare("DELETE FROM message WHERE seq <= ?").run(last)
        return Int64(done.count)
    }
}
