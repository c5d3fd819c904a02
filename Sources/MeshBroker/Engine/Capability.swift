package import MeshCore
package import MeshStore

/// A part of the broker with one name in every component: its tables, writes, reads, watches and timers. To add one,
/// add its files and one line in `Capabilities.all`.
package struct Capability: Sendable {
    /// Its name, for example `state`.
    package let name: String
    /// Its tables.
    package let migrations: [Migration]
    /// Its operations.
    package let items: [any CapabilityItem]

    package init(
        _ name: String, migrations: [Migration] = [], @CapabilityBuilder items: () -> [any CapabilityItem]
    ) {
        self.name = name
        self.migrations = migrations
        self.items = items()
    }
}

/// Collects the items of a capability.
@resultBuilder package enum CapabilityBuilder {
    package static func buildBlock(_ items: any CapabilityItem...) -> [any CapabilityItem] { items }
}

/// One entry of a capability.
package protocol CapabilityItem: Sendable {
    /// Enters itself in the table.
    func register(in table: inout CapabilityTable, capability: String)
}

/// A request that changes the mesh. Its body decides first, throwing `MeshError` only before its first write.
package struct Write<Body: WriteRequest>: CapabilityItem {
    let flat: CapabilityTable.FlatDecoder?
    let body: @Sendable (Body, WriteContext) throws -> Body.Answer
    /// `flat` reads its frequent frames; without it, the request's own `FlatRequest` reads them, if it has one.
    package init(
        _ type: Body.Type, flat: CapabilityTable.FlatDecoder? = nil,
        _ body: @escaping @Sendable (Body, WriteContext) throws -> Body.Answer
    ) {
        self.flat = flat
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        table.add(
            .init(Body.self, capability: capability, run: .write { [body] in try body(cast($0), $1) }, flat: flat),
            isPublic: true)
    }
}

/// Another form of a write registered under the same name: what a flat decoder makes of its frequent frames.
package struct WriteForm<Body: Request>: CapabilityItem {
    let body: @Sendable (Body, WriteContext) throws -> Body.Answer
    package init(_ type: Body.Type, _ body: @escaping @Sendable (Body, WriteContext) throws -> Body.Answer) {
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        table.add(form: .init(Body.self, capability: capability, run: .write { [body] in try body(cast($0), $1) }))
    }
}

/// A write that only the broker itself makes, with fields that no public interface shows.
package protocol InternalWriteRequest: Request {}

extension InternalWriteRequest {
    package static var kind: RequestKind { .write }
    package static var object: ObjectSchema { ObjectSchema() }
}

/// An answer that only the broker itself gets.
package protocol InternalReply: Reply {}

extension InternalReply {
    package static var object: ObjectSchema { ObjectSchema() }
}

/// A write that only the broker itself makes; it cannot be requested on the wire.
package struct InternalWrite<Body: InternalWriteRequest>: CapabilityItem {
    let body: @Sendable (Body, WriteContext) throws -> Body.Answer
    package init(_ type: Body.Type, _ body: @escaping @Sendable (Body, WriteContext) throws -> Body.Answer) {
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        table.add(
            .init(Body.self, capability: capability, run: .write { [body] in try body(cast($0), $1) }), isPublic: false)
    }
}

/// A request answered from committed state: its view cannot change anything.
package struct Read<Body: ReadRequest>: CapabilityItem {
    let body: @Sendable (Body, ReadView) throws -> Body.Answer
    package init(_ type: Body.Type, _ body: @escaping @Sendable (Body, ReadView) throws -> Body.Answer) {
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        table.add(
            .init(Body.self, capability: capability, run: .read { [body] in try body(cast($0), $1) }), isPublic: true)
    }
}

/// A request that is answered with a snapshot and subscribes its connection to later changes.
package struct Watch<Body: WatchRequest>: CapabilityItem {
    let body: @Sendable (Body, WatchView) throws -> Body.Answer
    package init(_ type: Body.Type, _ body: @escaping @Sendable (Body, WatchView) throws -> Body.Answer) {
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        table.add(
            .init(Body.self, capability: capability, run: .watch { [body] in try body(cast($0), $1) }), isPublic: true)
    }
}

/// What happens when a time is reached. A timer may be stale: its body checks the state and reports whether it did
/// anything.
package struct Timer: CapabilityItem {
    let kind: TimerKind
    let body: @Sendable (Int64, WriteContext) throws -> Bool
    package init(_ kind: TimerKind, _ body: @escaping @Sendable (Int64, WriteContext) throws -> Bool) {
        self.kind = kind
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) { table.timers[kind] = body }
}

/// Rebuilds what the capability keeps in memory when a mesh is opened.
package struct Load: CapabilityItem {
    let body: @Sendable (EngineState) throws -> Void
    package init(_ body: @escaping @Sendable (EngineState) throws -> Void) { self.body = body }
    package func register(in table: inout CapabilityTable, capability: String) { table.loads.append(body) }
}

private func cast<Body: Request>(_ request: any Request) throws -> Body {
    /// A cast queries the runtime each time; here the types are equal, or there is a bug.
    func exactly<Given: Request>(_ given: Given) throws -> Body {
        guard Given.self == Body.self else {
            throw MeshError(.internalError, "the table gave \(Given.self) to \(Body.type)")
        }
        return unsafeBitCast(given, to: Body.self)
    }
    return try exactly(request)
}

/// Maps wire types to decode and apply: built once at start from the capabilities.
package struct CapabilityTable: Sendable {
    /// What runs a request.
    package enum Run: Sendable {
        case write(@Sendable (any Request, WriteContext) throws -> any Reply)
        case read(@Sendable (any Request, ReadView) throws -> any Reply)
        case watch(@Sendable (any Request, WatchView) throws -> any Reply)
    }

    /// Reads a request from the members of a flat frame; nil leaves the frame to the general decoder.
    package typealias FlatDecoder = @Sendable (FlatScanner, UnsafeRawBufferPointer) -> (any Request)?

    /// One request. A class: every command reads its row.
    package final class Row: Sendable {
        package let type: any Request.Type
        package let declaration: RequestDeclaration
        /// Its fields.
        package let object: ObjectSchema
        package let permission: Permission
        package let kind: RequestKind
        package let capability: String
        package let run: Run
        package let decode: @Sendable (JSON) throws(MeshError) -> any Request
        /// Reads the request without building a tree, where possible; nil leaves it to `decode`.
        package let decodeFlat: FlatDecoder?

        init<Body: Request>(_ type: Body.Type, capability: String, run: Run, flat: FlatDecoder? = nil) {
            self.type = type
            declaration = type.declaration
            object = type.object
            permission = declaration.permission
            kind = type.kind
            self.capability = capability
            self.run = run
            if let flat {
                decodeFlat = flat
            } else if let flatType = type as? any FlatRequest.Type {
                decodeFlat = { scanner, bytes in flatType.init(flat: scanner, in: bytes) }
            } else {
                decodeFlat = nil
            }
            let object = object
            self.decode = { (json) throws(MeshError) in
                let request: Body
                do { request = try JSONCoder.decode(Body.self, from: json) } catch {
                    throw MeshError(
                        .invalidArgument, "\(Body.type): \(error)",
                        hint: "its fields: \(object.members.map(\.name).sorted().joined(separator: ", "))")
                }
                if case .object(let members) = json { try object.check(members) }
                return request
            }
        }
    }

    /// Requests that peers can make, by wire type.
    package private(set) var rows: [String: Row] = [:]
    /// Requests that only the broker makes.
    package private(set) var internalRows: [String: Row] = [:]
    /// Every row by the type it takes, including other forms of a request.
    private var byType: [ObjectIdentifier: Row] = [:]
    /// The rows that read flat frames, with their wire names.
    private var flatRows: [(name: [UInt8], row: Row)] = []
    var timers: [TimerKind: @Sendable (Int64, WriteContext) throws -> Bool] = [:]
    var loads: [@Sendable (EngineState) throws -> Void] = []
    /// Every capability's tables, in the order of registration.
    package let migrations: [Migration]

    package init(_ capabilities: [Capability]) {
        migrations = EngineSchema.migrations + capabilities.flatMap(\.migrations)
        for capability in capabilities {
            for item in capability.items { item.register(in: &self, capability: capability.name) }
        }
    }

    mutating func add(_ row: Row, isPublic: Bool) {
        if isPublic { rows[row.type.type] = row } else { internalRows[row.type.type] = row }
        if isPublic, row.decodeFlat != nil { flatRows.append((Array(row.type.type.utf8), row)) }
        add(form: row)
    }

    /// Adds another form of a request that already has a row under its name.
    mutating func add(form row: Row) { byType[ObjectIdentifier(row.type)] = row }

    /// The row of a name, for any caller.
    func row(of type: String) -> Row? { rows[type] ?? internalRows[type] }
    /// The row of a type.
    func row(of type: any Request.Type) -> Row? { byType[ObjectIdentifier(type)] }

    /// Reads a request from a flat frame without building a tree; nil leaves the frame to `decode`.
    package func decode(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) -> (any Request)? {
        guard case .string(let type)? = flat.value("type", in: bytes) else { return nil }
        for (name, row) in flatRows where name.count == type.count {
            let isSame = name.withUnsafeBytes { name in
                UnsafeRawBufferPointer(rebasing: bytes[type]).elementsEqual(name)
            }
            if isSame { return row.decodeFlat?(flat, bytes) }
        }
        return nil
    }

    /// Reads a request as a peer sent it. Fails with `unknown_type` (suggesting the nearest) or `invalid_argument`.
    package func decode(type: String, from json: JSON) throws(MeshError) -> any Request {
        guard let row = rows[type] else {
            let near = Nearest.names(to: type, among: rows.keys.sorted(), limit: 2)
            throw MeshError(
                .unknownType, "this broker does not know the type \(type.prefix(64))",
                hint: near.isEmpty ? nil : "did you mean \(near.joined(separator: " or "))?")
        }
        return try row.decode(json)
    }
}
