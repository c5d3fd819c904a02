/// Leaves the mesh: the caller takes its own member out.
public struct LeaveMesh: Request {
    /// Makes a request.
    public init() {}
    public static let type = "leave_mesh"
    public static let permission = Permission.observe
    public static let kind = RequestKind.write
    public static let help =
        "Leave the mesh: the caller's sessions end, its name is free. A new invite lets it in again. The owner deletes the mesh instead."
    public static let fields: [String: String] = [:]
    public typealias Answer = MemberRemoved
}

/// Deletes the mesh with everything in it; only its owner may. It is a route of its own (`POST /v1/meshes/<id>/delete_mesh`),
/// for it ends what requests are decided in.
public struct DeleteMesh: Request {
    /// Makes a request.
    public init() {}
    public static let type = "delete_mesh"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Delete the mesh with everything in it."
    public static let fields: [String: String] = [:]
    public typealias Answer = MeshDeleted
}

/// What `POST /v1/delete` takes, from the holder of the admin token.
public struct DeleteMeshBody: Codable, Sendable {
    /// The mesh's name or id; the id of one that could not be opened.
    public var mesh: String
    /// Makes a body.
    public init(mesh: String) { self.mesh = mesh }
}

/// A mesh was deleted.
public struct MeshDeleted: Reply, Hashable {
    public static let type = "mesh_deleted"
    /// Its id.
    public var meshId: String
    /// Its name; absent when its file could not be read.
    public var slug: String?
    /// Makes an answer.
    public init(meshId: String, slug: String?) {
        self.meshId = meshId
        self.slug = slug
    }
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
