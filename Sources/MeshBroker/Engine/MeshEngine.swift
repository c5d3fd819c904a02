package import MeshCore
package import MeshStore

/// The deterministic state machine of one mesh: an ordered sequence of commands in, outcomes and effects out. It reads
/// no clock, generates no randomness and does no I/O except in the mesh's own file. Confined to the mesh's writer.
package final class MeshEngine {
    /// Timers that fire in one batch at most; fewer when they send much to others.
    static let timersPerBatch = 256

    /// Bytes that a batch may send to others before it ends early.
    static let toldPerBatch = 512 << 10

    private let database: Database
    private let table: CapabilityTable
    package private(set) var state: EngineState
    private var context: WriteContext
    private var lastRow: CapabilityTable.Row?
    /// A batch was undone and the tables could not be reloaded since: the memory is ahead of them.
    private var isAhead = false
    /// Timers that met damage and can wait indefinitely.
    private var suspended: Set<TimerKind> = []

    /// Opens a mesh's file: brings its tables up to date and reads them into memory.
    package init(database: Database, table: CapabilityTable) throws {
        self.database = database
        self.table = table
        try Migrator.apply(table.migrations, to: database)
        state = try EngineState(database: database, table: table)
        context = WriteContext(state: state)
    }

    /// Applies a batch in one transaction and returns once it is durable: first the timers that are due, then the
    /// commands in order. A batch whose number was applied before changes nothing.
    ///
    /// With `isOver` the batch may end early: it is called between commands, and once it returns true, or more than
    /// `toldPerBatch` bytes are to be sent to others, the commands that are left have no outcome and have not happened;
    /// the batch that was applied is the one without them.
    ///
    /// Fails with `StoreError`; then nothing of the batch is stored and the memory matches the tables. Fails with
    /// `CannotContinue` when it does not match, or when every further batch would fail: the mesh must stop.
    package func apply(_ batch: Batch, isOver: ((_ done: Int) -> Bool)? = nil) throws -> BatchResult {
        guard batch.number > state.applied else { return BatchResult() }
        if isAhead { try reload() }
        do {
            let result = try database.transaction { try run(batch, isOver) }
            state.applied = batch.number
            return result
        } catch {
            do { try reload() } catch let cause {
                // Without disk space the tables are reloaded with the next batch.
                if (cause as? StoreError)?.code == .full { throw cause }
                throw CannotContinue(cause: cause)
            }
            throw error
        }
    }

    /// When the next timer is due, Unix milliseconds.
    package var nextDue: Int64? { state.timers.nextDue }

    /// Answers a read or a watch from committed state, and counts the cost of the answer.
    package func query(
        _ request: any Request, actor: Actor, connection: ConnectionID?, meter: ReadMeter = ReadMeter()
    ) -> Result<any Reply, MeshError> {
        guard let row = table.row(of: Swift.type(of: request)) else {
            return .failure(MeshError(.unknownType, "this broker does not know \(Swift.type(of: request).type)"))
        }
        return Self.catching {
            if isAhead { try reload() }
            _ = try authorise(row, actor: actor)
            let view = ReadView(state: state, actor: actor, meter: meter)
            return try database.reading { try answer(request, row, view, connection) }
        }
    }

    private func answer(
        _ request: any Request, _ row: CapabilityTable.Row, _ view: ReadView, _ connection: ConnectionID?
    ) throws -> any Reply {
        switch row.run {
        case .read(let body): return try body(request, view)
        case .watch(let body):
            guard let connection else {
                throw MeshError(
                    .invalidArgument, "\(row.type.type) needs a connection that stays", hint: "use the WebSocket")
            }
            return try body(request, WatchView(view: view, connection: connection))
        case .write:
            throw MeshError(.internalError, "\(row.type.type) is a write and must be ordered")
        }
    }

    /// Number of entries in the ledger.
    package var ledgerSize: Int64 { state.ledger.size }
    /// The Merkle root over all entries.
    package var ledgerRoot: Digest { state.ledger.root }

    /// Deliveries that wait or are unacknowledged.
    package var queueDepth: Int {
        state.mailboxes.values.reduce(0) { $0 + $1.count } + state.memberMail.values.reduce(0) { $0 + $1.count }
    }

    /// Forgets the watches of a connection that is gone.
    package func forget(_ connection: ConnectionID) { state.subscriptions.remove(connection) }

    private func run(_ batch: Batch, _ isOver: ((Int) -> Bool)?) throws -> BatchResult {
        state.now = max(state.now, batch.now)
        var result = BatchResult()
        result.outcomes.reserveCapacity(batch.commands.count)
        context.beginBatch()
        Connections.holdExpiry(batch, state)
        try fireTimers()
        result.timerEffects = context.effects.count
        context.forgetSpent()
        var asked = (done: 0, changes: database.totalChanges, effects: context.effects.count)
        for command in batch.commands {
            result.outcomes.append(try decide(command))
            // The check reads the clock: it is done after a command that did much, and after several that did little.
            guard let isOver else { continue }
            if context.spent >= Self.toldPerBatch { break }
            let done = result.outcomes.count
            let work = context.effects.count - asked.effects + Int(database.totalChanges - asked.changes)
            guard done - asked.done >= 16 || work >= 128 else { continue }
            if isOver(done) { break }
            asked = (done, database.totalChanges, context.effects.count)
        }
        result.effects = context.effects
        context.beginBatch()
        let meta = MetaTable(database)
        try meta.set("applied", batch.number)
        try meta.set("now", state.now)
        return result
    }

    private func fireTimers() throws {
        var fired = 0
        while fired < Self.timersPerBatch, context.spent < Self.toldPerBatch,
            let timer = state.timers.pop(dueBy: state.now)
        {
            guard let body = table.timers[timer.kind], !suspended.contains(timer.kind) else { continue }
            context.begin(actor: .node, entropy: nil)
            do {
                if try body(timer.key, context) { fired += 1 }
            } catch let error as StoreError where error.isDamage {
                // It would fail again with every batch. Old rows can stay; anything else has to happen.
                guard timer.kind == Retention.timer else { throw CannotContinue(cause: error) }
                suspended.insert(timer.kind)
                throw error
            }
        }
    }

    /// The row of a type; load is often one type again and again.
    private func row(of type: any Request.Type) -> CapabilityTable.Row? {
        if let lastRow, lastRow.type == type { return lastRow }
        lastRow = table.row(of: type)
        return lastRow
    }

    /// Decides one command. A refusal is an outcome; a store error ends the batch.
    private func decide(_ command: Command) throws -> Outcome {
        context.begin(actor: command.actor, entropy: command.entropy)
        let changesBefore = database.totalChanges
        let effectsBefore = context.effects.count
        do {
            guard let row = row(of: Swift.type(of: command.request)), case .write(let body) = row.run else {
                throw MeshError(.unknownType, "no write is called \(Swift.type(of: command.request).type)")
            }
            context.route = try authorise(row, actor: command.actor)
            let reply = try body(command.request, context)
            return Outcome(result: .success(reply), effectsEnd: context.effects.count)
        } catch let refusal as MeshError {
            // A handler must refuse before it writes; one that did not has a bug, and its batch is undone.
            guard database.totalChanges == changesBefore else { throw HalfWritten(refusal: refusal) }
            context.effects.removeSubrange(effectsBefore...)
            if refusal.details.count > 0 { context.spend(JSON.object(refusal.details).bytes().count) }
            return Outcome(result: .failure(refusal), effectsEnd: effectsBefore)
        }
    }

    /// Checks rights against the state at apply time: a member removed a moment ago fails too.
    /// Returns the requesting session and its member; nil for the node and the admin token, which have none.
    private func authorise(_ row: CapabilityTable.Row, actor: Actor) throws(MeshError) -> Route? {
        guard case .session(let number, _) = actor else { return nil }
        guard let route = state.routes.of(number, state) else {
            throw MeshError(.unauthorized, "this session is not known to the mesh any more", hint: "connect again")
        }
        if route.member.revokedAt != nil {
            throw MeshError(
                .revoked, "\(route.member.name) was removed from this mesh", hint: "ask an admin for a new invite")
        }
        guard route.member.may(row.permission) else {
            let member = route.member
            let why = member.denied.contains(row.permission) ? "was denied it" : "is \(member.role.rawValue)"
            throw MeshError(
                .forbidden,
                "\(row.type.type) needs the right to \(row.permission.rawValue); \(member.name) \(why)",
                hint: "ask an admin of the mesh")
        }
        return route
    }

    /// Reloads the tables after an undone batch. Live connections are not in the tables and are carried over.
    private func reload() throws {
        isAhead = true
        let before = state
        state = try EngineState(database: database, table: table)
        state.subscriptions = before.subscriptions
        state.expiryHeldUntil = before.expiryHeldUntil
        for number in before.roster.sessionOrder {
            guard let attachment = before.roster.sessions[number]?.attachment else { continue }
            _ = state.roster.update(number) { $0.attachment = attachment }
        }
        context = WriteContext(state: state)
        Deliveries.resume(state)
        for (number, session) in state.roster.sessions {
            if case .grace(let until) = session.attachment {
                state.timers.arm(Presence.graceTimer, key: number.rawValue, due: until)
            }
        }
        isAhead = false
    }

    private static func catching<Value>(_ body: () throws -> Value) -> Result<Value, MeshError> {
        do {
            return .success(try body())
        } catch let error as MeshError {
            return .failure(error)
        } catch let error as StoreError where error.isDamage {
            return .failure(Damage.error(error))
        } catch let error as StoreError {
            return .failure(MeshError(.storageFailed, "the store could not be read: \(error.message)"))
        } catch {
            return .failure(MeshError(.internalError, "\(error)"))
        }
    }
}

/// A handler refused a command after it had written: the batch is undone.
struct HalfWritten: Error {
    let refusal: MeshError
}

extension MeshError {
    /// The error a caller gets when its command could not be stored.
    package init(storing error: any Error) {
        if let error = error as? CannotContinue {
            self.init(storing: error.cause)
        } else if let store = error as? StoreError, store.code == .damaged {
            self = Damage.error(store)
        } else if let store = error as? StoreError {
            self =
                store.code == .full
                ? MeshError(
                    .storageFull, "the disk is full: nothing was stored", hint: "free space on the broker's disk")
                : MeshError(.storageFailed, "the broker could not store this: \(store.message)")
        } else if let half = error as? HalfWritten {
            self = MeshError(.internalError, "\(half.refusal.message) (after a write; it was undone)")
        } else if let error = error as? MeshError {
            self = error
        } else {
            self = MeshError(.internalError, "\(error)")
        }
    }
}
