import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Holds every declaration against what the code does with it. The requests come from the table: a new one is tried on the
/// day it is added.
@Suite struct RequestDeclarationTests {
    static let types = Capabilities.table.rows.keys.sorted()
    static func row(_ type: String) throws -> CapabilityTable.Row { try #require(Capabilities.table.rows[type]) }

    @Test(arguments: types)
    func `a request and its answer say what they are, field by field`(_ type: String) throws {
        let row = try Self.row(type)
        #expect(type.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) })
        #expect(row.declaration.help.hasSuffix("."))
        for object in [row.object, row.type.answerObject] {
            #expect(Set(object.members.map(\.name)).count == object.members.count)
            for member in object.members { #expect(!member.help.isEmpty && !member.name.isEmpty, "\(member)") }
        }
        #expect(row.type.answerType != type)
    }

    @Test(arguments: types)
    func `the declared names are the names on the wire`(_ type: String) throws {
        let row = try Self.row(type)
        for isWhole in [true, false] {
            let body = Sample.object(row.object, isWhole: isWhole)
            let request = try row.decode(.object(body))
            let written = try #require(JSONCoder.encode(request).objectValue)
            #expect(Set(written.map(\.key)) == Set(body.map(\.key)))
        }
        for member in row.object.members where !member.isOptional {
            var body = Sample.object(row.object, isWhole: true)
            body[member.name] = nil
            #expect(throws: MeshError.self, "without \(member.name)") { try row.decode(.object(body)) }
        }
    }

    @Test(arguments: types)
    func `a value beyond a bound is refused at the door, by the name of its field`(_ type: String) throws {
        let row = try Self.row(type)
        for member in row.object.members {
            for beyond in Sample.beyond(member.value) {
                var body = Sample.object(row.object, isWhole: true)
                body[member.name] = beyond
                let error = #expect(throws: MeshError.self, "\(member.name): \(beyond.text.prefix(40))") {
                    try row.decode(.object(body))
                }
                #expect(error?.code == (member.value.bounds.jsonBytes == nil ? .invalidArgument : .tooLarge))
                #expect(error?.details["field"] == .string(member.name))
            }
        }
    }

    @Test(arguments: types)
    func `what leaves the flat readers keeps the bounds of the declaration`(_ type: String) throws {
        let row = try Self.row(type)
        guard row.decodeFlat != nil else { return }
        func flat(_ body: JSONObject) -> (any Request)? {
            var scanner = FlatScanner()
            return WireFrame.bytes(type: type, fields: body).withUnsafeBytes { bytes in
                scanner.scan(bytes) ? Capabilities.table.decode(flat: scanner, in: bytes) : nil
            }
        }
        #expect(flat(Sample.object(row.object, isWhole: false)) != nil || type == Acknowledge.type)
        for member in row.object.members {
            for beyond in Sample.beyond(member.value) {
                var body = Sample.object(row.object, isWhole: false)
                body[member.name] = beyond
                #expect(flat(body) == nil, "\(member.name): \(beyond.text.prefix(40))")
            }
        }
    }

    @Test(arguments: types)
    func `what a right is about, and the place among the resources, are fields of the request`(_ type: String) throws {
        let row = try Self.row(type)
        let declaration = row.declaration
        if let field = declaration.subject.field { #expect(row.object[field] != nil, "\(field)") }
        let resource = declaration.resource
        if resource.method.isEmpty {
            #expect(resource.reason?.isEmpty == false)
        } else {
            for name in resource.fields {
                let member = try #require(row.object[name])
                #expect(!member.isOptional && member.value.isScalar, "\(name)")
            }
            if resource.takesQuery {
                for member in row.object.members { #expect(member.value.isScalar, "\(member.name) in a query") }
            }
        }
        #expect(row.type.kind != .watch || resource.method.isEmpty, "a watch needs a connection that stays")
        #expect(row.type.kind == .write || declaration.permission == .observe || declaration.permission == .admin)
        #expect(Set(declaration.errors).isDisjoint(with: ErrorCode.common(to: row.type.kind)))
        if row.type.kind != .write { #expect(!declaration.hints.contains(.destructive)) }
    }

    @Test func `no two requests have one place`() {
        let places = Capabilities.table.rows.values.filter { !$0.declaration.resource.method.isEmpty }.map { row in
            let segments = row.declaration.resource.segments.map { segment in
                if case .fixed(let text) = segment { text } else { "*" }
            }
            return "\(row.declaration.resource.method) \(segments.joined(separator: "/"))"
        }
        #expect(Set(places).count == places.count)
    }

    @Test(arguments: types)
    func `a schema is closed, and an object at its root`(_ type: String) throws {
        let row = try Self.row(type)
        let schema = row.object.jsonSchema(isRoot: true)
        #expect(schema["type"] == "object")
        #expect(schema["anyOf"] == nil)
        #expect(schema["additionalProperties"] == false)
        #expect(schema["properties"]?.objectValue?.map(\.key) == row.object.members.map(\.name))
    }

    @Test func `a field's bounds stand in its schema`() throws {
        let set = try Self.row("set_state").object.jsonSchema()
        #expect(set["properties"]?["key"]?["maxLength"] == 256)
        #expect(set["required"] == ["key", "value"])
        let limit = try Self.row("list_state").object.jsonSchema()["properties"]?["limit"]
        #expect(limit?["minimum"] == 1 && limit?["maximum"] == 1_000 && limit?["default"] == 1_000)
        let batch = try Self.row("batch_state").object.jsonSchema()["properties"]?["operations"]
        #expect(batch?["maxItems"] == 256)
        #expect(batch?["items"]?["properties"]?["op"]?["enum"] == ["set", "delete", "check"])
        let key = try Self.row("add_member").object.jsonSchema()["properties"]?["pubkey"]
        #expect(key?["pattern"] == "^[0-9a-f]{64}$")
    }

    @Test func `a field that is always there may be null`() {
        let member = MessageStatus.object["deliveredAt"]
        #expect(member?.isOptional == false)
        #expect(member?.value.jsonSchema()["type"] == ["string", "null"])
    }

    @Test func `roles have the permissions that they need`() {
        let granted = Role.allCases.map { role in Permission.allCases.filter { $0.isGranted(to: role) } }
        #expect(granted == [[.observe], [.observe, .send, .write], Permission.allCases, Permission.allCases])
    }
}

extension Request {
    static var answerType: String { Answer.type }
    static var answerObject: ObjectSchema { Answer.object }
}

extension ValueSchema {
    var isScalar: Bool {
        switch kind {
        case .string, .integer, .number, .boolean, .choice: true
        default: false
        }
    }
}

/// JSON made from a schema.
enum Sample {
    /// A valid object: with all members, or only with those that it must have.
    static func object(_ schema: ObjectSchema, isWhole: Bool) -> JSONObject {
        JSONObject(schema.members.filter { isWhole || !$0.isOptional }.map { ($0.name, value($0.value)) })
    }

    static func value(_ schema: ValueSchema) -> JSON {
        if let format = schema.bounds.format {
            switch format {
            case .publicKey: return .string(key)
            case .signature: return .string(key + key)
            case .nonce: return ""
            default: return "a"
            }
        }
        switch schema.kind {
        case .string: return "a"
        case .stringOrStrings: return "*"
        case .integer, .number: return schema.bounds.minimum ?? 1
        case .boolean: return true
        case .any: return "a"
        case .choice(let values): return .string(values[0])
        case .array(let element): return [value(element)]
        case .object(let object): return .object(Sample.object(object, isWhole: true))
        case .anyObject: return (try? JSONCoder.encode(MembershipCertificate.blank)) ?? .object([:])
        }
    }

    /// Values of the type just beyond each bound.
    static func beyond(_ schema: ValueSchema) -> [JSON] {
        let bounds = schema.bounds
        var values: [JSON] = []
        if case .integer(let least)? = bounds.minimum { values.append(.integer(least - 1)) }
        if case .integer(let most)? = bounds.maximum { values.append(.integer(most + 1)) }
        if case .double(let least)? = bounds.minimum { values.append(.double(least - 0.5)) }
        if case .double(let most)? = bounds.maximum { values.append(.double(most + 0.5)) }
        if let bytes = bounds.bytes {
            if bytes.lowerBound > 0 { values.append("") }
            values.append(.string(String(repeating: "é", count: bytes.upperBound / 2 + 1)))
        }
        if let count = bounds.count, case .array(let element) = schema.kind {
            if count.lowerBound > 0 { values.append([]) }
            values.append(.array(Array(repeating: value(element), count: count.upperBound + 1)))
        }
        if let most = bounds.jsonBytes { values.append(.string(String(repeating: "x", count: most - 1))) }
        switch bounds.format {
        case .printable?: values.append("a\u{7}")
        case .nonce?: values.append("AAAA")
        case .memberName?, .groupName?, .topicName?:
            values += ["", "a b/@", .string(String(repeating: "x", count: 65))]
        default: break
        }
        return values
    }

    private static let key = SigningKey().publicKey.hex
}
