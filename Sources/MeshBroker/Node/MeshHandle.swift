import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOCore

/// One open mesh of a node.
struct MeshHandle: Sendable {
    let facts: MeshFacts
    let sequencer: LocalSequencer

    /// Opens a mesh's file on its writer's loop, and starts it: sessions that were connected get their grace period.
    static func open(
        file: String, loop: any EventLoop, environment: WriterEnvironment,
        remembered: @escaping @Sendable (String) throws -> String?
    ) async throws -> MeshHandle {
        let (facts, sequencer, stoppedFor) = try await loop.submit {
            let database = try openChecked(file, environment.logger)
            let writer = try MeshWriter(database: database, table: Capabilities.table, environment: environment)
            let facts = writer.engine.state.facts
            if let note = try remembered(facts.id) {
                try LedgerGuard.check(note: note, of: writer.engine.state, file: file)
            }
            let stoppedFor = environment.wallMillis() - writer.engine.state.now
            return (facts, LocalSequencer(writer: writer, loop: loop), stoppedFor)
        }.get()
        sequencer.submit([.init(.command(StartNode(stoppedFor: stoppedFor), .node), for: .nobody)])
        return MeshHandle(facts: facts, sequencer: sequencer)
    }

    /// Opens a file whose pages carry checksums. One from an earlier version gets them first, once its contents are
    /// verified; without room for a second copy it is served as it is.
    private static func openChecked(_ file: String, _ logger: Logger) throws -> Database {
        let database = try Database(path: file, mode: .open)
        if database.hasPageChecks { return database }
        database.close()
        do {
            try PageChecks.add(to: file) { _ = try BackupCheck.check($0) }
            logger.notice("a mesh's file has checksums from now on", metadata: ["file": "\(file)"])
        } catch let error as StoreError where error.code == .full {
            logger.warning(
                "the disk has no room to write a mesh's file again with checksums: flipped bits in it would not be seen",
                metadata: ["file": "\(file)"])
        }
        return try Database(path: file, mode: .open)
    }

    /// Decides a command or answers a query for a caller outside the event loops.
    func perform(_ request: any Request, as actor: Actor) async -> Result<any Reply, MeshError> {
        await ask(request, as: actor).result
    }

    /// Does the same, with the lease of a read's answer: it counts as made until the lease ends.
    func ask(
        _ request: any Request, as actor: Actor
    ) async -> (result: Result<any Reply, MeshError>, lease: AnswerLease?) {
        await withCheckedContinuation { continuation in
            let work: Submission.Work =
                Swift.type(of: request).kind == .write ? .command(request, actor) : .query(request, actor)
            sequencer.submit([.init(work, for: .caller { continuation.resume(returning: ($0, $1)) })])
        }
    }
}

/// Detects a ledger that is not the one this node has signed.
enum LedgerGuard {
    /// Fails when the ledger is shorter than a checkpoint that this node signed (a restored backup), or has another
    /// history below it.
    static func check(note: String, of state: EngineState, file: String) throws {
        let signed: Checkpoint
        do { signed = try state.logKeys.verify(note: note) } catch {
            throw MeshError(
                .storageFailed, "the remembered checkpoint of \(state.facts.slug) cannot be verified: \(error)",
                hint: "if its node key was lost on purpose, remove the file in checkpoints/")
        }
        guard signed.size <= state.ledgerSize else {
            throw MeshError(
                .storageFailed,
                "\(file) is older than what this node has signed: \(state.ledgerSize) entries, signed \(signed.size). It looks like a restored backup",
                hint: "remove the mesh's file in checkpoints/ to accept the loss")
        }
        guard try state.root(at: signed.size) == signed.root else {
            throw MeshError(
                .storageFailed, "the ledger in \(file) has another history than this node has signed",
                hint: "restore the file from a backup and keep this one as evidence")
        }
    }
}
