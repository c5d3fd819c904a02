import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOPosix

/// Copies of meshes: made while they serve, verified to the last ledger entry, and restored.
extension BrokerNode {
    /// Copies a mesh with a fresh checkpoint, and verifies the copy. Fails with `mesh_not_found`, or when the disk
    /// does.
    func backup(_ name: String) async throws -> BackupFacts {
        let mesh = try handle(name)
        try await mesh.sequencer.askWriter { $0.makeCheckpoint() }
        // Free space on a full disk is kept for acknowledgements.
        guard self.folder.space.level == .ok else {
            throw MeshError(
                .storageFull, "the broker's disk is full: no backup was made", hint: "free space on the broker's disk")
        }
        let source = folder.meshFile(mesh.facts.id)
        let stamp = Timestamp.iso8601(clock.wallMillis()).filter { $0.isNumber || $0 == "T" || $0 == "Z" }
        let file = "\(mesh.facts.slug)-\(stamp).sqlite"
        let folder = folder.backups
        let facts = try await offLoop {
            try Files.createPrivateFolder(folder)
            try Self.checkRoom(for: source, in: folder)
            // Absolute, so that it can be pasted from any folder.
            let target = (Files.absolute(folder) ?? folder) + "/" + file
            let database = try Database(path: source, mode: .readOnly)
            defer { database.close() }
            try database.backup(to: target)
            do { return try BackupCheck.check(target) } catch {
                Files.remove(target)
                throw error
            }
        }
        logger.notice("a backup is made", metadata: ["mesh": "\(facts.mesh)", "file": "\(facts.path)"])
        return facts
    }

    /// Restores a backup in place of its mesh, after verifying it. The mesh that was there is closed and its file kept.
    /// Fails with `not_found`, with `exists` when the mesh is there and is not to be replaced, with `storage_failed`
    /// when the backup is not sound or was signed by another node.
    func restore(_ body: RestoreBody) async throws -> BackupFacts {
        let name = try BackupFolder(path: folder.backups).name(of: body.file)
        let path = folder.backups + "/" + name
        let ours = nodeKey.publicKey
        let keyring = self.folder.logKeys
        var facts = try await offLoop {
            try BackupCheck.check(path, signedBy: ours) { try keyring.signer($0) != nil }
        }
        let target = folder.meshFile(facts.meshId)
        // Before anything is closed: a restore that fails half way leaves a mesh stopped.
        guard folder.space.level == .ok else {
            throw MeshError(
                .storageFull, "the broker's disk is full: nothing was restored", hint: "free space on the broker's disk"
            )
        }
        try Self.checkRoom(for: path, in: folder.path)
        if Files.exists(target) {
            guard body.replace == true else {
                throw MeshError(
                    .exists, "the mesh \(facts.mesh) is on this broker",
                    hint: "say --replace: its file is kept beside the backups")
            }
            await close(meshID: facts.meshId, file: target)
            let kept = folder.backups + "/replaced-" + name
            let aside = Files.exists(kept) ? kept + "-\(clock.wallMillis())" : kept
            try Files.moveAside(target, to: aside)
            facts.replaced = aside
        }
        let note: String?
        do {
            note = try await offLoop {
                let database = try Database(path: path, mode: .open)
                defer { database.close() }
                try database.backup(to: target)
                return try BackupCheck.newestNote(database)
            }
        } catch {
            // The mesh that was there stays in use.
            guard let aside = facts.replaced else { throw error }
            try Files.moveAside(aside, to: target)
            _ = try await reopen(target)
            throw error
        }
        // The loss was requested: from here on this is what the node has signed.
        try folder.accept(checkpoint: note, of: facts.meshId)
        let mesh = try await reopen(target)
        _ = await mesh.perform(NoteRestoration(entries: facts.entries), as: .admin)
        logger.notice(
            "a backup is restored", metadata: ["mesh": "\(facts.mesh)", "entries": "\(facts.entries)"])
        facts.path = target
        return facts
    }

    /// A copy must not fill the disk that the meshes are on. Fails with `storage_full`.
    private static func checkRoom(for source: String, in folder: String) throws(MeshError) {
        let needed = (Files.size(source) ?? 0) + (Files.size(source + "-wal") ?? 0) + Int64(DiskSpace.headroomBytes)
        guard let free = Files.freeBytes(folder), free < needed else { return }
        throw MeshError(
            .storageFull, "the copy needs \(needed) bytes, and the broker's disk has \(free) left",
            hint: "free space on the broker's disk")
    }

    func offLoop<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try body() }
        } catch let error as StoreError {
            throw MeshError(storing: error)
        }
    }
}

/// Verifies that a mesh's file is sound: SQLite's own check, then each ledger entry against its newest checkpoint.
enum BackupCheck {
    /// Fails with `storage_failed`, naming what is wrong; with `signedBy`, when another node signs this ledger; when
    /// the key that signs its checkpoints is not one that `isHeld`.
    static func check(
        _ path: String, signedBy node: PublicKey? = nil, isHeld: (PublicKey) throws -> Bool = { _ in true }
    ) throws -> BackupFacts {
        let database = try Database(path: path, mode: .open)
        defer { database.close() }
        return try check(database, path, signedBy: node, isHeld: isHeld)
    }

    /// Does the same for an open file.
    static func check(
        _ database: Database, _ path: String, signedBy node: PublicKey? = nil,
        isHeld: (PublicKey) throws -> Bool = { _ in true }
    ) throws -> BackupFacts {
        let pages = try database.damagedPages()
        guard pages.isEmpty else {
            throw MeshError(.damaged, "\(path) is damaged: \(pages.count) pages do not hold what was written")
        }
        let faults = try database.integrityCheck()
        guard faults.isEmpty else {
            throw MeshError(.storageFailed, "\(path) is damaged: \(faults.prefix(3).joined(separator: "; "))")
        }
        let meta = MetaTable(database)
        guard let id = try meta.text("mesh.id"), let slug = try meta.text("mesh.slug"),
            let owner = PublicKey(hex: try meta.text("mesh.owner") ?? ""),
            let signer = PublicKey(hex: try meta.text("mesh.node") ?? "")
        else { throw MeshError(.storageFailed, "\(path) holds no mesh") }
        if let node, node != signer {
            throw MeshError(
                .storageFailed,
                "this ledger is signed by the node \(signer.shortHex)…, this broker is \(node.shortHex)…",
                hint: "copy node.key of the old broker's folder into a new one, and restore there")
        }
        let report: LedgerVerifier.Report
        do { report = try verify(database, owner: owner) } catch let fault as LedgerFault {
            throw MeshError(.storageFailed, "the ledger in \(path) does not hold: \(fault)")
        }
        guard try isHeld(report.node.key) else {
            throw MeshError(
                .storageFailed, "this broker does not hold the log key \(report.node.key.shortHex)… of this ledger",
                hint: "copy log-keys/ of the old broker's folder into this one's")
        }
        let covered = try newestNote(database).map { try Checkpoint.parse(note: $0).size }
        return BackupFacts(
            file: path.split(separator: "/").last.map(String.init) ?? path, mesh: slug, meshId: id,
            bytes: Files.size(path) ?? 0, entries: report.entries, root: report.root.hex, checkpointSize: covered,
            path: path)
    }

    /// The newest signed checkpoint in a mesh's file.
    static func newestNote(_ database: Database) throws -> String? {
        try database.prepare("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").first { $0.text(0) }
    }

    private static func verify(_ database: Database, owner: PublicKey) throws -> LedgerVerifier.Report {
        var verifier = LedgerVerifier()
        if let note = try newestNote(database) {
            try verifier.add(line: JSON.object(["checkpoint": .string(note)]).bytes())
        }
        _ = try database.prepare("SELECT bytes FROM ledger ORDER BY seq").rows { try verifier.add(line: $0.blob(0)) }
        return try verifier.finish(owner: owner)
    }
}
