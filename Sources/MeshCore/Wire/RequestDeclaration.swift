/// The declaration of a request, and what every interface needs to know of it. A class: it is read often.
public final class RequestDeclaration: Sendable {
    /// The `type` on the wire, for example `set_state`.
    public let type: String
    /// One line for people.
    public let help: String
    /// The permission that the caller needs.
    public let permission: Permission
    /// The subject of the right, so that a key or a grant can be narrowed to it.
    public let subject: RightSubject
    /// Its path among the HTTP resources.
    public let resource: HTTPResource
    /// Whether it is idempotent, and whether it destroys anything.
    public let hints: RequestHints
    /// The errors of its own, besides those of its kind (`ErrorCode.common(to:)`).
    public let errors: [ErrorCode]
    /// Claudemesh clients of protocol version 1 expect no answer to a success of this type.
    public let isSilentForVersion1: Bool
    /// Whether it is stored on a full disk too, from the reserved space: what frees space, or costs next to none.
    public let isEssential: Bool

    /// Declares a request.
    public init(
        _ type: String, _ help: String, needs permission: Permission, about subject: RightSubject = .mesh,
        http resource: HTTPResource, hints: RequestHints = [], errors: [ErrorCode] = [],
        isSilentForVersion1: Bool = false, isEssential: Bool = false
    ) {
        self.type = type
        self.help = help
        self.permission = permission
        self.subject = subject
        self.resource = resource
        self.hints = hints
        self.errors = errors
        self.isSilentForVersion1 = isSilentForVersion1
        self.isEssential = isEssential
    }

    /// Declares a request that only the broker makes; no interface exposes it.
    public static func internalOnly(_ type: String, _ help: String, isEssential: Bool = false) -> RequestDeclaration {
        RequestDeclaration(
            type, help, needs: .observe, http: .none("only the broker makes this request"), isEssential: isEssential)
    }
}

/// The subject of the right to a request: the mesh as a whole, or the thing that one of its fields names.
public struct RightSubject: Sendable, Hashable {
    /// The kind of thing, for example `topic`.
    public var kind: String
    /// The field that names it; nil for the mesh.
    public var field: String?

    /// Makes a subject.
    public init(_ kind: String, field: String?) {
        self.kind = kind
        self.field = field
    }

    /// The mesh as a whole.
    public static let mesh = RightSubject("mesh", field: nil)
    /// The caller itself.
    public static let caller = RightSubject("caller", field: nil)
    /// The simulation clock.
    public static let clock = RightSubject("clock", field: nil)
    /// The ledger.
    public static let ledger = RightSubject("ledger", field: nil)
    /// The targets of a message.
    public static func target(_ field: String) -> RightSubject { RightSubject("target", field: field) }
    /// A topic.
    public static func topic(_ field: String) -> RightSubject { RightSubject("topic", field: field) }
    /// A group.
    public static func group(_ field: String) -> RightSubject { RightSubject("group", field: field) }
    /// A key of the state.
    public static func stateKey(_ field: String) -> RightSubject { RightSubject("state_key", field: field) }
    /// All keys of the state that begin with a text.
    public static func statePrefix(_ field: String) -> RightSubject { RightSubject("state_prefix", field: field) }
    /// A member.
    public static func member(_ field: String) -> RightSubject { RightSubject("member", field: field) }
    /// An invite.
    public static func invite(_ field: String) -> RightSubject { RightSubject("invite", field: field) }
    /// A message.
    public static func message(_ field: String) -> RightSubject { RightSubject("message", field: field) }
}

/// The properties of a request, in the terms of HTTP (RFC 9110, 9.2) and MCP tools.
public struct RequestHints: OptionSet, Sendable, Hashable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// Repeating it has the same effect as making it once.
    public static let idempotent = RequestHints(rawValue: 1)
    /// It ends or removes something that the opposite request cannot restore.
    public static let destructive = RequestHints(rawValue: 2)
}

/// The path of a request among the HTTP resources of a mesh: `PUT state/{key}`, under `/v1/meshes/{mesh}/`.
///
/// A name in braces is a field of the request. The other fields of GET and DELETE are query parameters, those of other
/// methods are members of the JSON body.
public struct HTTPResource: Sendable, Hashable {
    /// The method; empty when the request has no path of its own.
    public var method: String
    /// The path below the mesh.
    public var path: String
    /// The status of a success.
    public var status: Int
    /// Why it has no path of its own.
    public var reason: String?

    /// Makes a path.
    public init(_ method: String, _ path: String, status: Int = 200) {
        self.method = method
        self.path = path
        self.status = status
    }

    /// Reads something.
    public static func get(_ path: String) -> HTTPResource { HTTPResource("GET", path) }
    /// Sets something named by the path.
    public static func put(_ path: String) -> HTTPResource { HTTPResource("PUT", path) }
    /// Creates something whose name is not known in advance: answers 201.
    public static func create(_ path: String) -> HTTPResource { HTTPResource("POST", path, status: 201) }
    /// Performs an action.
    public static func post(_ path: String) -> HTTPResource { HTTPResource("POST", path) }
    /// Removes something.
    public static func delete(_ path: String) -> HTTPResource { HTTPResource("DELETE", path) }
    /// No path of its own, for a reason.
    public static func none(_ reason: String) -> HTTPResource {
        var resource = HTTPResource("", "")
        resource.reason = reason
        return resource
    }
    /// A watch: its updates need a persistent connection.
    public static let webSocketOnly = HTTPResource.none("its updates need a connection that stays: use the WebSocket")

    /// The segments of the path; those in braces are fields.
    public var segments: [Segment] {
        path.split(separator: "/").map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .field(String(part.dropFirst().dropLast())) : .fixed(String(part))
        }
    }

    /// One segment of a path.
    public enum Segment: Sendable, Hashable {
        case fixed(String)
        case field(String)
    }

    /// The fields in the path.
    public var fields: [String] {
        segments.compactMap { if case .field(let name) = $0 { name } else { nil } }
    }
    /// Whether fields outside the path are query parameters.
    public var takesQuery: Bool { method == "GET" || method == "DELETE" }
}

extension ErrorCode {
    /// The errors common to every request of a kind.
    public static func common(to kind: RequestKind) -> [ErrorCode] {
        let everywhere: [ErrorCode] = [
            .badFrame, .invalidArgument, .unauthorized, .forbidden, .revoked, .tooLarge, .rateLimited, .busy, .damaged,
            .storageFailed, .meshStopped, .shuttingDown, .internalError,
        ]
        return kind == .write ? everywhere + [.storageFull] : everywhere
    }
}
