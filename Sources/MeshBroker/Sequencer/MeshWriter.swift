package import Logging
package import MeshCore
package import MeshEngine
package import MeshStore
import NIOCore

/// What a mesh's writer needs from outside.
package struct WriterEnvironment: Sendable {
    /// Wall clock, Unix milliseconds.
    package var wallMillis: @Sendable () -> Int64
    /// Monotonic clock, milliseconds.
    package var monotonicMillis: @Sendable () -> Int64
    /// Time that the calling thread has worked, milliseconds: time lost to a busy machine or a slow disk does not
    /// count.
    package var workMillis: @Sendable () -> Int64 = { SystemTime.threadMillis() }
    /// Runs something on the writer's loop after a time in milliseconds.
    package var schedule: @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
    /// The secret of a key that signs checkpoints; nil when this node does not hold it.
    package var signer: @Sendable (PublicKey) throws -> SigningKey?
    /// Stores the last signed checkpoint outside the mesh's file; it catches a restored backup.
    package var keepCheckpoint: @Sendable (String) -> Void
    /// The disk can no longer be trusted: the process must end.
    package var onFatal: @Sendable (StoreError) -> Void
    /// The mesh cannot continue because of damage in its file: it must be closed. Others are not affected.
    package var onDamage: (@Sendable (MeshError) -> Void)?
    /// Receives every batch that was applied, when a log is recorded.
    package var record: (@Sendable (Batch) -> Void)?
    /// What the disk still accepts.
    package var space: SpaceGauge
    package var logger: Logger
    package var metrics: BrokerMetrics

    package init(
        wallMillis: @escaping @Sendable () -> Int64, monotonicMillis: @escaping @Sendable () -> Int64,
        schedule: @escaping @Sendable (Int64, @escaping @Sendable () -> Void) -> Void,
        signer: @escaping @Sendable (PublicKey) throws -> SigningKey?,
        keepCheckpoint: @escaping @Sendable (String) -> Void, onFatal: @escaping @Sendable (StoreError) -> Void,
        space: SpaceGauge = .unlimited, logger: Logger, metrics: BrokerMetrics
    ) {
        self.wallMillis = wallMillis
        self.monotonicMillis = monotonicMillis
        self.schedule = schedule
        self.signer = signer
        self.keepCheckpoint = keepCheckpoint
        self.onFatal = onFatal
        self.space = space
        self.logger = logger
        self.metrics = metrics
    }
}

/// Owns a mesh's engine and file, on one event loop: makes batches, applies them, and sends the outcomes.
package final class MeshWriter {
    package let engine: MeshEngine
    private let database: Database
    let environment: WriterEnvironment
    private var clock: BatchClock
    private var generator = SecureRandom()
    private var connections: [ConnectionID: PeerConnection] = [:]
    private var checkpoints: CheckpointPolicy
    private var wakeUp = WakeUp()
    /// Held back by a planted fault.
    private var swapped: (push: any Push, connection: PeerConnection)?
    /// Accepted messages of this batch.
    private var routed: [Priority: Int64] = [:]
    /// The broker's own commands that found no space: they go first once there is some.
    private var postponed: [Submission] = []
    private static let maximumPostponed = 65_536
    private var isStopped = false
    /// Work that waits for its turn.
    var queue = FairQueue<Submission>()
    /// The rest of a load of commands only, in order of arrival. Empty while anything waits for its turn.
    var ahead: [Submission] = []
    /// Whether the last turn left commands or reads undone.
    var busy = (commands: false, reads: false)
    /// Output made for readers and not yet sent.
    let answers = AnswerBudget()
    /// Runs the writer again; set by the owner of the loop.
    var wake: (@Sendable () -> Void)?
    /// Signs a checkpoint on the writer's loop; set by the owner of the loop.
    var checkpoint: (@Sendable () -> Void)?

    package init(database: Database, table: CapabilityTable, environment: WriterEnvironment) throws {
        self.database = database
        self.environment = environment
        engine = try MeshEngine(database: database, table: table)
        clock = BatchClock(last: engine.state.now)
        checkpoints = try CheckpointPolicy(database: database)
    }

    /// A scheduled time has come: the next run schedules again.
    func woken() { wakeUp.woken() }

    /// Runs submitted work: commands in one transaction, then queries, so that a query sees the writes before it. What
    /// takes long is cut: the rest waits in turns by member. True when there is more to run at once; what waits for
    /// room for its answers is run again when room is made.
    @discardableResult
    func run(_ work: [Submission]) -> Bool {
        if let load = takeLoad(with: work) {
            runLoad(load)
        } else {
            for submission in ahead + work { enqueue(submission) }
            ahead = []
            runTurn()
        }
        scheduleWakeUp()
        return !ahead.isEmpty || queue.count > 0 && !answers.isBehind()
    }

    /// Number of items that wait here.
    var waiting: Int { ahead.count + queue.count + queue.parkedCount }

    /// The stamp that the next batch would get: due times follow the mesh's clock, not the machine's.
    private var meshTime: Int64 {
        clock.time(wall: environment.wallMillis(), monotonic: environment.monotonicMillis())
    }

    // MARK: Batches

    /// Applies commands, and returns how many from the front: a batch that takes long ends early.
    func apply(_ submissions: ArraySlice<Submission>, _ output: BatchOutput) -> Int {
        let isDue = engine.nextDue.map { $0 <= meshTime } ?? false
        guard !submissions.isEmpty || isDue || !postponed.isEmpty, !isStopped else {
            for submission in submissions {
                output.answer(submission, .failure(Self.stopped))
            }
            return submissions.count
        }
        for submission in submissions where submission.sendPriority == nil { register(submission) }
        guard environment.space.level() == .ok else {
            applyShort(submissions, output)
            return submissions.count
        }
        let first = takePostponed()
        let work = first.isEmpty ? submissions : first[...] + submissions
        do {
            let done = try applyBatch(work, output)
            if done < work.count { environment.metrics.batchCut() }
            postponed += first.dropFirst(done)
            return max(0, done - first.count)
        } catch {
            recover(from: error, work, output)
            return submissions.count
        }
    }

    /// Applies one batch, and returns how many commands it holds: those that are left have not happened.
    @discardableResult
    private func applyBatch(_ submissions: ArraySlice<Submission>, _ output: BatchOutput) throws -> Int {
        // One random draw from the system for the whole batch: each would be a system call.
        let entropy = Entropy(&generator)
        var commands: [Command] = []
        commands.reserveCapacity(submissions.count)
        for submission in submissions {
            commands.append(
                Command(
                    actor: submission.actor, request: submission.request, entropy: entropy.derived(commands.count)))
        }
        var batch = Batch(
            number: engine.state.applied + 1,
            now: clock.stamp(wall: environment.wallMillis(), monotonic: environment.monotonicMillis()),
            commands: commands)
        var turn = TurnClock(environment)
        let result = try engine.apply(batch) { done in turn.isLong { Self.isLong(millis: $0, commands: done) } }
        let left = batch.commands.count - result.outcomes.count
        if left > 0 { batch.commands.removeLast(left) }
        environment.record?(batch)
        tell(result.effects[..<result.timerEffects], output)
        var told = result.timerEffects
        for (submission, outcome) in zip(submissions, result.outcomes) {
            count(submission.sendPriority, outcome)
            output.answer(submission, outcome.result)
            tell(result.effects[told..<outcome.effectsEnd], output)
            told = outcome.effectsEnd
        }
        environment.metrics.batchApplied(commands: batch.commands.count, routed: routed)
        routed.removeAll(keepingCapacity: true)
        makeCheckpointSoon()
        return batch.commands.count
    }

    /// Whether a batch ends here: after 8 ms when its commands are expensive, more than 40 us each. Those of ordinary
    /// load take a fraction of that, and are never cut: large batches are what makes them cheap.
    static func isLong(millis: Int64, commands: Int) -> Bool { millis >= 8 && Int64(commands) < millis * 25 }

    /// A batch could not be stored: nothing of it is. Its commands run again one by one, each with its own outcome.
    private func recover(from error: any Error, _ submissions: ArraySlice<Submission>, _ output: BatchOutput) {
        note(error)
        if settle(error, submissions, output) { return }
        guard submissions.count > 1 else {
            for submission in submissions { output.answer(submission, .failure(MeshError(storing: error))) }
            return
        }
        for place in submissions.indices {
            do { try applyBatch(submissions[place...place], output) } catch {
                if settle(error, submissions[place...], output) { return }
                output.answer(submissions[place], .failure(MeshError(storing: error)))
            }
        }
    }

    private static let stopped = MeshError(.meshStopped, "this mesh is stopped", hint: "see the broker's log")

    /// Reads pages from the disk and returns the damaged ones: checked again once the log is in the file, since a page
    /// whose newest form is in the log may be anything. Between batches nothing writes to the file.
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

    private func note(_ error: any Error) {
        environment.logger.error("a batch was undone", metadata: ["error": "\(error)"])
        environment.metrics.batchFailed()
    }

    /// Handles the failures that affect everything that is left: a full disk, damage that the mesh cannot go on with,
    /// and a disk that can no longer be trusted. False when it is none of these.
    private func settle(_ error: any Error, _ rest: ArraySlice<Submission>, _ output: BatchOutput) -> Bool {
        let cannotContinue = error as? CannotContinue
        let store = (cannotContinue?.cause ?? error) as? StoreError
        if let store, store.code == .full {
            environment.space.writeFailed(.ok)
            // What moves from the log into the file becomes free in the log.
            database.checkpoint(truncate: true)
            applyShort(rest, output)
            return true
        }
        if store?.code != .ioError, cannotContinue != nil || store?.code == .corrupt {
            isStopped = true
            for submission in rest { output.answer(submission, .failure(Self.stopped)) }
            environment.onDamage?(MeshError(storing: error))
            return true
        }
        guard let store, store.isFatal else { return false }
        stop(store, rest, output)
        return true
    }

    /// Nothing more is stored: the process must end and recover at its next start.
    private func stop(_ error: StoreError, _ rest: ArraySlice<Submission>, _ output: BatchOutput) {
        isStopped = true
        for submission in rest { output.answer(submission, .failure(MeshError(storing: error))) }
        environment.onFatal(error)
    }

    // MARK: A full disk

    /// While the disk is full only what is essential is stored, and the rest is refused. It never calls its caller:
    /// when even this finds no space, it is refused as well.
    private func applyShort(_ submissions: ArraySlice<Submission>, _ output: BatchOutput) {
        var essential = takePostponed()
        for submission in submissions {
            if Swift.type(of: submission.request).declaration.isEssential {
                essential.append(submission)
            } else {
                refuse(submission, output)
            }
        }
        for submission in storeShort(essential[...], output) {
            if submission.connection != nil || submission.callback != nil {
                refuse(submission, output)
            } else if postponed.count < Self.maximumPostponed {
                postponed.append(submission)
            }
        }
    }

    /// Stores what is essential, from the reserved space. Returns what found none.
    private func storeShort(_ work: ArraySlice<Submission>, _ output: BatchOutput) -> ArraySlice<Submission> {
        var rest = work
        var hasMovedLog = false
        while !rest.isEmpty {
            let level = environment.space.level()
            guard level != .full else { break }
            do {
                rest = rest.dropFirst(try applyBatch(rest, output))
            } catch let error as StoreError where error.code == .full {
                environment.metrics.batchFailed()
                if hasMovedLog { environment.space.writeFailed(level) } else { database.checkpoint(truncate: true) }
                hasMovedLog = true
            } catch let error as StoreError where error.isFatal {
                note(error)
                stop(error, rest, output)
                return []
            } catch {
                note(error)
                for submission in rest { output.answer(submission, .failure(MeshError(storing: error))) }
                return []
            }
        }
        return rest
    }

    private func refuse(_ submission: Submission, _ output: BatchOutput) {
        environment.metrics.storageRefused()
        output.answer(
            submission,
            .failure(
                MeshError(
                    .storageFull, "the broker's disk is full: nothing was stored",
                    hint: "free space on the broker's disk, then send again")))
    }

    private func takePostponed() -> [Submission] {
        defer { postponed = [] }
        return postponed
    }

    // MARK: Telling

    private func register(_ submission: Submission) {
        // Types are compared, not cast: this runs for every acknowledgement too.
        let type = Swift.type(of: submission.request)
        if type == OpenSession.self, let connection = submission.connection {
            connections[connection.id] = connection
        } else if type == LoseConnection.self, let lost = submission.request as? LoseConnection {
            connections[ConnectionID(rawValue: lost.connection)] = nil
        }
    }

    /// Drops a connection that never had a session: its watches and its place in the hub.
    func forget(_ connection: ConnectionID) {
        // A closed connection reads no answer; a watch would stay for ever.
        _ = queue.remove(of: connection.rawValue, where: \.isQuery)
        connections[connection] = nil
        engine.forget(connection)
    }

    private func tell(_ effects: ArraySlice<Effect>, _ output: BatchOutput) {
        for effect in effects {
            switch effect {
            case .push(let id, let push):
                guard let connection = connections[id] else { continue }
                if PlantedFault.strikes(.wrongPeer), let other = connections.values.first(where: { $0.id != id }) {
                    output.add(.push(push), for: other)
                    continue
                }
                if PlantedFault.strikes(.swapPushes, onlyIf: push.isMessage) {
                    swapped = (push, connection)
                    continue
                }
                output.add(.push(push), for: connection)
                if PlantedFault.strikes(.repeatPush, onlyIf: push.isMessage) {
                    output.add(.push(push), for: connection)
                }
                if let late = swapped, late.connection === connection {
                    swapped = nil
                    output.add(.push(late.push), for: connection)
                }
            case .trackedPush(let id, let push, let message):
                if let connection = connections[id] {
                    output.add(.trackedPush(push, message: message), for: connection)
                }
            case .close(let id, let reason):
                if let connection = connections.removeValue(forKey: id) { output.add(.close(reason), for: connection) }
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
        // A full disk ends with a wake-up of its own: due work would otherwise be retried again and again.
        guard !isStopped, environment.space.level() == .ok, let wait = wakeUp.plan(due: engine.nextDue, now: meshTime)
        else { return }
        environment.schedule(wait) { [wake] in wake?() }
    }

    // MARK: Checkpoints

    private func makeCheckpointSoon() {
        guard checkpoints.shouldSchedule(size: engine.ledgerSize) else { return }
        environment.schedule(1_000) { [checkpoint] in checkpoint?() }
    }

    /// Signs the tree as it is on disk. Entries are synced before: the batch that made them has committed.
    package func makeCheckpoint() {
        let level = environment.space.level()
        guard level != .full else { return checkpoints.failed() }
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
            try store(note, size: unsigned)
            checkpoints.made(size: unsigned)
            environment.keepCheckpoint(note)
        } catch {
            environment.logger.error("no checkpoint could be stored", metadata: ["error": "\(error)"])
            checkpoints.failed()
            guard let store = error as? StoreError else { return }
            if store.code == .full { environment.space.writeFailed(level) }
        }
    }

    private func store(_ note: String, size: Int64) throws {
        do {
            try database.transaction {
                try database.prepare("INSERT OR REPLACE INTO checkpoint (size, note) VALUES (?, ?)").run(size, note)
            }
        } catch let error as StoreError where error.isFatal {
            stop(error, [], BatchOutput(answers))
            throw error
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
