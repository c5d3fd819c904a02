import MeshCore
import MeshEngine

/// The OpenAPI description of a route that is not a request of a mesh.
struct RouteDeclaration: Sendable {
    /// One line.
    var help: String
    /// The body it takes.
    var body: ObjectSchema?
    /// The status of a success.
    var status = 200
    /// The media type of the answer.
    var contentType = "application/json"
    /// The contents of a JSON answer.
    var answer: ObjectSchema?
    /// The errors besides those of its access.
    var errors: [ErrorCode] = []
}

/// Writes the OpenAPI 3.1 document of this broker from the declarations.
struct OpenAPI {
    let resources: ResourceTable
    let table: CapabilityTable

    /// The document as served.
    var document: JSON {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Mesh", "version": .string(MeshVersion.text),
                "description":
                    "Every request of a mesh over HTTP. Calls of a mesh are signed with a session key; Docs/Protocol.md says how.",
            ],
            "servers": [["url": "/"]],
            "paths": .object(paths),
            "components": ["schemas": .object(schemas), "securitySchemes": Self.security],
        ]
    }

    // MARK: Paths

    private var paths: JSONObject {
        var paths = JSONObject()
        func add(_ path: String, _ method: String, _ operation: JSON) {
            var item = paths[path]?.objectValue ?? JSONObject()
            item[method.lowercased()] = operation
            paths[path] = .object(item)
        }
        for route in BrokerResponder.routes { add(Self.path(of: route), route.method, operation(route)) }
        for place in resources.places {
            add("/v1/meshes/{mesh}/\(place.resource.path)", place.resource.method, operation(place))
        }
        add("/v1/meshes/{mesh}/{type}", "POST", byType)
        return paths
    }

    /// OpenAPI has no notation for "the rest of the path": it is one parameter.
    private static func path(of route: HTTPRoute) -> String {
        var names = ["mesh", "rest"][...]
        if route.pattern.first == "join" { names = ["mesh"] }
        let segments = route.pattern.map { segment in
            segment.hasPrefix("*") ? "{\(names.popFirst() ?? "rest")}" : segment
        }
        return "/" + segments.joined(separator: "/")
    }

    private func operation(_ place: ResourceTable.Place) -> JSON {
        let (declaration, object) = (place.row.declaration, place.row.object)
        var operation: JSONObject = [
            "operationId": .string(declaration.type), "summary": .string(declaration.help),
            "tags": [.string(place.row.capability)], "security": [["signature": []]],
        ]
        let inPath = Set(place.resource.fields)
        var parameters = [Self.mesh]
        for member in object.members where inPath.contains(member.name) {
            parameters.append(Self.parameter(member, in: "path"))
        }
        let others = object.members.filter { !inPath.contains($0.name) }
        if place.resource.takesQuery {
            parameters += others.map { Self.parameter($0, in: "query") }
        } else {
            operation["requestBody"] = Self.body(
                ObjectSchema(others), isRequired: others.contains { !$0.isOptional })
        }
        operation["parameters"] = .array(parameters)
        let answer = Self.answer(of: place.row.type)
        operation["responses"] = responses(
            place.resource.status, Self.json(Self.reference(answer.type)), help: "`\(answer.type)`",
            errors: declaration.errors + ErrorCode.common(to: place.row.type.kind) + Self.signatureErrors)
        return .object(operation)
    }

    private func operation(_ route: HTTPRoute) -> JSON {
        let declaration = route.declaration
        let path = Self.path(of: route)
        var operation: JSONObject = [
            "operationId": .string(Self.operationID(route)), "summary": .string(declaration.help),
            "tags": ["broker"],
        ]
        switch route.access {
        case .open, .invite: operation["security"] = []
        case .admin: operation["security"] = [["adminToken": []]]
        case .session: operation["security"] = [["signature": []]]
        }
        let parameters = path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part -> JSON in
            part == "{mesh}"
                ? Self.mesh
                : [
                    "name": .string(String(part.dropFirst().dropLast())), "in": "path", "required": true,
                    "schema": ["type": "string", "minLength": 1],
                ]
        }
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body = declaration.body { operation["requestBody"] = Self.body(body, isRequired: true) }
        var content: JSON = [declaration.contentType: ["schema": ["type": "string"]]]
        if declaration.contentType == "application/json" {
            content = Self.json(declaration.answer?.jsonSchema().opened ?? ["type": "object"])
        }
        var errors = declaration.errors
        switch route.access {
        case .open: break
        case .admin: errors += [.unauthenticated]
        case .invite: errors += [.rateLimited]
        case .session: errors += Self.signatureErrors + ErrorCode.common(to: .read)
        }
        operation["responses"] = responses(declaration.status, content, help: declaration.help, errors: errors)
        return .object(operation)
    }

    private static func operationID(_ route: HTTPRoute) -> String {
        let words = route.pattern.filter { !$0.hasPrefix("*") && $0 != "v1" }
        return ([route.method.lowercased()] + (words.isEmpty ? ["page"] : words)).joined(separator: "_")
            .replacing(".", with: "_")
    }

    /// Any request by its type: the same as at its path.
    private var byType: JSON {
        let types = table.rows.keys.sorted()
        return [
            "operationId": "request_by_type", "tags": ["mesh"],
            "summary": "Any request by its type: the body holds all its fields. Watches need the WebSocket.",
            "security": [["signature": []]],
            "parameters": [
                Self.mesh,
                [
                    "name": "type", "in": "path", "required": true,
                    "schema": ["type": "string", "enum": .array(types.map { .string($0) })],
                ],
            ],
            "requestBody": ["required": false, "content": Self.json(["type": "object"])],
            "responses": responses(
                200, Self.json(["type": "object", "required": ["type"], "properties": ["type": ["type": "string"]]]),
                help: "The answer of the request", errors: ErrorCode.allCases),
        ]
    }

    // MARK: Parts

    private static let mesh: JSON = [
        "name": "mesh", "in": "path", "required": true, "description": "The mesh's id.",
        "schema": ["type": "string", "minLength": 1],
    ]

    private static func parameter(_ member: ObjectSchema.Member, in place: String) -> JSON {
        let valid = member.value.bounds.words
        var schema = member.value.jsonSchema(defaultValue: member.defaultValue)
        // An empty segment is another path.
        if place == "path", case .string = member.value.kind, case .object(var object) = schema,
            object["pattern"] == nil
        {
            object["minLength"] = 1
            schema = .object(object)
        }
        return [
            "name": .string(member.name), "in": .string(place),
            "required": .bool(place == "path" || !member.isOptional),
            "description": .string(valid.isEmpty ? member.help : "\(member.help) Valid: \(valid)."), "schema": schema,
        ]
    }

    private static func body(_ object: ObjectSchema, isRequired: Bool) -> JSON {
        ["required": .bool(isRequired), "content": json(object.jsonSchema())]
    }

    private static func json(_ schema: JSON) -> JSON { ["application/json": ["schema": schema]] }
    private static func reference(_ name: String) -> JSON { ["$ref": .string("#/components/schemas/\(name)")] }

    private static func answer(of type: any Request.Type) -> (type: String, object: ObjectSchema) {
        func read<Body: Request>(_ type: Body.Type) -> (String, ObjectSchema) { (Body.Answer.type, Body.Answer.object) }
        return read(type)
    }

    /// The success, and each status of an error with the codes that have it.
    private func responses(_ status: Int, _ content: JSON, help: String, errors: [ErrorCode]) -> JSON {
        var responses: JSONObject = [String(status): ["description": .string(help), "content": content]]
        var codes: [Int: [String]] = [:]
        for code in errors + Self.gatewayErrors where codes[code.httpStatus]?.contains(code.rawValue) != true {
            codes[code.httpStatus, default: []].append(code.rawValue)
        }
        for (status, code) in Self.gatewayStatuses where codes[status]?.contains(code) != true {
            codes[status, default: []].append(code)
        }
        for (status, names) in codes.sorted(by: { $0.key < $1.key }) {
            responses[String(status)] = [
                "description": .string(names.map { "`\($0)`" }.joined(separator: ", ")),
                "content": Self.json(Self.reference("Error")),
            ]
        }
        return .object(responses)
    }

    /// The refusals of a signature.
    private static let signatureErrors: [ErrorCode] = [
        .unauthenticated, .timestampSkew, .badSignature, .replayed, .unauthorized, .revoked, .sessionKeyTaken,
        .capacity,
    ]
    /// The answers common to every path.
    private static let gatewayErrors: [ErrorCode] = [
        .badHost, .badOrigin, .notFound, .methodNotAllowed, .internalError, .shuttingDown,
    ]
    /// The answers of the gateway before the path is matched.
    private static let gatewayStatuses: [(Int, String)] = [
        (400, "bad_request"), (408, "request_timeout"), (413, "body_too_large"), (414, "target_too_long"),
        (431, "headers_too_large"), (501, "not_implemented"), (503, "too_many_connections"),
    ]

    private var schemas: JSONObject {
        var schemas: JSONObject = ["Error": Self.error]
        for row in table.rows.values.sorted(by: { $0.declaration.type < $1.declaration.type }) {
            let answer = Self.answer(of: row.type)
            let type = ObjectSchema.Member("type", ValueSchema(.choice([answer.type])), help: "The answer's type.")
            schemas[answer.type] = ObjectSchema([type] + answer.object.members).jsonSchema().opened
        }
        return schemas
    }

    private static let error: JSON = [
        "type": "object", "required": ["error"],
        "properties": [
            "error": [
                "type": "object", "required": ["code", "message"],
                "properties": [
                    "code": ["type": "string", "description": "Stable, for programs."],
                    "message": ["type": "string", "description": "What is wrong, for people."],
                    "hint": ["type": "string", "description": "What to do about it."],
                    "details": ["type": "object", "description": "Facts for programs."],
                ],
            ]
        ],
    ]

    private static let security: JSON = [
        "signature": [
            "type": "apiKey", "in": "header", "name": "Mesh-Signature",
            "description":
                "An ed25519 signature of the session key over `mesh-http-v1|METHOD|path and query|SHA-256 of the body|node key|timestamp|nonce`, with the headers Mesh-Session, Mesh-Timestamp and Mesh-Nonce; Mesh-Member and Mesh-Binding once.",
        ],
        "adminToken": [
            "type": "http", "scheme": "bearer", "description": "The token in the broker's admin.token file.",
        ],
    ]
}

extension JSON {
    /// The schema of answers: newer brokers may add members, so it is not closed.
    fileprivate var opened: JSON {
        switch self {
        case .object(let object):
            var result = JSONObject()
            for (key, value) in object where key != "additionalProperties" { result[key] = value.opened }
            return .object(result)
        case .array(let elements): return .array(elements.map(\.opened))
        default: return self
        }
    }
}
