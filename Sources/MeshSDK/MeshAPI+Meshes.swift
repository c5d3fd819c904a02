public import MeshCore
public import NIOCore

/// Meshes that come and go on a broker.
extension MeshAPI {
    /// Leaves the mesh: the member's sessions end, and its name is free. Fails with `forbidden` for the owner.
    @discardableResult
    public func leave() async throws(MeshError) -> MemberRemoved { try await call(LeaveMesh()) }

    /// Deletes the mesh with everything in it. The credentials must be its owner's: `forbidden` for others.
    @discardableResult
    public func deleteMesh() async throws(MeshError) -> MeshDeleted {
        let deleted = try await call(DeleteMesh())
        guard deleted.meshId == credentials.meshID else {
            throw MeshError(otherThanAsked: "the deletion of \(deleted.meshId)", credentials.meshID)
        }
        return deleted
    }

    /// Deletes a mesh by name or id, for the holder of the broker's admin token.
    @discardableResult
    public static func deleteMesh(
        _ mesh: String, broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> MeshDeleted {
        let deleted: MeshDeleted = try await administer(
            broker, adminToken, group, "POST", "/v1/delete", DeleteMeshBody(mesh: mesh))
        guard MeshID.isValid(deleted.meshId), deleted.meshId == mesh || deleted.slug == mesh else {
            throw MeshError(otherThanAsked: "the deletion of \(deleted.slug ?? deleted.meshId)", mesh)
        }
        return deleted
    }

    /// The meshes of a broker, for the holder of its admin token.
    public static func meshes(
        broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> MeshList {
        try await administer(broker, adminToken, group, "GET", "/v1/meshes", [String]?.none)
    }
}
