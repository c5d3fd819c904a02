import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOPosix

/// Permanent deletion of meshes.
extension BrokerNode {
    /// Closes a mesh and removes its file, its log and the stored checkpoint of its ledger; its connections are told to
    /// reconnect, and then get the error that there is no such mesh. Backups stay. `name` is a name, an id, or the id
    /// of a mesh that could not be opened. Fails with `mesh_not_found`, and with `storage_failed` when the file cannot
    /// be removed.
    func delete(_ name: String) async throws -> MeshDeleted {
        let (id, slug) = try whichMesh(name)
        let file = folder.meshFile(id)
        await close(meshID: id, file: file)
        do {
            try await NIOThreadPool.singleton.runIfActive { try FileRemoval.remove(database: file) }
            try folder.accept(checkpoint: nil, of: id)
        } catch {
            throw MeshError(storing: error)
        }
        forget(file: file)
        logger.notice("a mesh is deleted", metadata: ["mesh": "\(slug ?? id)", "id": "\(id)"])
        return MeshDeleted(meshId: id, slug: slug)
    }

    private func whichMesh(_ name: String) throws(MeshError) -> (id: String, slug: String?) {
        do throws(MeshError) {
            let facts = try handle(name).facts
            return (facts.id, facts.slug)
        } catch {
            // The name is compared with those of existing files: it never becomes a path.
            guard failures().keys.contains(folder.meshFile(name)) else { throw error }
            return (name, nil)
        }
    }
}

/// Deleting over HTTP: by the holder of the admin token, or by the mesh's owner.
enum DeletionRoutes {
    @Sendable static func byOperator(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let body = try MeshRoutes.decode(DeleteMeshBody.self, context.call)
        return try .reply(200, try await context.node.delete(body.mesh))
    }

    @Sendable static func byOwner(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let (mesh, session) = try await MeshRoutes.session(context)
        guard let caller = try await mesh.perform(WhoAmI(), as: .session(session, nil)).get() as? Identity else {
            throw MeshError(.internalError, "the mesh does not say who asks")
        }
        guard caller.pubkey == mesh.facts.owner else {
            throw MeshError(
                .forbidden, "only its owner deletes a mesh", hint: "ask the owner; to go yourself: mesh-cli mesh leave")
        }
        return try .reply(200, try await context.node.delete(mesh.facts.id))
    }
}
