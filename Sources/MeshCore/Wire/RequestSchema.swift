/// What a field holds, as far as its type tells.
public indirect enum SchemaType: Sendable, Hashable {
    case string, integer, number, boolean, any
    case array(of: SchemaType)
    case object(RequestSchema)
    case enumeration([String])

    /// The JSON schema of the type.
    public var jsonSchema: JSON {
        switch self {
        case .string: ["type": "string"]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .boolean: ["type": "boolean"]
        case .any: .object(JSONObject())
        case .array(let element): ["type": "array", "items": element.jsonSchema]
        case .object(let schema): schema.jsonSchema
        case .enumeration(let values): ["type": "string", "enum": .array(values.map { .string($0) })]
        }
    }

    /// A word for tables.
    public var name: String {
        switch self {
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .any: "any JSON"
        case .array(let element): "array of \(element.name)"
        case .object: "object"
        case .enumeration(let values): values.map { "`\($0)`" }.joined(separator: ", ")
        }
    }
}

/// A type that says itself how it looks on the wire, and gives a value to go on with.
public protocol JSONSchemaProviding {
    /// How it looks.
    static var schemaType: SchemaType { get }
    /// Any valid value.
    static var probeValue: Self { get }
}

extension JSONSchemaProviding where Self: CaseIterable & RawRepresentable, RawValue == String {
    public static var schemaType: SchemaType { .enumeration(allCases.map(\.rawValue)) }
    public static var probeValue: Self {
        // An enumeration without a case has no value and cannot be a field.
        allCases[allCases.startIndex]
    }
}

extension Priority: JSONSchemaProviding {}
extension PeerStatus: JSONSchemaProviding {}
extension MessageMode: JSONSchemaProviding {}
extension Role: JSONSchemaProviding {}

extension PublicKey: JSONSchemaProviding {
    public static var schemaType: SchemaType { .string }
    public static var probeValue: PublicKey { .zero }
}

extension Signature: JSONSchemaProviding {
    public static var schemaType: SchemaType { .string }
    public static var probeValue: Signature { .zero }
}

extension JSON: JSONSchemaProviding {
    public static var schemaType: SchemaType { .any }
    public static var probeValue: JSON { .null }
}

/// The fields of a request, read off its own `init(from:)` by a decoder that only writes down what it is asked for.
public struct RequestSchema: Sendable, Hashable {
    /// One field.
    public struct Field: Sendable, Hashable {
        /// Its name on the wire.
        public var name: String
        /// What it holds.
        public var type: SchemaType
        /// Whether it may be absent.
        public var isOptional: Bool
    }

    /// In the order of the declaration.
    public var fields: [Field]

    /// Reads the fields of a type. Fails when its `init(from:)` does more than ask for fields.
    public static func probe<Value: Decodable>(_ type: Value.Type) throws -> RequestSchema {
        let notes = ProbeNotes()
        _ = try Value(from: ProbeDecoder(notes: notes))
        return RequestSchema(fields: notes.fields)
    }

    /// The JSON schema of the object.
    public var jsonSchema: JSON {
        [
            "type": "object",
            "properties": .object(JSONObject(fields.map { ($0.name, $0.type.jsonSchema) })),
            "required": .array(fields.filter { !$0.isOptional }.map { .string($0.name) }),
        ]
    }
}

private final class ProbeNotes {
    var fields: [RequestSchema.Field] = []
    var element: SchemaType?
}

private struct ProbeDecoder: Decoder {
    let notes: ProbeNotes
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ProbeKeyed(notes: notes))
    }
    func unkeyedContainer() -> any UnkeyedDecodingContainer { ProbeUnkeyed(notes: notes) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw JSONError(.invalidValue, "a type of one value must say itself how it looks")
    }

    /// What a type looks like, and a value of it.
    static func look<Value: Decodable>(_ type: Value.Type) throws -> (SchemaType, Value) {
        func known(_ schema: SchemaType, _ value: Any) throws -> (SchemaType, Value) {
            guard let value = value as? Value else { throw JSONError(.wrongType, "no probe value for \(type)") }
            return (schema, value)
        }
        switch type {
        case is String.Type: return try known(.string, "")
        case is Bool.Type: return try known(.boolean, false)
        case is Int.Type: return try known(.integer, 0)
        case is Int64.Type: return try known(.integer, Int64(0))
        case is Double.Type: return try known(.number, 0.0)
        case let provider as any JSONSchemaProviding.Type: return try known(provider.schemaType, provider.probeValue)
        default: break
        }
        let notes = ProbeNotes()
        let value = try Value(from: ProbeDecoder(notes: notes))
        if let element = notes.element { return (.array(of: element), value) }
        return (.object(RequestSchema(fields: notes.fields)), value)
    }
}

private struct ProbeKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let notes: ProbeNotes
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let (schema, value) = try ProbeDecoder.look(type)
        notes.fields.append(.init(name: key.stringValue, type: schema, isOptional: false))
        return value
    }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        // An absent certificate inside a certificate would never end: what may be absent is looked at one level deep.
        let schema = type == MembershipCertificate.self ? .any : try ProbeDecoder.look(type).0
        notes.fields.append(.init(name: key.stringValue, type: schema, isOptional: true))
        return nil
    }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) -> String? { optional(.string, key) }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) -> Bool? { optional(.boolean, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) -> Int? { optional(.integer, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) -> Int64? { optional(.integer, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) -> Double? { optional(.number, key) }
    private func optional<Value>(_ schema: SchemaType, _ key: Key) -> Value? {
        notes.fields.append(.init(name: key.stringValue, type: schema, isOptional: true))
        return nil
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedDecodingContainer<Nested> { KeyedDecodingContainer(ProbeKeyed<Nested>(notes: ProbeNotes())) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer { ProbeUnkeyed(notes: ProbeNotes()) }
    func superDecoder() -> any Decoder { ProbeDecoder(notes: ProbeNotes()) }
    func superDecoder(forKey key: Key) -> any Decoder { ProbeDecoder(notes: ProbeNotes()) }
}

/// An array is asked for one element, which tells what it holds.
private struct ProbeUnkeyed: UnkeyedDecodingContainer {
    let notes: ProbeNotes
    var codingPath: [any CodingKey] { [] }
    var count: Int? { 1 }
    var currentIndex = 0
    var isAtEnd: Bool { currentIndex > 0 }
    init(notes: ProbeNotes) { self.notes = notes }
    mutating func decodeNil() -> Bool { false }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let (schema, value) = try ProbeDecoder.look(type)
        notes.element = schema
        currentIndex += 1
        return value
    }
    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ProbeKeyed<Key>(notes: ProbeNotes()))
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer { ProbeUnkeyed(notes: ProbeNotes()) }
    mutating func superDecoder() -> any Decoder { ProbeDecoder(notes: ProbeNotes()) }
}
