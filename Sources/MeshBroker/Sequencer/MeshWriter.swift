package import Logging
package import MeshCore
package import MeshEngine
package import MeshStore
import NIOCore

/// What a mesh's writer needs of the world outside.
package struct WriterEnvironment: Sendable {
    /// Wall clock, Unix milliseconds.
    package var wallMillis: @Sendable () -> Int64
    /// Monotonic clock, milliseconds.
    package var monotonicMillis: @Sendable () -> Int64
    /// Runs something on the writer's loop after a time in milliseconds.
    package var schedule: @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
    /// The secret of a key that signs checkpoints; nil when this node does not hold it.
    package var signer: @Sendable (PublicKey) throws -> SigningKey?
    /// Keeps the last signed checkpoint outside the mesh's file; it catches a restored backup.
    package var keepCheckpoint: @Sendable (String) -> Void
    /// The disk cannot be trusted any more: the process must end.
    package var onFatal: @Sendable (StoreError) -> Void
    /// The mesh cannot go on, because of damage in its file: it must be closed. Others are not touched.
    package var onDamage: (@Sendable (MeshError) -> Void)?
    /// Gets every batch that was applied, when a log is recorded.
    package var record: (@Sendable (Batch) -> Void)?
    /// Frees the space that is kept for a full disk; true when space was freed.
    package var releaseReserve: @Sendable () -> Void
    /// Tries to set space aside again; false while the disk is full.
    package var refillReserve: @Sendable () -> Bool
    package var logger: Logger
    package var metrics: BrokerMetrics

    package init(
        wallMillis: @escaping @Sendable () -> Int64, monotonicMillis: @escaping @Sendable () -> Int64,
        schedule: @escaping @Sendable (Int64, @escaping @Sendable () -> Void) -> Void,
        signer: @escaping @Sendable (PublicKey) throws -> SigningKey?,
        keepCheckpoint: @escaping @Sendable (String) -> Void, onFatal: @escaping @Sendable (StoreError) -> Void,
        releaseReserve: @escaping @Sendable () -> Void, refillReserve: @escaping @Sendable () -> Bool, logger: Logger,
        metrics: BrokerMetrics
    ) {
        self.wallMillis = wallMillis
        self.monotonicMillis = monotonicMillis
        self.schedule = schedule
        self.signer = signer
        self.keepCheckpoint = keepCheckpoint
        self.onFatal = onFatal
        self.releaseReserve = releaseReserve
        self.refillReserve = refillReserve
        self.logger = logger
        self.metrics = metrics
    }
}

/// Owns a mesh's engine and file, on one event loop: makes batches, applies them, and tells the outcome.
package final class MeshWriter {
    package let engine: MeshEngine
    private let database: Database
    private let environment: WriterEnvironment
    private var clock: BatchClock
    private var generator = SecureRandom()
    private var connections: [ConnectionID: PeerConnection] = [:]
    private var checkpoints: CheckpointPolicy
    private var wakeUp = WakeUp()
    /// Held back by a planted fault.
    private var swapped: (push: any Push, connection: PeerConnection)?
    /// Messages of this batch that were accepted.
    private var routed: [Priority: Int64] = [:]
    private var isDiskFull = false
    private var isStopped = false
    /// Runs the writer again; set by whoever owns the loop.
    var wake: (@Sendable () -> Void)?
    /// Signs a checkpoint on the writer's loop; set by whoever owns the loop.
    var checkpoint: (@Sendable () -> Void)?

    package init(database: Database, table: CapabilityTable, environment: WriterEnvironment) throws {
        self.database = database
        self.environment = environment
        engine = try MeshEngine(database: database, table: table)
        clock = BatchClock(last: engine.state.now)
        checkpoints = try CheckpointPolicy(database: database)
    }

    /// A planned time has come: the next run plans anew.
    func woken() { wakeUp.woken() }

    /// Runs what was submitted: commands in one transaction, then queries, so that a query sees the writes before it.
    func run(_ work: [Submission]) {
        var rest = work[...]
        repeat { rest = runSegment(rest) } while !rest.isEmpty
        scheduleWakeUp()
    }

    /// Takes work up to where a connection writes after it has asked: the order of one connection is kept.
    private func runSegment(_ work: ArraySlice<Submission>) -> ArraySlice<Submission> {
        // Load is commands alone: they are taken as they stand.
        if work.count <= LocalSequencer.maximumBatch, !work.contains(where: \.isQuery) {
            let outbox = Outbox()
            apply(work, outbox)
            outbox.send()
            FailPoint.pass(.afterAnswer)
            return []
        }
        var commands: [Submission] = []
        var queries: [Submission] = []
        var asked: Set<UInt64> = []
        var end = work.startIndex
        for submission in work {
            if submission.isQuery {
                if let connection = submission.connection { asked.insert(connection.id.rawValue) }
                queries.append(submission)
            } else {
                if let connection = submission.connection, asked.contains(connection.id.rawValue) { break }
                if commands.count == LocalSequencer.maximumBatch { break }
                commands.append(submission)
            }
            end += 1
        }
        let outbox = Outbox()
        apply(commands[...], outbox)
        for query in queries {
            outbox.answer(
                query,
                isStopped
                    ? .failure(Self.stopped)
                    : engine.query(query.request, actor: query.actor, connection: query.connection?.id))
        }
        outbox.send()
        FailPoint.pass(.afterAnswer)
        return work[end...]
    }

    /// What the next batch would be stamped: what is due is due by the mesh's clock, not by the machine's.
    private var meshTime: Int64 {
        clock.time(wall: environment.wallMillis(), monotonic: environment.monotonicMillis())
    }

    // MARK: Batches

    private func apply(_ submissions: ArraySlice<Submission>, _ outbox: Outbox) {
        let isDue = engine.nextDue.map { $0 <= meshTime } ?? false
        guard !submissions.isEmpty || isDue, !isStopped else {
            for submission in submissions {
                outbox.answer(submission, .failure(Self.stopped))
            }
            return
        }
        for submission in submissions where submission.sendPriority == nil { register(submission) }
        if isDiskFull { return applyWhileFull(submissions, outbox) }
        do {
            try applyBatch(submissions, outbox)
        } catch {
            recover(from: error, submissions, outbox)
        }
    }

    private func applyBatch(_ submissions: ArraySlice<Submission>, _ outbox: Outbox) throws {
        // One draw from the system for the whole batch: each would be a system call.
        let entropy = Entropy(&generator)
        var commands: [Command] = []
        commands.reserveCapacity(submissions.count)
        for submission in submissions {
            commands.append(
                Command(
                    actor: submission.actor, request: submission.request, entropy: entropy.derived(commands.count)))
        }
        let batch = Batch(
            number: engine.state.applied + 1,
            now: clock.stamp(wall: environment.wallMillis(), monotonic: environment.monotonicMillis()),
            commands: commands)
        let result = try engine.apply(batch)
        environment.record?(batch)
        tell(result.effects[..<result.timerEffects], outbox)
        var told = result.timerEffects
        for (submission, outcome) in zip(submissions, result.outcomes) {
            count(submission.sendPriority, outcome)
            outbox.answer(submission, outcome.result)
            tell(result.effects[told..<outcome.effectsEnd], outbox)
            told = outcome.effectsEnd
        }
        environment.metrics.batchApplied(commands: batch.commands.count, routed: routed)
        routed.removeAll(keepingCapacity: true)
        makeCheckpointSoon()
    }

    /// A batch could not be stored: nothing of it is. Its commands run again one by one, each told its own fate.
    private func recover(from error: any Error, _ submissions: ArraySlice<Submission>, _ outbox: Outbox) {
        let cannotContinue = error as? CannotContinue
        let store = (cannotContinue?.cause ?? error) as? StoreError
        environment.logger.error("a batch was undone", metadata: ["error": "\(error)"])
        environment.metrics.batchFailed()
        if store?.code == .full {
            isDiskFull = true
            environment.releaseReserve()
            environment.schedule(5_000) { [wake] in wake?() }
            return applyWhileFull(submissions, outbox)
        }
        if store?.code != .ioError, cannotContinue != nil || store?.code == .corrupt {
            isStopped = true
            for submission in submissions { outbox.answer(submission, .failure(Self.stopped)) }
            environment.onDamage?(MeshError(storing: error))
            return
        }
        if let store, store.isFatal {
            isStopped = true
            for submission in submissions { outbox.answer(submission, .failure(MeshError(storing: store))) }
            environment.onFatal(store)
            return
        }
        guard submissions.count > 1 else {
            for submission in submissions { outbox.answer(submission, .failure(MeshError(storing: error))) }
            return
        }
        for submission in submissions {
            do { try applyBatch([submission], outbox) } catch {
                outbox.answer(submission, .failure(MeshError(storing: error)))
            }
        }
    }

    private static let stopped = MeshError(.meshStopped, "this mesh is stopped", hint: "see the broker's log")

    /// Reads pages from the disk and gives those that are damaged: looked at again once the log is in the file, since a page whose
    /// newest form is in the log may be anything. Between batches nothing writes to the file.
    package func damagedPages(from first: Int64, count: Int64) throws(StoreError) -> [Int64] {
        guard !isStopped else { return [] }
        let suspected = try database.damagedPages(from: first, count: count)
        guard !suspected.isEmpty, database.checkpoint(truncate: false) else { return [] }
        var damaged: [Int64] = []
        for page in suspected { damaged += try database.damagedPages(from: page, count: 1) }
        return damaged
    }

    /// Pages that the file has on disk.
    package func pagesOnDisk() throws(StoreError) -> Int64 { isStopped ? 0 : try database.pagesOnDisk }

    /// On a full disk only acknowledgements and lost connections are stored: they free space or cost none.
    private func applyWhileFull(_ submissions: ArraySlice<Submission>, _ outbox: Outbox) {
        if environment.refillReserve() {
            isDiskFull = false
            environment.logger.notice("the disk has space again")
            return apply(submissions, outbox)
        }
        environment.schedule(5_000) { [wake] in wake?() }
        for submission in submissions {
            let request = submission.request
            guard request is Acknowledge || request is TransportReceipt || request is LoseConnection else {
                outbox.answer(
                    submission,
                    .failure(
                        MeshError(
                            .storageFull, "the broker's disk is full: nothing was stored",
                            hint: "free space on the broker's disk, then send again")))
                continue
            }
            do { try applyBatch([submission], outbox) } catch {
                outbox.answer(submission, .failure(MeshError(storing: error)))
            }
        }
    }

    // MARK: Telling

    private func register(_ submission: Submission) {
        // Types are compared, not cast: this looks at every acknowledgement too.
        let type = Swift.type(of: submission.request)
        if type == OpenSession.self, let connection = submission.connection {
            connections[connection.id] = connection
        } else if type == LoseConnection.self, let lost = submission.request as? LoseConnection {
            connections[ConnectionID(rawValue: lost.connection)] = nil
        }
    }

    /// Forgets a connection that never had a session: its watches and its place in the hub.
    func forget(_ connection: ConnectionID) {
        connections[connection] = nil
        engine.forget(connection)
    }

    private func tell(_ effects: ArraySlice<Effect>, _ outbox: Outbox) {
        for effect in effects {
            switch effect {
            case .push(let id, let push):
                guard let connection = connections[id] else { continue }
                if PlantedFault.strikes(.wrongPeer), let other = connections.values.first(where: { $0.id != id }) {
                    outbox.add(.push(push), for: other)
                    continue
                }
                if PlantedFault.strikes(.swapPushes, onlyIf: push.isMessage) {
                    swapped = (push, connection)
                    continue
                }
                outbox.add(.push(push), for: connection)
                if PlantedFault.strikes(.repeatPush, onlyIf: push.isMessage) {
                    outbox.add(.push(push), for: connection)
                }
                if let late = swapped, late.connection === connection {
                    swapped = nil
                    outbox.add(.push(late.push), for: connection)
                }
            case .trackedPush(let id, let push, let message):
                if let connection = connections[id] {
                    outbox.add(.trackedPush(push, message: message), for: connection)
                }
            case .close(let id, let reason):
                if let connection = connections.removeValue(forKey: id) { outbox.add(.close(reason), for: connection) }
            }
        }
    }

    private func count(_ priority: Priority?, _ outcome: Outcome) {
        guard let priority else { return }
        switch outcome.result {
        case .success: routed[priority, default: 0] += 1
        case .failure(let error): environment.metrics.messageRejected(error.code)
        }
    }

    private func scheduleWakeUp() {
        guard !isStopped, let wait = wakeUp.plan(due: engine.nextDue, now: meshTime) else { return }
        environment.schedule(wait) { [wake] in wake?() }
    }

    // MARK: Checkpoints

    private func makeCheckpointSoon() {
        guard checkpoints.shouldSchedule(size: engine.ledgerSize) else { return }
        environment.schedule(1_000) { [checkpoint] in checkpoint?() }
    }

    /// Signs the tree as it is on disk. Entries are synced before: the batch that made them has committed.
    package func makeCheckpoint() {
        guard !isStopped, let unsigned = checkpoints.due(size: engine.ledgerSize) else { return }
        do {
            let key = try engine.state.logKeys.key(atSize: unsigned)
            guard let signer = try environment.signer(key.key) else {
                throw MeshError(
                    .storageFailed, "this node does not hold the log key \(key.key.shortHex)…",
                    hint: "copy log-keys/ of the broker's folder that held it")
            }
            let note = Checkpoint(origin: key.name, size: unsigned, root: engine.ledgerRoot)
                .sign(with: signer, name: key.name)
            FailPoint.pass(.beforeCheckpoint)
            try database.transaction {
                try database.prepare("INSERT OR REPLACE INTO checkpoint (size, note) VALUES (?, ?)").run(unsigned, note)
            }
            checkpoints.made(size: unsigned)
            environment.keepCheckpoint(note)
        } catch {
            environment.logger.error("no checkpoint could be stored", metadata: ["error": "\(error)"])
            checkpoints.failed()
        }
    }

    func close() {
        makeCheckpoint()
        isStopped = true
        database.checkpoint(truncate: true)
        database.close()
    }
}

extension Push {
    /// Whether this is a message, alone or for many.
    fileprivate var isMessage: Bool {
        self is SealedMessage || self is MessagePush || (self as? SharedPush)?.base is MessagePush
    }
}
