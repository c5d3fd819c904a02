import Foundation
import Logging
import MeshCore
import MeshEngine
import MeshSDK
import MeshStore
import Testing

@testable import MeshBroker

/// What a node finds when it opens the files of its meshes: they are what it has signed, or they do not serve.
@Suite(.timeLimit(.minutes(1))) struct LedgerGuardTests {
    /// A folder of a broker, its mesh's file and a copy of it from before the last write.
    private final class Stopped {
        let folder: URL
        let mesh = NewMesh(slug: "lab", ownerName: "ada")
        var file: String { folder.appending(path: "meshes/\(mesh.meshID).sqlite").path }
        var note: String { folder.appending(path: "checkpoints/\(mesh.meshID).note").path }
        var older: String { folder.appending(path: "older").path }

        init() async throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "mesh-guard-\(UUID().uuidString)")
            let first = try await open()
            _ = try await first.createMesh(mesh.request(node: first.nodeKey))
            await first.shutdown()
            try FileManager.default.copyItem(atPath: file, toPath: older)
            let second = try await open()
            let add = AddMember(name: "bob", pubkey: SigningKey().publicKey)
            _ = try await second.node.handle("lab").perform(add, as: .session(SessionNumber(rawValue: 1), nil)).get()
            await second.shutdown()
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        func open() async throws -> Broker {
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            return try await Broker(configuration: .init(dataFolder: folder.path), logger: quiet)
        }

        /// Opens the broker and tells why the mesh does not serve; nil when it does.
        func failure() async throws -> MeshError? {
            let broker = try await open()
            let failure = broker.node.failures().values.first
            if let failure {
                #expect(failure.code != .internalError)
                #expect(broker.node.meshes().isEmpty)
                #expect(throws: MeshError.self) { try broker.node.handle("lab") }
            }
            await broker.shutdown()
            return failure
        }

        func change(_ sql: String) throws {
            let database = try Database(path: file, mode: .open)
            try database.transaction { try database.prepare(sql).run() }
            database.checkpoint(truncate: true)
            database.close()
        }
    }

    @Test func anUntouchedFileServes() async throws {
        let stopped = try await Stopped()
        #expect(try await stopped.failure() == nil)
        #expect(Files.exists(stopped.note))
    }

    @Test func anOlderCopyIsRefusedAsARestoredBackup() async throws {
        let stopped = try await Stopped()
        try FileManager.default.removeItem(atPath: stopped.file)
        try FileManager.default.copyItem(atPath: stopped.older, toPath: stopped.file)
        let failure = try #require(try await stopped.failure())
        #expect(failure.code == .storageFailed)
        #expect(failure.message.contains("restored backup"))
        #expect(failure.message.contains(stopped.file), "the file is named")
        #expect(failure.hint?.contains("checkpoints/") == true)
        Files.remove(stopped.note)
        #expect(try await stopped.failure() == nil, "the loss was accepted")
    }

    @Test func anotherHistoryIsRefused() async throws {
        let stopped = try await Stopped()
        try FileManager.default.removeItem(atPath: stopped.file)
        try FileManager.default.copyItem(atPath: stopped.older, toPath: stopped.file)
        // Without the note the node goes on with the older file: another history as long as the first.
        let note = try #require(try Files.read(stopped.note))
        Files.remove(stopped.note)
        let broker = try await stopped.open()
        for name in ["eve", "mallory", "trent"] {
            let add = AddMember(name: name, pubkey: SigningKey().publicKey)
            let mesh = try broker.node.handle("lab")
            _ = try await mesh.perform(add, as: .session(SessionNumber(rawValue: 1), nil)).get()
        }
        await broker.shutdown()
        try Files.writePrivate(stopped.note, note)
        let failure = try #require(try await stopped.failure())
        #expect(failure.code == .storageFailed)
        #expect(failure.message.contains("another history"))
    }

    @Test func aNoteOfAnotherKeyIsNotTrusted() async throws {
        let stopped = try await Stopped()
        let origin = "mesh/\(stopped.mesh.meshID)"
        let forged = Checkpoint(origin: origin, size: 0, root: .zero)
            .sign(with: SigningKey(), name: origin)
        try Files.writePrivate(stopped.note, Array(forged.utf8))
        let failure = try #require(try await stopped.failure())
        #expect(failure.message.contains("cannot be verified"))
    }

    @Test(arguments: [
        "UPDATE ledger SET bytes = CAST(replace(CAST(bytes AS TEXT), 'member', 'nember') AS BLOB) WHERE seq = 1",
        "DELETE FROM ledger WHERE seq = 1",
        "DELETE FROM meta WHERE key = 'mesh.node'",
    ])
    func anAlteredStoreDoesNotServe(_ sql: String) async throws {
        let stopped = try await Stopped()
        try stopped.change(sql)
        let failure = try await stopped.failure()
        #expect(failure?.code == .storageFailed)
    }

    @Test func aFileThatIsNoDatabaseIsNamedAndTheOthersServe() async throws {
        let stopped = try await Stopped()
        let other = stopped.folder.appending(path: "meshes/other.sqlite").path
        try Files.writePrivate(other, Array("not a database, and long enough to be looked at".utf8))
        let broker = try await stopped.open()
        #expect(broker.node.failures().keys.first == other)
        #expect(broker.node.meshes().map(\.slug) == ["lab"])
        await broker.shutdown()
    }

    @Test func ofTwoFilesOfOneMeshTheSecondIsStopped() async throws {
        let stopped = try await Stopped()
        let twin = stopped.folder.appending(path: "meshes/zzz.sqlite").path
        try FileManager.default.copyItem(atPath: stopped.file, toPath: twin)
        let broker = try await stopped.open()
        #expect(broker.node.failures()[twin]?.code == .exists)
        #expect(broker.node.meshes().count == 1)
        await broker.shutdown()
    }
}
