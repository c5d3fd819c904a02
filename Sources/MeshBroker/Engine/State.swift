import MeshCore
import MeshStore

/// Shared state: versioned keys with JSON values. One write is one revision, whatever it changes.
enum State {
    static let channel = "state"
    /// Keys of one mesh.
    static let maximumKeys: Int64 = 100_000

    static let migrations = [
        Migration(
            name: "state-1",
            sql: """
                CREATE TABLE state_entry (
                    key TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL, revision INTEGER NOT NULL,
                    updated_by TEXT NOT NULL, updated_at INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(name: "state-2", sql: "ALTER TABLE state_entry ADD COLUMN updated_member INTEGER"),
    ]

    /// The revision and the number of keys, as in the tables.
    final class Memory: CapabilityMemory {
        var revision: Int64 = 0
        var count: Int64 = 0
        init() {}
    }

    static let capability = Capability("state", migrations: migrations) {
        Write(SetState.self) { request, context in
            try write([.init(op: .set, key: request.key, value: request.value)], context)
        }
        Write(CompareAndSetState.self) { request, context in
            try write(
                [.init(op: .set, key: request.key, value: request.value, expectedVersion: request.expectedVersion)],
                context)
        }
        Write(DeleteState.self) { request, context in
            try write([.init(op: .delete, key: request.key, expectedVersion: request.expectedVersion)], context)
        }
        Write(BatchState.self) { request, context in try write(request.operations, context) }
        Read(GetState.self) { request, view in
            let found = try Damage.naming("the value of \(request.key)") { try entry(request.key, view) }
            guard let entry = found else {
                return StateResult(
                    key: request.key, value: .null, updatedBy: "", updatedAt: "", version: 0, revision: 0, found: false)
            }
            var result = StateResult(
                key: entry.key, value: entry.value, updatedBy: entry.updatedBy, updatedAt: entry.updatedAt,
                version: entry.version, revision: entry.revision, found: true)
            result.updatedByKey = entry.updatedByKey
            return result
        }
        Read(ListState.self) { request, view in
            let limit = request.limit ?? 1_000
            var page = view.page()
            let (entries, more) = try list(request.prefix ?? "", after: request.after, limit: limit, &page, view)
            return StateList(
                entries: entries, revision: view.state.memory(Memory.self).revision, more: more)
        }
        Watch(WatchState.self) { request, watch in
            let name = request.watchId ?? ""
            let prefix = request.prefix ?? ""
            if request.snapshot == false {
                try watch.subscribe(channel: channel, prefix: prefix, name: name)
                var start = StateSnapshot(
                    watchId: name, prefix: prefix, entries: [],
                    revision: watch.view.state.memory(Memory.self).revision)
                start.partial = true
                return start
            }
            var page = watch.view.wholePage()
            let (entries, more) = try list(prefix, after: nil, limit: Int(maximumKeys), &page, watch.view)
            guard !more else {
                throw MeshError(
                    .tooLarge,
                    "the keys under \(prefix.isEmpty ? "all prefixes" : prefix) take more than \(AnswerSize.whole) bytes",
                    hint:
                        "watch a longer prefix, or watch with snapshot: false and read them in pages with list_state")
            }
            try watch.subscribe(channel: channel, prefix: prefix, name: name)
            return StateSnapshot(
                watchId: name, prefix: prefix, entries: entries,
                revision: watch.view.state.memory(Memory.self).revision)
        }
        Watch(Unwatch.self) { request, watch in
            Unwatched(
                watchId: request.watchId, existed: watch.unsubscribe(channel: channel, name: request.watchId))
        }
        Load { state in
            let memory = state.memory(Memory.self)
            memory.revision = try MetaTable(state.database).int("state.revision") ?? 0
            do {
                memory.count = try state.database.prepare("SELECT COUNT(*) FROM state_entry").first { $0.int(0) } ?? 0
            } catch let error as StoreError where error.isDamage {
                // Readable values are served; the number of keys only limits new ones.
                memory.count = 0
            }
        }
    }

    /// Applies operations atomically: checks all of them, then writes all of them.
    private static func write(_ operations: [BatchState.Operation], _ context: WriteContext) throws -> StateWritten {
        let (_, member) = try context.caller()
        let database = context.state.database
        let memory = context.state.memory(Memory.self)
        var keys: Set<ExactText> = []
        var before: [Int64] = []
        var growth: Int64 = 0
        for operation in operations {
            try check(operation)
            guard keys.insert(ExactText(operation.key)).inserted else {
                throw MeshError.argument("operations", "\(operation.key) stands twice; each key once")
            }
            let version =
                try database.prepare("SELECT version FROM state_entry WHERE key = ?").first(operation.key) { $0.int(0) }
                ?? 0
            if let expected = operation.expectedVersion, expected != version {
                throw MeshError(
                    .versionConflict, "\(operation.key) has version \(version), not \(expected)",
                    hint: "read it again, then decide",
                    details: ["key": .string(operation.key), "version": .integer(version)])
            }
            if operation.op == .delete, version == 0 {
                throw MeshError(.notFound, "there is no key \(operation.key)")
            }
            if operation.op == .set, version == 0 { growth += 1 }
            if operation.op == .delete { growth -= 1 }
            before.append(version)
        }
        guard memory.count + growth <= maximumKeys else {
            throw MeshError(.capacity, "a mesh has at most \(maximumKeys) keys", hint: "delete some")
        }
        let revision = memory.revision + 1
        var changes: [StateChanges.Change] = []
        for (operation, version) in zip(operations, before) where operation.op != .check {
            // A version is never reused: a key that was deleted and set again continues from the revision.
            let next = operation.op == .delete ? 0 : (version == 0 ? 1 : version + 1)
            if operation.op == .delete {
                try database.prepare("DELETE FROM state_entry WHERE key = ?").run(operation.key)
            } else {
                try database.prepare(
                    """
                    INSERT OR REPLACE INTO state_entry
                        (key, value, version, revision, updated_by, updated_at, updated_member)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """
                ).run(
                    operation.key, (operation.value ?? .null).bytes(), next, revision, member.name, context.now,
                    member.number.rawValue)
            }
            changes.append(
                .init(
                    key: operation.key, value: operation.value ?? .null, version: next, deleted: operation.op == .delete
                ))
        }
        guard !changes.isEmpty else { return StateWritten(revision: memory.revision, version: nil, changed: 0) }
        memory.revision = revision
        memory.count += growth
        try MetaTable(database).set("state.revision", revision)
        try record(changes, revision, context)
        publish(changes, revision: revision, by: member, context)
        return StateWritten(
            revision: revision, version: changes.count == 1 ? changes[0].version : nil, changed: changes.count)
    }

    private static func check(_ operation: BatchState.Operation) throws(MeshError) {
        switch (operation.op, operation.value) {
        case (.set, nil): throw .argument("value", "missing for \(operation.key)")
        case (.set, _), (.delete, _): break
        case (.check, _):
            if operation.expectedVersion == nil { throw .argument("expectedVersion", "missing for check") }
        }
    }

    /// Appends one ledger entry for a write: keys in clear, values as hashes.
    private static func record(_ changes: [StateChanges.Change], _ revision: Int64, _ context: WriteContext) throws {
        let kind = changes.count > 1 ? "state.batch" : changes[0].deleted ? "state.delete" : "state.set"
        let values = JSON.array(
            changes.map { ["key": .string($0.key), "version": .integer($0.version), "value": $0.value] })
        var attributes: JSONObject = ["revision": .integer(revision), "keys": .integer(Int64(changes.count))]
        if changes.count == 1 { attributes["version"] = .integer(changes[0].version) }
        let salt = context.randomBytes()
        try context.record(
            kind, object: changes.count == 1 ? changes[0].key : nil, attributes,
            commitments: ["values": WriteContext.digest(salt + values.canonicalBytes())])
    }

    /// Notifies watchers, and claudemesh clients, which expect every change of others.
    private static func publish(
        _ changes: [StateChanges.Change], revision: Int64, by member: Member, _ context: WriteContext
    ) {
        let write = StateChanges(
            watchID: "", revision: revision, updatedBy: member.name, updatedByKey: member.key, at: context.now,
            changes: changes)
        tellWatchers(write, context)
        guard case .session(let caller, _) = context.actor else { return }
        // Looked up once, not for each change: most meshes have none.
        let roster = context.state.roster
        let legacy = roster.sessionOrder.filter { number in
            guard number != caller, let session = roster.sessions[number] else { return false }
            return session.dialect == .claudemesh && session.attachment.isAttached
        }
        guard !legacy.isEmpty else { return }
        for change in changes {
            var one = write
            one.changes = [change]
            let push = SharedPush(one)
            context.spend(legacy.count * (WriteContext.smallPush + change.value.bytes().count))
            for number in legacy { context.push(push, to: number) }
        }
    }

    /// Sends one push per connection, however many of its watches match the write; those that match the same share it.
    private static func tellWatchers(_ write: StateChanges, _ context: WriteContext) {
        let interests = context.state.subscriptions.interests(in: channel)
        guard !interests.isEmpty else { return }
        let sizes = write.changes.map { $0.value.bytes().count + $0.key.utf8.count + 100 }
        // In the order of subscription, so that every replay sends the same.
        var notified: [(connection: ConnectionID, names: [String], sees: [Bool])] = []
        var places: [ConnectionID: Int] = [:]
        // Looked up once per prefix: many watch the same.
        var known: [ExactText: [Bool]] = [:]
        for interest in interests {
            let prefix = ExactText(interest.prefix)
            let sees = known[prefix] ?? write.changes.map { $0.key.utf8.starts(with: interest.prefix.utf8) }
            known[prefix] = sees
            guard sees.contains(true) else { continue }
            guard let place = places[interest.connection] else {
                places[interest.connection] = notified.count
                notified.append((interest.connection, [interest.name], sees))
                continue
            }
            notified[place].names.append(interest.name)
            guard notified[place].sees != sees else { continue }
            for (number, seen) in sees.enumerated() where seen { notified[place].sees[number] = true }
        }
        var bodies: [[Bool]: (body: WatchedChanges.Body, bytes: Int)] = [:]
        for (connection, names, sees) in notified {
            let known = bodies[sees]
            let (body, bytes) = known ?? share(write, sees, sizes)
            if known == nil { bodies[sees] = (body, bytes) }
            let push = WatchedChanges(body, watchIDs: names)
            context.push(push, to: connection, bytes: bytes + names.reduce(0) { $0 + $1.utf8.count })
        }
    }

    /// Some changes of a write, and their approximate size in bytes: the first is counted twice.
    private static func share(
        _ write: StateChanges, _ sees: [Bool], _ sizes: [Int]
    ) -> (body: WatchedChanges.Body, bytes: Int) {
        var part = write
        let seen = sees.indices.filter { sees[$0] }
        part.changes = seen.map { write.changes[$0] }
        let first = seen.first.map { sizes[$0] } ?? 0
        return (WatchedChanges.Body(part), seen.reduce(first + 200) { $0 + sizes[$1] })
    }

    private static let columns = "key, value, version, revision, updated_by, updated_at, updated_member"

    private static func entry(_ key: String, _ view: ReadView) throws -> StateList.Entry? {
        try view.state.database.prepare("SELECT \(columns) FROM state_entry WHERE key = ?").first(key) { entry in
            view.meter.add(cost(entry))
            return try row(entry, view.roster)
        }
    }

    /// Entries of a page, and whether more follow.
    private static func list(
        _ prefix: String, after: String?, limit: Int, _ page: inout AnswerPage, _ view: ReadView
    ) throws -> (entries: [StateList.Entry], more: Bool) {
        var entries: [StateList.Entry] = []
        var more = false
        // A prefix is the range from itself to itself followed by the highest scalar, in byte order.
        try Damage.naming("a value of the state") {
            try view.each(
                """
                SELECT \(columns) FROM state_entry WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?
                """, prefix, prefix + "\u{10FFFF}\u{10FFFF}", after ?? "", limit + 1
            ) { entry in
                more = entries.count == limit || !page.takes(cost(entry))
                if !more { entries.append(try row(entry, view.roster)) }
                return !more
            }
        }
        return (entries, more)
    }

    /// The approximate size of an entry in an answer, in bytes.
    private static func cost(_ entry: Statement) -> Int { 200 + entry.withBlob(1) { ValueCost.of($0) } }

    private static func row(_ row: Statement, _ roster: Roster) throws -> StateList.Entry {
        var entry = StateList.Entry(
            key: row.text(0), value: try JSON.parse(row.blob(1), limits: .frame), updatedBy: row.text(4),
            updatedAt: Timestamp.iso8601(row.int(5)), version: row.int(2), revision: row.int(3))
        // Entries written before the column existed name no author for certain.
        if !row.isNull(6) { entry.updatedByKey = roster.members[MemberNumber(rawValue: row.int(6))]?.key }
        return entry
    }
}
