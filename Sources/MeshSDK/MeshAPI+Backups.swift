public import MeshCore
public import NIOCore

/// Backups, for whoever holds a broker's admin token.
extension MeshAPI {
    /// Copies a mesh while it serves, and checks the copy to the last ledger entry. The file stays on the broker's machine.
    public static func backUp(
        mesh: String, broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupFacts {
        try await administer(broker, adminToken, group, "POST", "/v1/backups", CreateBackupBody(mesh: mesh))
    }

    /// The backups on a broker's machine.
    public static func backups(
        broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupList {
        try await administer(broker, adminToken, group, "GET", "/v1/backups", [String]?.none)
    }

    /// Checks a backup and puts it in the place of its mesh.
    public static func restore(
        file: String, replace: Bool, broker: String, adminToken: String,
        group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupFacts {
        try await administer(
            broker, adminToken, group, "POST", "/v1/restore", RestoreBody(file: file, replace: replace))
    }

    static func administer<Answer: Decodable & Sendable>(
        _ broker: String, _ adminToken: String, _ group: any EventLoopGroup, _ method: String, _ path: String,
        _ body: (some Encodable)?
    ) async throws(MeshError) -> Answer {
        let data = try body.map { (body) throws(MeshError) in try bytes(body) } ?? []
        let headers = [("Content-Type", "application/json"), try authorization(adminToken)]
        // A copy of a large mesh takes its time.
        return try await once(broker, group, timeoutSeconds: 600) { (http) async throws(MeshError) in
            try await exchange(http, method, path, headers, data)
        }
    }
}
