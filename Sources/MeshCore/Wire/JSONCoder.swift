/// Converts JSON values to Swift values and back through `Codable`.
public enum JSONCoder {
    /// Reads a value. Unknown fields are ignored. Fails with `JSONError`, which names the field.
    public static func decode<Value: Decodable>(_ type: Value.Type, from json: JSON) throws(JSONError) -> Value {
        if let same = json as? Value { return same }
        do {
            return try Value(from: ValueDecoder(json: json, codingPath: []))
        } catch {
            throw jsonError(error)
        }
    }

    /// Writes a value; members are in the order of encoding, absent optionals are omitted.
    public static func encode(_ value: some Encodable) throws(JSONError) -> JSON {
        do {
            return try ValueEncoder.json(of: value, codingPath: [])
        } catch {
            throw jsonError(error)
        }
    }

    static func jsonError(_ error: any Error) -> JSONError {
        switch error {
        case let error as JSONError: return error
        case DecodingError.keyNotFound(let key, let context):
            return JSONError(.missingField, path: path(context.codingPath), "the field \(key.stringValue) is missing")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            return JSONError(.wrongType, path: path(context.codingPath), context.debugDescription)
        case DecodingError.dataCorrupted(let context):
            return JSONError(.invalidValue, path: path(context.codingPath), context.debugDescription)
        case EncodingError.invalidValue(_, let context):
            return JSONError(.invalidValue, path: path(context.codingPath), context.debugDescription)
        default: return JSONError(.invalidValue, "\(error)")
        }
    }

    static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
}

extension JSON: Codable {
    /// Reads any JSON value. Only `JSONCoder` can provide one.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? ValueDecoder else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "only JSONCoder decodes JSON values"))
        }
        self = decoder.json
    }

    /// Writes any JSON value. Only `JSONCoder` can accept one.
    public func encode(to encoder: any Encoder) throws {
        guard let encoder = encoder as? ValueEncoder else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "only JSONCoder encodes JSON values"))
        }
        encoder.result = self
    }
}

/// A step in a coding path.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(_ index: Int) {
        stringValue = String(index)
        intValue = index
    }
    init?(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }
    init?(intValue: Int) { self.init(intValue) }
}

// MARK: - Decoding

private struct ValueDecoder: Decoder {
    let json: JSON
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = json else { throw mismatch([String: JSON].self, "an object") }
        return KeyedDecodingContainer(KeyedReader(object: object, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = json else { throw mismatch([JSON].self, "an array") }
        return UnkeyedReader(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(json.typeName)"))
    }

    func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
        switch (type, json) {
        case (is String.Type, .string(let text)): return try cast(text)
        case (is Bool.Type, .bool(let value)): return try cast(value)
        case (is JSON.Type, _): return try cast(json)
        default: return try Value(from: self)
        }
    }

    private func cast<Value>(_ value: Any) throws -> Value {
        guard let value = value as? Value else { throw mismatch(Value.self, "\(Value.self)") }
        return value
    }
}

extension ValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { json.isNull }
    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = json else { throw mismatch(type, "true or false") }
        return value
    }
    func decode(_ type: String.Type) throws -> String {
        guard case .string(let value) = json else { throw mismatch(type, "a string") }
        return value
    }
    func decode(_ type: Double.Type) throws -> Double {
        guard let value = json.doubleValue else { throw mismatch(type, "a number") }
        return value
    }
    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try integer() }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
    func decode(_ type: UInt.Type) throws -> UInt { try integer() }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try read(type) }

    private func integer<Value: FixedWidthInteger>() throws -> Value {
        guard case .integer(let value) = json else { throw mismatch(Value.self, "an integer") }
        guard let result = Value(exactly: value) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "\(value) is out of range"))
        }
        return result
    }
}

private struct KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let object: JSONObject
    let codingPath: [any CodingKey]
    var allKeys: [Key] { object.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNull }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try decoder(key).read(type) }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decoder(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder(key).decode(type) }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try decoder(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { ValueDecoder(json: .object(object), codingPath: codingPath) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }

    private func value(_ key: Key) throws -> JSON {
        guard let value = object[key.stringValue] else {
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "the field \(key.stringValue) is missing"))
        }
        return value
    }

    private func decoder(_ key: Key) throws -> ValueDecoder {
        ValueDecoder(json: try value(key), codingPath: codingPath + [key])
    }
}

private struct UnkeyedReader: UnkeyedDecodingContainer {
    let elements: [JSON]
    let codingPath: [any CodingKey]
    var currentIndex = 0
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(elements: [JSON], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().read(type) }
    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> ValueDecoder {
        let path = codingPath + [PathKey(currentIndex)]
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                JSON.self, .init(codingPath: path, debugDescription: "the array has \(elements.count) elements"))
        }
        defer { currentIndex += 1 }
        return ValueDecoder(json: elements[currentIndex], codingPath: path)
    }
}

// MARK: - Encoding

private final class ValueEncoder: Encoder {
    var result: JSON?
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var keyed: ObjectBox?
    private var unkeyed: ArrayBox?

    init(codingPath: [any CodingKey]) { self.codingPath = codingPath }

    static func json(of value: some Encodable, codingPath: [any CodingKey]) throws -> JSON {
        switch value {
        case let value as JSON: return value
        case let value as String: return .string(value)
        case let value as Bool: return .bool(value)
        default: break
        }
        let encoder = ValueEncoder(codingPath: codingPath)
        try value.encode(to: encoder)
        return encoder.finish()
    }

    func finish() -> JSON {
        if let result { return result }
        if let keyed { return .object(keyed.finish()) }
        if let unkeyed { return .array(unkeyed.finish()) }
        return .object(JSONObject())
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let box = keyed ?? ObjectBox()
        keyed = box
        return KeyedEncodingContainer(KeyedWriter(box: box, codingPath: codingPath))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let box = unkeyed ?? ArrayBox()
        unkeyed = box
        return UnkeyedWriter(box: box, codingPath: codingPath)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { SingleWriter(encoder: self) }
}

/// The members of an object while they are written; nested containers are filled in later.
private final class ObjectBox {
    private var members: [(String, () -> JSON)] = []
    func set(_ key: String, _ value: @escaping () -> JSON) { members.append((key, value)) }
    func finish() -> JSONObject { JSONObject(members.map { ($0.0, $0.1()) }) }
}

/// The elements of an array while they are written.
private final class ArrayBox {
    private var elements: [() -> JSON] = []
    var count: Int { elements.count }
    func add(_ value: @escaping () -> JSON) { elements.append(value) }
    func finish() -> [JSON] { elements.map { $0() } }
}

private struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: ObjectBox
    let codingPath: [any CodingKey]

    mutating func encodeNil(forKey key: Key) throws { box.set(key.stringValue) { .null } }
    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        let json = try ValueEncoder.json(of: value, codingPath: codingPath + [key])
        box.set(key.stringValue) { json }
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        let nested = ObjectBox()
        box.set(key.stringValue) { .object(nested.finish()) }
        return KeyedEncodingContainer(KeyedWriter<Nested>(box: nested, codingPath: codingPath + [key]))
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        let nested = ArrayBox()
        box.set(key.stringValue) { .array(nested.finish()) }
        return UnkeyedWriter(box: nested, codingPath: codingPath + [key])
    }
    mutating func superEncoder() -> any Encoder { nestedEncoder("super") }
    mutating func superEncoder(forKey key: Key) -> any Encoder { nestedEncoder(key.stringValue) }

    private func nestedEncoder(_ name: String) -> any Encoder {
        let encoder = ValueEncoder(codingPath: codingPath)
        box.set(name) { encoder.finish() }
        return encoder
    }
}

private struct UnkeyedWriter: UnkeyedEncodingContainer {
    let box: ArrayBox
    let codingPath: [any CodingKey]
    var count: Int { box.count }

    mutating func encodeNil() throws { box.add { .null } }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        let json = try ValueEncoder.json(of: value, codingPath: codingPath + [PathKey(count)])
        box.add { json }
    }
    mutating func nestedContainer<Key: CodingKey>(keyedBy keyType: Key.Type) -> KeyedEncodingContainer<Key> {
        let nested = ObjectBox()
        box.add { .object(nested.finish()) }
        return KeyedEncodingContainer(KeyedWriter<Key>(box: nested, codingPath: codingPath))
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let nested = ArrayBox()
        box.add { .array(nested.finish()) }
        return UnkeyedWriter(box: nested, codingPath: codingPath)
    }
    mutating func superEncoder() -> any Encoder {
        let encoder = ValueEncoder(codingPath: codingPath)
        box.add { encoder.finish() }
        return encoder
    }
}

private struct SingleWriter: SingleValueEncodingContainer {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    mutating func encodeNil() throws { encoder.result = .null }
    mutating func encode(_ value: Bool) throws { encoder.result = .bool(value) }
    mutating func encode(_ value: String) throws { encoder.result = .string(value) }
    mutating func encode(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "JSON has no \(value)"))
        }
        encoder.result = .double(value)
    }
    mutating func encode(_ value: Float) throws { try encode(Double(value)) }
    mutating func encode(_ value: Int) throws { try integer(value) }
    mutating func encode(_ value: Int8) throws { try integer(value) }
    mutating func encode(_ value: Int16) throws { try integer(value) }
    mutating func encode(_ value: Int32) throws { try integer(value) }
    mutating func encode(_ value: Int64) throws { try integer(value) }
    mutating func encode(_ value: UInt) throws { try integer(value) }
    mutating func encode(_ value: UInt8) throws { try integer(value) }
    mutating func encode(_ value: UInt16) throws { try integer(value) }
    mutating func encode(_ value: UInt32) throws { try integer(value) }
    mutating func encode(_ value: UInt64) throws { try integer(value) }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        encoder.result = try ValueEncoder.json(of: value, codingPath: codingPath)
    }

    private func integer(_ value: some FixedWidthInteger) throws {
        guard let integer = Int64(exactly: value) else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "\(value) has more than 64 bits"))
        }
        encoder.result = .integer(integer)
    }
}
