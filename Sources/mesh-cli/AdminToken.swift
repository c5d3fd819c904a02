import MeshCore

/// The token that lets this machine make meshes.
enum AdminToken {
    /// `$MESH_ADMIN_TOKEN`, or what stands in the data folder of a broker on this machine.
    static func find() throws(Failure) -> String {
        if let token = SystemCalls.environment("MESH_ADMIN_TOKEN") { return token }
        let folder = SystemCalls.environment("MESHD_DATA") ?? SystemCalls.homeFolder + "/.local/share/meshd"
        let path = folder + "/admin.token"
        guard let bytes = try? SystemCalls.readFile(path) else {
            throw Failure(
                .authentication, ErrorCode.unauthorized.rawValue, "no admin token: \(path) cannot be read",
                hint: "set MESH_ADMIN_TOKEN, or MESHD_DATA to the broker's data folder")
        }
        return String(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
    }
}
