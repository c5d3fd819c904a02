import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOCore
import NIOHTTP1

/// Who may call a route. Every route states it; there is no default.
enum RouteAccess: String, Sendable, CaseIterable {
    /// Anyone: reveals nothing about any mesh.
    case open
    /// The holder of the admin token.
    case admin
    /// A joiner with an invite's code and a proof of its key.
    case invite
    /// A session of a member, by a signature over the request.
    case session
}

/// One HTTP route.
struct HTTPRoute: Sendable {
    /// The input of a handler.
    struct Context: Sendable {
        var call: HTTPCall
        /// The segments matched by `*`, in order.
        var parameters: [String]
        var node: BrokerNode
    }

    let method: String
    /// Segments; `*` takes any one, `**` at the end takes all that follow.
    let pattern: [String]
    let access: RouteAccess
    /// Its description.
    let declaration: RouteDeclaration
    let handle: @Sendable (Context) async throws -> HTTPAnswer

    init(
        _ method: String, _ path: String, _ access: RouteAccess, _ declaration: RouteDeclaration,
        _ handle: @escaping @Sendable (Context) async throws -> HTTPAnswer
    ) {
        self.method = method
        self.pattern = path.split(separator: "/").map(String.init)
        self.access = access
        self.declaration = declaration
        self.handle = handle
    }

    /// The segments matched by `*`; nil when the path does not match.
    func match(_ segments: [String]) -> [String]? {
        let hasTail = pattern.last == "**"
        let fixed = hasTail ? pattern.dropLast() : pattern[...]
        guard hasTail ? segments.count > fixed.count : segments.count == fixed.count else { return nil }
        var parameters: [String] = []
        for (wanted, segment) in zip(fixed, segments) {
            if wanted == "*" { parameters.append(segment) } else if wanted != segment { return nil }
        }
        if hasTail { parameters.append(segments[fixed.count...].joined(separator: "/")) }
        return parameters
    }
}

/// Answers HTTP: a table of routes, the paths of the requests of all capabilities, and those requests by their type.
struct BrokerResponder: HTTPResponder {
    let node: BrokerNode

    /// Refusals of a body, and reasons why the broker cannot store.
    private static let creationErrors: [ErrorCode] = [
        .badFrame, .invalidArgument, .timestampSkew, .badSignature, .storageFull, .storageFailed, .meshStopped, .busy,
    ]

    static let routes: [HTTPRoute] = [
        HTTPRoute(
            "GET", "/", .open,
            RouteDeclaration(help: "A page that says what this is.", contentType: "text/html; charset=utf-8"),
            StatusRoutes.page),
        HTTPRoute(
            "GET", "/join/*", .open,
            RouteDeclaration(
                help: "A page that says how to use an invite link.", contentType: "text/html; charset=utf-8"),
            InvitePage.page),
        HTTPRoute(
            "GET", "/health", .open,
            RouteDeclaration(help: "Whether the broker runs.", answer: StatusRoutes.healthFields), StatusRoutes.health),
        HTTPRoute(
            "GET", "/health/ready", .open,
            RouteDeclaration(
                help: "Whether a write would be stored; 503 when not.", answer: StatusRoutes.readyFields,
                errors: [.busy]), StatusRoutes.ready),
        HTTPRoute(
            "GET", "/metrics", .admin,
            RouteDeclaration(
                help: "Metrics in the text format of Prometheus.",
                contentType: "text/plain; version=0.0.4; charset=utf-8"), StatusRoutes.metrics),
        HTTPRoute(
            "GET", "/v1/node", .open,
            RouteDeclaration(help: "The node's public key, version and clock.", answer: StatusRoutes.nodeFields),
            StatusRoutes.node),
        HTTPRoute("GET", "/v1/openapi.json", .open, RouteDeclaration(help: "This document."), StatusRoutes.openAPI),
        HTTPRoute(
            "POST", "/v1/meshes", .admin,
            RouteDeclaration(
                help: "Make a mesh.", body: ObjectSchema(of: CreateMeshBody.self), status: 201,
                answer: MeshCreated.object, errors: creationErrors + [.exists, .capacity]), MeshRoutes.create),
        HTTPRoute("GET", "/v1/meshes", .admin, RouteDeclaration(help: "The meshes of this broker."), MeshRoutes.list),
        HTTPRoute(
            "POST", "/v1/backups", .admin,
            RouteDeclaration(
                help: "Make a backup of a mesh.", body: ObjectSchema(of: CreateBackupBody.self), status: 201,
                answer: BackupFacts.object, errors: creationErrors + [.meshNotFound, .conflict]), BackupRoutes.create),
        HTTPRoute(
            "GET", "/v1/backups", .admin,
            RouteDeclaration(help: "The backups of this broker.", answer: BackupList.object), BackupRoutes.list),
        HTTPRoute(
            "POST", "/v1/restore", .admin,
            RouteDeclaration(
                help: "Restore a mesh from a backup.", body: ObjectSchema(of: RestoreBody.self),
                answer: BackupFacts.object, errors: creationErrors + [.notFound, .exists, .conflict]),
            BackupRoutes.restore),
        HTTPRoute(
            "POST", "/v1/delete", .admin,
            RouteDeclaration(
                help: "Delete a mesh with everything in it.", body: ObjectSchema(of: DeleteMeshBody.self),
                answer: MeshDeleted.object, errors: creationErrors + [.meshNotFound]), DeletionRoutes.byOperator),
        HTTPRoute(
            "POST", "/v1/join", .invite,
            RouteDeclaration(
                help: "Claim an invite.", body: ObjectSchema(of: JoinBody.self), status: 201, answer: Joined.object,
                errors: creationErrors + [.inviteInvalid, .inviteExpired, .inviteExhausted, .exists, .capacity]),
            MeshRoutes.join),
        HTTPRoute(
            "GET", "/v1/meshes/*/log/**", .session,
            RouteDeclaration(
                help: "A file of the ledger's log: checkpoint, tile or entries (C2SP tlog-tiles).",
                contentType: "application/octet-stream"), LogRoutes.file),
        HTTPRoute(
            "POST", "/v1/meshes/*/delete_mesh", .session,
            RouteDeclaration(
                help: "Delete the mesh with everything in it; only its owner may.", answer: MeshDeleted.object),
            DeletionRoutes.byOwner),
    ]
    /// Any request by its type.
    static let byType = HTTPRoute(
        "POST", "/v1/meshes/*/*", .session, RouteDeclaration(help: "Any request by its type."), MeshRoutes.request)

    func respond(to call: HTTPCall, on loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        let promise = loop.makePromise(of: HTTPAnswer.self)
        // A task of its own, outside the hot path: the only one that the gateway starts.
        promise.completeWithTask { await answer(call) }
        return promise.futureResult
    }

    private func answer(_ call: HTTPCall) async -> HTTPAnswer {
        var access = RouteAccess.open
        do {
            let found = try find(call)
            access = found.access
            if found.access == .admin { try checkAdmin(call) }
            return try await found.handle(.init(call: call, parameters: found.parameters, node: node))
        } catch let error as MeshError {
            note(error, access, call)
            return .error(error)
        } catch let error as StoreError {
            return .error(MeshError(storing: error))
        } catch {
            node.logger.error("a request failed", metadata: ["path": "\(call.path)", "error": "\(error)"])
            return .error(MeshError(.internalError, "the broker could not answer this"))
        }
    }

    /// Logs a line for a caller that failed authentication.
    private func note(_ error: MeshError, _ access: RouteAccess, _ call: HTTPCall) {
        let kind: RefusalLog.Kind
        switch (access, error.code) {
        case (.open, _): return
        case (.admin, .unauthenticated): kind = .token
        case (.invite, .inviteInvalid), (.invite, .inviteExpired), (.invite, .inviteExhausted),
            (.invite, .badSignature):
            kind = .join
        case (.session, let code) where code.httpStatus == 401 || code == .revoked: kind = .call
        default: return
        }
        node.metrics.callRefused(error.code)
        node.refusals.note(kind, error.code, from: call.remoteAddress, key: call.headers["Mesh-Session"].first)
    }

    /// The answer to a call.
    private struct Found {
        let method: String
        let access: RouteAccess
        let handle: (HTTPRoute.Context) async throws -> HTTPAnswer
        var parameters: [String]
    }

    /// Fixed routes first, then the paths of requests, then requests by their type.
    private func find(_ call: HTTPCall) throws(MeshError) -> Found {
        let segments = call.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let wanted = segments == [""] ? [] : segments
        func fixed(_ routes: [HTTPRoute]) -> [Found] {
            routes.compactMap { route in
                route.match(wanted).map {
                    Found(method: route.method, access: route.access, handle: route.handle, parameters: $0)
                }
            }
        }
        let matches = fixed(Self.routes) + resources(call) + fixed([Self.byType])
        guard !matches.isEmpty else {
            throw MeshError(
                .notFound, "nothing is at this path", hint: "the paths are in Docs/Protocol.md and /v1/openapi.json")
        }
        let method = call.method == "HEAD" ? "GET" : call.method
        guard let match = matches.first(where: { $0.method == method }) else {
            var methods: [String] = []
            for match in matches where !methods.contains(match.method) { methods.append(match.method) }
            throw MeshError(
                .methodNotAllowed, "\(call.method.prefix(32)) is not for this path",
                hint: "use \(methods.joined(separator: " or "))",
                details: ["allow": .array(methods.map { .string($0) })])
        }
        return match
    }

    private func resources(_ call: HTTPCall) -> [Found] {
        let parts = call.rawPath.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
            .map { ResourceFields.decoded($0, plusIsSpace: false) ?? "" }
        guard parts.count > 3, parts[0] == "v1", parts[1] == "meshes" else { return [] }
        return node.resources.places(at: Array(parts[3...])).map { place, fields in
            Found(
                method: place.resource.method, access: .session,
                handle: { try await MeshRoutes.resource(place, fields, $0) }, parameters: [parts[2]])
        }
    }

    private func checkAdmin(_ call: HTTPCall) throws(MeshError) {
        let refusal = MeshError(
            .unauthenticated, "this needs the broker's admin token",
            hint: "send Authorization: Bearer with the token from the broker's admin.token file")
        let values = call.headers["authorization"]
        guard values.count == 1, values[0].hasPrefix("Bearer ") else { throw refusal }
        let given = Hashing.sha256(Array(values[0].dropFirst(7).utf8))
        let known = Hashing.sha256(Array(node.folder.adminToken.utf8))
        // Comparing hashes takes the same time for any input.
        guard zip(given, known).reduce(UInt8(0), { $0 | ($1.0 ^ $1.1) }) == 0 else { throw refusal }
    }
}

extension HTTPAnswer {
    /// A JSON answer.
    static func json(_ status: Int, _ body: JSONObject) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "application/json", body: JSON.object(body).bytes())
    }

    /// A reply as a JSON answer.
    static func reply(_ status: Int, _ reply: any Reply) throws(MeshError) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "application/json", body: try reply.frame())
    }

    /// An error with the status of its table row.
    static func error(_ error: MeshError) -> HTTPAnswer {
        var answer = json(error.code.httpStatus, ["error": .object(error.fields)])
        if error.code == .unauthenticated { answer.headers.append(("WWW-Authenticate", "Bearer")) }
        if let allow = error.details["allow"]?.arrayValue {
            answer.headers.append(("Allow", allow.compactMap(\.stringValue).joined(separator: ", ")))
        }
        if error.code == .rateLimited || error.code == .queueFull || error.code == .busy {
            answer.headers.append(("Retry-After", "1"))
        }
        return answer
    }
}
