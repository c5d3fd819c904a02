import Synchronization

/// A member of an object on the wire, declared where it is stored: `@Field("The key.", .bytes(1...256)) var key:
/// String`.
///
/// The declaration is read once per type (`ObjectSchema.init(of:)`). The check of bounds, the JSON schemas, OpenAPI and
/// the tables of the documentation are derived from it. A value itself stores nothing but the value.
@frozen @propertyWrapper public struct Field<Value: WireValue>: Sendable {
    /// The value.
    public var wrappedValue: Value

    /// Declares a member. `name` is its name on the wire if it differs from the property's; `defaultValue` is the
    /// meaning of absence.
    public init(
        _ help: @autoclosure () -> String, _ bounds: @autoclosure () -> Bounds = .none,
        name: @autoclosure () -> String? = nil, default defaultValue: @autoclosure () -> JSON? = nil
    ) {
        wrappedValue = FieldNotes.blank(Value.self)
        FieldNotes.add(Value.schema, isOptional: Value.isOptional, help, bounds, name, defaultValue)
    }

    init(of value: Value) { wrappedValue = value }
}

/// A member that is always present: null means no value, where clients expect the name.
@frozen @propertyWrapper public struct NullableField<Value: WireValue>: Sendable {
    /// The value, or nil.
    public var wrappedValue: Value?

    /// Declares a member.
    public init(_ help: @autoclosure () -> String, _ bounds: @autoclosure () -> Bounds = .none) {
        wrappedValue = nil
        FieldNotes.add(Value.nullableSchema, isOptional: false, help, bounds, { nil }, { nil })
    }

    init(of value: Value?) { wrappedValue = value }
}

/// Collects the declarations of a type while one value of it is made.
enum FieldNotes {
    struct Note: Sendable {
        var value: ValueSchema
        var isOptional: Bool
        var help: String
        var name: String?
        var defaultValue: JSON?
    }

    private final class List: Sendable {
        let notes = Mutex<[Note]>([])
        let depth = Atomic<Int>(0)
    }

    /// Number of types being read now; values are made often, and this is all that they check.
    private static let readers = Atomic<Int>(0)
    @TaskLocal private static var list: List?

    /// The declarations of the members of what `make` makes, in their order.
    static func reading<Made>(_ make: () -> Made) -> (made: Made, notes: [Note]) {
        let list = List()
        readers.add(1, ordering: .relaxed)
        defer { readers.subtract(1, ordering: .relaxed) }
        let made = $list.withValue(list) { make() }
        return (made, list.notes.withLock { $0 })
    }

    /// An initial value. Members of members are not members.
    static func blank<Value: WireValue>(_ type: Value.Type) -> Value {
        guard readers.load(ordering: .relaxed) > 0, let list else { return Value.blank }
        list.depth.add(1, ordering: .relaxed)
        defer { list.depth.subtract(1, ordering: .relaxed) }
        return Value.blank
    }

    static func add(
        _ schema: @autoclosure () -> ValueSchema, isOptional: @autoclosure () -> Bool, _ help: () -> String,
        _ bounds: () -> Bounds, _ name: () -> String?, _ defaultValue: () -> JSON?
    ) {
        guard readers.load(ordering: .relaxed) > 0, let list, list.depth.load(ordering: .relaxed) == 0 else { return }
        var value = schema()
        value.bounds = value.bounds.overridden(by: bounds())
        let note = Note(
            value: value, isOptional: isOptional(), help: help(), name: name(), defaultValue: defaultValue())
        list.notes.withLock { $0.append(note) }
    }
}

// MARK: - Coding: as the value itself

extension Field: Equatable where Value: Equatable {}
extension Field: Hashable where Value: Hashable {}
extension NullableField: Equatable where Value: Equatable {}
extension NullableField: Hashable where Value: Hashable {}

extension Field: CustomStringConvertible {
    /// The value.
    public var description: String { "\(wrappedValue)" }
}

extension Field: Codable {
    /// Reads the value.
    public init(from decoder: any Decoder) throws { wrappedValue = try Value(from: decoder) }
    /// Writes the value.
    public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension NullableField: Codable {
    /// Reads a value or null.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    /// Writes a value or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

extension KeyedDecodingContainer {
    /// Reads a member that may be absent.
    public func decode<Value>(_ type: Field<Value?>.Type, forKey key: Key) throws -> Field<Value?> {
        Field(of: try decodeIfPresent(Value.self, forKey: key))
    }

    /// Reads a required member.
    public func decode<Value>(_ type: Field<Value>.Type, forKey key: Key) throws -> Field<Value> {
        Field(of: try decode(Value.self, forKey: key))
    }
}

extension KeyedEncodingContainer {
    /// Writes a member, or nothing when it is absent.
    public mutating func encode<Value>(_ field: Field<Value?>, forKey key: Key) throws {
        try encodeIfPresent(field.wrappedValue, forKey: key)
    }

    /// Writes a member.
    public mutating func encode<Value>(_ field: Field<Value>, forKey key: Key) throws {
        try encode(field.wrappedValue, forKey: key)
    }
}
