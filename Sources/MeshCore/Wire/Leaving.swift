/// Leaves the mesh: the caller removes its own member.
public struct LeaveMesh: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "leave_mesh",
        "Leave the mesh: the caller's sessions end, its name becomes free. A new invite readmits it. The owner deletes the mesh instead.",
        needs: .observe, about: .caller, http: .delete("membership"), hints: .destructive)
    public typealias Answer = MemberRemoved
}

/// Deletes the mesh with everything in it; only its owner may. It is a route of its own (`POST
/// /v1/meshes/<id>/delete_mesh`), because it ends the mesh that requests are decided in.
public struct DeleteMesh: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "delete_mesh", "Delete the mesh with everything in it.", needs: .admin,
        http: .none("the route `POST /v1/meshes/{mesh}/delete_mesh` answers it before a mesh does"), hints: .destructive
    )
    public typealias Answer = MeshDeleted
}

/// The body of `POST /v1/delete`, from the holder of the admin token.
public struct DeleteMeshBody: Declared {
    @Field("The mesh's name or id; the id of one that could not be opened.") public var mesh: String
    public init() {}
    /// Makes a body.
    public init(mesh: String) { self.mesh = mesh }
}

/// A mesh was deleted.
public struct MeshDeleted: Reply, Declared, Hashable {
    public static let type = "mesh_deleted"
    @Field("Its id.") public var meshId: String
    @Field("Its name; absent when its file could not be read.") public var slug: String?
    public init(meshId: String, slug: String?) {
        self.meshId = meshId
        self.slug = slug
    }
    public init() {}
}

/// The meshes of a broker, for the holder of the admin token.
public struct MeshList: Codable, Sendable, Hashable {
    /// One mesh.
    public struct Row: Codable, Sendable, Hashable {
        /// Its id.
        public var id: String
        /// Its name.
        public var slug: String
    }
    /// One that could not be opened.
    public struct Stopped: Codable, Sendable, Hashable {
        /// Its file on the broker's machine.
        public var file: String
    }
    /// The open ones, by name.
    public var meshes: [Row]
    /// The others.
    public var stopped: [Stopped]
}
