import MeshCore
import MeshEngine
import Synchronization

/// Public facts of a node, and its metrics.
enum StatusRoutes {
    @Sendable static func health(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let failed = !context.node.failures().isEmpty
        return .json(
            200,
            [
                "status": failed ? "degraded" : "ok", "db": failed ? "down" : "up",
                "version": .string(MeshVersion.text),
                "uptime": .integer((context.node.nowMillis() - context.node.startedAt) / 1_000),
            ])
    }

    static let healthFields = ObjectSchema([
        .init("status", ValueSchema(.choice(["ok", "degraded"])), help: "Whether every mesh is open."),
        .init("db", ValueSchema(.choice(["up", "down"])), help: "The same, for monitors that look for it."),
        .init("version", String.schema, help: "The broker's version."),
        .init("uptime", Int64.schema, help: "Seconds since the start."),
    ])
    static let readyFields = ObjectSchema([
        .init("status", ValueSchema(.choice(["ready", "not_ready"])), help: "Whether a write would be stored."),
        .init("reasons", [String].schema, help: "Why not."),
        .init("version", String.schema, help: "The broker's version."),
        .init("uptime", Int64.schema, help: "Seconds since the start."),
    ])
    static let nodeFields = ObjectSchema([
        .init("type", String.schema, help: "`node`."),
        .init("node", PublicKey.schema, help: "The node's public key: the audience of signatures for this broker."),
        .init("nextLogKey", PublicKey.schema, help: "A key that it holds for an owner to admit to sign checkpoints."),
        .init("nextLogKeyHeld", Signature.schema, help: "The node's signature that it holds that key."),
        .init("version", String.schema, help: "The broker's version."),
        .init("serverTime", Int64.schema, help: "Its clock, Unix milliseconds."),
    ])

    @Sendable static func openAPI(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let node = context.node
        let body = node.openAPI.withLock { known in
            let body = known ?? OpenAPI(resources: node.resources, table: node.table).document.bytes()
            known = body
            return body
        }
        return HTTPAnswer(status: 200, contentType: "application/json", body: body)
    }

    /// True exactly when a write would be stored; else the reason, as a text that reveals nothing about any mesh.
    @Sendable static func ready(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let obstacles = context.node.obstacles()
        return .json(
            obstacles.isEmpty ? 200 : 503,
            [
                "status": obstacles.isEmpty ? "ready" : "not_ready", "reasons": .array(obstacles.map { .string($0) }),
                "version": .string(MeshVersion.text),
                "uptime": .integer((context.node.nowMillis() - context.node.startedAt) / 1_000),
            ])
    }

    @Sendable static func metrics(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let node = context.node
        node.metrics.set("broker_uptime_seconds", Double((node.nowMillis() - node.startedAt) / 1_000))
        node.metrics.set("broker_signatures_remembered", Double(node.authenticator.replays.count))
        let usage = ProcessUsage.now()
        node.metrics.set("process_cpu_seconds_total", usage.cpuSeconds)
        node.metrics.set("process_resident_memory_bytes", Double(usage.residentBytes))
        node.metrics.set("process_peak_resident_memory_bytes", Double(usage.peakBytes))
        var depth = 0.0
        for mesh in node.meshes() {
            depth += Double(try await node.handle(mesh.id).sequencer.askWriter { $0.engine.queueDepth })
        }
        node.metrics.set("broker_queue_depth", depth)
        return HTTPAnswer(
            status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
            body: Array(node.metrics.exposition().utf8))
    }

    @Sendable static func node(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let next = context.node.folder.logKeys.next
        return .json(
            200,
            [
                "type": "node", "node": .string(context.node.nodeKey.publicKey.hex),
                "nextLogKey": .string(next.key.hex), "nextLogKeyHeld": .string(next.held.hex),
                "version": .string(MeshVersion.text),
                "serverTime": .integer(context.node.nowMillis()),
            ])
    }

    @Sendable static func page(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let text = """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>Mesh</title>
            <body><h1>Mesh</h1><p>This broker is running, version \(MeshVersion.text).</p>
            <ul><li><a href="/health">health</a></li><li><a href="/health/ready">ready</a></li>
            <li>metrics: <code>/metrics</code> with the admin token</li></ul></body></html>

            """
        return HTTPAnswer(
            status: 200, contentType: "text/html; charset=utf-8",
            headers: [("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")], body: Array(text.utf8)
        )
    }
}
