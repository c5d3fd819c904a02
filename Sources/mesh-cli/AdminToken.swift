import MeshCore

/// The token that lets this machine make meshes.
enum AdminToken {
    /// `$MESH_ADMIN_TOKEN`, or what stands in the data folder of a broker on this machine; both without white space.
    static func find() throws(Failure) -> String {
        if let token = SystemCalls.environment("MESH_ADMIN_TOKEN") { return try checked(token, "$MESH_ADMIN_TOKEN") }
        let folder = SystemCalls.environment("MESHD_DATA") ?? SystemCalls.homeFolder + "/.local/share/meshd"
        let path = folder + "/admin.token"
        guard let bytes = try? SystemCalls.readFile(path) else {
            throw Failure(
                .authentication, ErrorCode.unauthorized.rawValue, "no admin token: \(path) cannot be read",
                hint: "set MESH_ADMIN_TOKEN, or MESHD_DATA to the broker's data folder")
        }
        return try checked(String(decoding: bytes, as: UTF8.self), path)
    }

    private static func checked(_ text: String, _ place: String) throws(Failure) -> String {
        let token = Pasted.word(text)
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .usage(
                "\(place) is no admin token: it \(token.isEmpty ? "is empty" : "holds characters that no token has")",
                hint: "take what stands in the broker's admin.token file")
        }
        return token
    }
}
