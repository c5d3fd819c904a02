import MeshCore

/// Backups over HTTP, for the holder of the admin token.
enum BackupRoutes {
    @Sendable static func create(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let body = try MeshRoutes.decode(CreateBackupBody.self, context.call)
        return try .reply(201, try await context.node.backup(body.mesh))
    }

    @Sendable static func list(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        try .reply(200, try await context.node.backups())
    }

    @Sendable static func restore(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let body = try MeshRoutes.decode(RestoreBody.self, context.call)
        return try .reply(200, try await context.node.restore(body))
    }
}
