import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOCore
import NIOHTTP1

/// Who may call a route. Every route says it; there is no default.
enum RouteAccess: String, Sendable, CaseIterable {
    /// Anyone: says nothing about any mesh.
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
    /// What a handler gets.
    struct Context: Sendable {
        var call: HTTPCall
        /// What stood in place of `*`, in order.
        var parameters: [String]
        var node: BrokerNode
    }

    let method: String
    /// Segments; `*` takes any one, `**` at the end takes all that follow.
    let pattern: [String]
    let access: RouteAccess
    let handle: @Sendable (Context) async throws -> HTTPAnswer

    init(
        _ method: String, _ path: String, _ access: RouteAccess,
        _ handle: @escaping @Sendable (Context) async throws -> HTTPAnswer
    ) {
        self.method = method
        self.pattern = path.split(separator: "/").map(String.init)
        self.access = access
        self.handle = handle
    }

    /// What stands in place of `*`; nil when the path is another.
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

/// Answers HTTP: a table of routes, one of which is every request of every capability.
struct BrokerResponder: HTTPResponder {
    let node: BrokerNode

    static let routes: [HTTPRoute] = [
        HTTPRoute("GET", "/", .open, StatusRoutes.page),
        HTTPRoute("GET", "/join/*", .open, InvitePage.page),
        HTTPRoute("GET", "/health", .open, StatusRoutes.health),
        HTTPRoute("GET", "/health/ready", .open, StatusRoutes.ready),
        HTTPRoute("GET", "/metrics", .admin, StatusRoutes.metrics),
        HTTPRoute("GET", "/v1/node", .open, StatusRoutes.node),
        HTTPRoute("POST", "/v1/meshes", .admin, MeshRoutes.create),
        HTTPRoute("GET", "/v1/meshes", .admin, MeshRoutes.list),
        HTTPRoute("POST", "/v1/backups", .admin, BackupRoutes.create),
        HTTPRoute("GET", "/v1/backups", .admin, BackupRoutes.list),
        HTTPRoute("POST", "/v1/restore", .admin, BackupRoutes.restore),
        HTTPRoute("POST", "/v1/delete", .admin, DeletionRoutes.byOperator),
        HTTPRoute("POST", "/v1/join", .invite, MeshRoutes.join),
        HTTPRoute("GET", "/v1/meshes/*/log/**", .session, LogRoutes.file),
        HTTPRoute("POST", "/v1/meshes/*/delete_mesh", .session, DeletionRoutes.byOwner),
        HTTPRoute("POST", "/v1/meshes/*/*", .session, MeshRoutes.request),
    ]

    func respond(to call: HTTPCall, on loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        let promise = loop.makePromise(of: HTTPAnswer.self)
        // A request of its own, outside the hot path: the only task that the gateway starts.
        promise.completeWithTask { await answer(call) }
        return promise.futureResult
    }

    private func answer(_ call: HTTPCall) async -> HTTPAnswer {
        var access = RouteAccess.open
        do {
            let (route, parameters) = try find(call)
            access = route.access
            if route.access == .admin { try checkAdmin(call) }
            return try await route.handle(.init(call: call, parameters: parameters, node: node))
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

    /// Who could not show who they are leaves a line.
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

    private func find(_ call: HTTPCall) throws(MeshError) -> (HTTPRoute, [String]) {
        let segments = call.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let wanted = segments == [""] ? [] : segments
        let matches = Self.routes.compactMap { route in route.match(wanted).map { (route, $0) } }
        guard !matches.isEmpty else {
            throw MeshError(.notFound, "nothing is at this path", hint: "the paths are in Docs/Protocol.md")
        }
        let method = call.method == "HEAD" ? "GET" : call.method
        guard let match = matches.first(where: { $0.0.method == method }) else {
            throw MeshError(
                .methodNotAllowed, "\(call.method) is not for this path",
                hint: "use \(matches.map(\.0.method).joined(separator: " or "))",
                details: ["allow": .array(matches.map { .string($0.0.method) })])
        }
        return match
    }

    private func checkAdmin(_ call: HTTPCall) throws(MeshError) {
        let refusal = MeshError(
            .unauthenticated, "this needs the broker's admin token",
            hint: "send Authorization: Bearer with the token from the broker's admin.token file")
        let values = call.headers["authorization"]
        guard values.count == 1, values[0].hasPrefix("Bearer ") else { throw refusal }
        let given = Hashing.sha256(Array(values[0].dropFirst(7).utf8))
        let known = Hashing.sha256(Array(node.folder.adminToken.utf8))
        // Comparing hashes takes the same time whatever was given.
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
