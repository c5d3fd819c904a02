/// The permission that a request needs; decided from the member's role when it is applied.
public enum Permission: String, Sendable, Hashable, CaseIterable, Codable {
    /// Read the mesh: rosters, state, the ledger. Every member may.
    case observe
    /// Send and acknowledge messages and set one's own status, summary and groups. Everyone but observers.
    case send
    /// Change shared state. Everyone but observers.
    case write
    /// Change the membership of the mesh: members, invites.
    case admin

    /// Whether a role has this permission.
    public func isGranted(to role: Role) -> Bool {
        switch self {
        case .observe: true
        case .send, .write: role >= .member
        case .admin: role >= .admin
        }
    }
}

/// Whether a request changes the mesh. Writes go through the one ordered log, reads see a snapshot, watches see a
/// snapshot and then every later change.
public enum RequestKind: String, Sendable, Hashable, Codable {
    /// Ordered, durable, answered after it is on disk.
    case write
    /// Answered from committed state.
    case read
    /// A continuing read: its answer is the snapshot, later changes follow as frames.
    case watch
}

/// One operation that a peer can request of a mesh, declared once. The WebSocket dispatcher, the HTTP routes, the
/// OpenAPI document and the tables in the documentation are derived from this declaration. A request is a
/// `WriteRequest`, a `ReadRequest` or a `WatchRequest`; the broker's internal requests are neither.
public protocol Request: Codable, Sendable {
    /// The answer to a success.
    associatedtype Answer: Reply

    /// Its name, its help, the right that it needs, and what each interface must know of it.
    static var declaration: RequestDeclaration { get }
    /// Whether it writes, reads or watches.
    static var kind: RequestKind { get }
    /// Its fields.
    static var object: ObjectSchema { get }
    /// The message that it sends; nil when it sends none.
    var outgoing: OutgoingMessage? { get }
}

extension Request {
    /// The `type` on the wire, for example `set_state`.
    public static var type: String { declaration.type }
    public var outgoing: OutgoingMessage? { nil }
}

extension Request where Self: Declared {
    public static var object: ObjectSchema { ObjectSchema(of: Self.self) }
}

extension Request {
    /// Fails with `invalid_argument` or `too_large` when a field is outside its declared bounds. Every interface checks
    /// this; callers that make requests in Swift can check before sending.
    public func checkBounds() throws(MeshError) {
        let json: JSON
        do throws(JSONError) { json = try JSONCoder.encode(self) } catch {
            throw MeshError(.invalidArgument, "\(Self.type): \(error)")
        }
        if case .object(let members) = json { try Self.object.check(members) }
    }
}

/// A request that changes the mesh: ordered, durable, answered after it is on disk.
public protocol WriteRequest: Request, Declared {}

extension WriteRequest {
    public static var kind: RequestKind { .write }
}

/// A request that is answered from committed state, and changes nothing.
public protocol ReadRequest: Request, Declared {}

extension ReadRequest {
    public static var kind: RequestKind { .read }
}

/// A request that is answered with a snapshot; every later change follows as a frame.
public protocol WatchRequest: Request, Declared {
    /// The types of the frames that follow; empty for a request that ends a watch.
    static var updates: [any DeclaredPush.Type] { get }
}

extension WatchRequest {
    public static var kind: RequestKind { .watch }
}

/// What must be known of a message before deciding whether to accept it.
public struct OutgoingMessage: Sendable, Hashable {
    /// The sender's own id of the request, repeated in its answer; may be empty.
    public var id: String
    /// How urgent it is.
    public var priority: Priority
    /// Makes one.
    public init(id: String, priority: Priority) {
        self.id = id
        self.priority = priority
    }
}

/// The answer to a request, or a frame that the broker sends unprompted.
public protocol Reply: Codable, Sendable {
    /// The `type` on the wire, for example `state_result`.
    static var type: String { get }
    /// Its fields.
    static var object: ObjectSchema { get }
    /// The frame's bytes. Only the most frequent replies are written by hand.
    func frame(requestID: String?) throws(MeshError) -> [UInt8]
}

extension Reply where Self: Declared {
    public static var object: ObjectSchema { ObjectSchema(of: Self.self) }
}

extension Reply {
    /// The frame's bytes: `type` first, then the fields, then `_reqId` if the request had one.
    public func frame(requestID: String? = nil) throws(MeshError) -> [UInt8] {
        try WireFrame.bytes(type: Self.type, body: self, requestID: requestID)
    }
}

/// A frame that the broker sends unprompted, in the form that the receiving client understands.
public protocol Push: Sendable {
    /// The frame's bytes for a client of the given dialect; nil when such clients do not get it.
    func frame(for dialect: Dialect) -> [UInt8]?
}

/// A push that defines its form for clients of the `mesh` dialect.
public protocol DeclaredPush: Push {
    /// The `type` on the wire, for example `state_change`.
    static var type: String { get }
    /// What it means, in one line.
    static var help: String { get }
    /// Its fields.
    static var object: ObjectSchema { get }
}

/// Which of the two client families a connection belongs to.
public enum Dialect: String, Sendable, Hashable, Codable {
    /// Clients of the claudemesh protocol, version 1.
    case claudemesh
    /// Clients that declare `protocolVersion` 2 or more.
    case mesh
}

/// Builds and parses frames.
public enum WireFrame {
    /// The bytes of one frame; `type` comes first.
    public static func bytes(
        type: String, body: some Encodable, requestID: String? = nil
    ) throws(MeshError) -> [UInt8] {
        let json: JSON
        do {
            json = try JSONCoder.encode(body)
        } catch {
            throw MeshError(.internalError, "the answer could not be encoded: \(error)")
        }
        return bytes(type: type, fields: json.objectValue ?? JSONObject(), requestID: requestID)
    }

    /// The bytes of one frame made of fields.
    public static func bytes(type: String, fields: JSONObject, requestID: String? = nil) -> [UInt8] {
        var object = JSONObject([("type", .string(type))])
        for (key, value) in fields where key != "type" { object[key] = value }
        if let requestID { object["_reqId"] = .string(requestID) }
        return JSON.object(object).bytes()
    }
}
