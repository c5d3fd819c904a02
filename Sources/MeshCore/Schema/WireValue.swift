import Synchronization

/// A type that can be a member of an object on the wire.
public protocol WireValue: Codable, Sendable {
    /// Its JSON schema.
    static var schema: ValueSchema { get }
    /// An initial value.
    static var blank: Self { get }
    /// Whether a member of this type may be absent.
    static var isOptional: Bool { get }
    /// Returns the same schema, with null allowed.
    static var nullableSchema: ValueSchema { get }
}

extension WireValue {
    public static var isOptional: Bool { false }
    public static var nullableSchema: ValueSchema {
        var schema = schema
        schema.isNullable = true
        return schema
    }
}

/// An object on the wire: a structure whose stored properties are all `@Field` or `@NullableField`.
public protocol Declared: WireValue {
    /// Makes a value with all members blank.
    init()
}

extension Declared {
    public static var blank: Self { Self() }
    /// The members.
    public static var fields: [ObjectSchema.Member] { ObjectSchema(of: Self.self).members }
    /// The object with its members.
    public static var schema: ValueSchema { ValueSchema(.object(ObjectSchema(of: Self.self))) }
}

extension ObjectSchema {
    private static let known = Mutex<[ObjectIdentifier: ObjectSchema]>([:])

    /// The declarations of a type; they are read once.
    public init<Object: Declared>(of type: Object.Type) {
        let id = ObjectIdentifier(type)
        if let known = Self.known.withLock({ $0[id] }) {
            self = known
        } else {
            self.init(reading: type)
            let schema = self
            Self.known.withLock { $0[id] = schema }
        }
    }

    private init<Object: Declared>(reading type: Object.Type) {
        let (made, notes) = FieldNotes.reading { Object() }
        let names = Mirror(reflecting: made).children.map { child in
            // The storage of a wrapped property has the property's name after an underscore.
            String((child.label ?? "").drop { $0 == "_" })
        }
        self.init(
            zip(names, notes).map { property, note in
                Member(
                    note.name ?? property, note.value, help: note.help, isOptional: note.isOptional,
                    defaultValue: note.defaultValue)
            })
    }
}

extension WireValue where Self: CaseIterable & RawRepresentable, RawValue == String {
    public static var schema: ValueSchema { ValueSchema(.choice(allCases.map(\.rawValue))) }
    // An enumeration without a case has no value and cannot be a member.
    public static var blank: Self { allCases[allCases.startIndex] }
}

extension String: WireValue {
    public static var schema: ValueSchema { ValueSchema(.string) }
    public static var blank: String { "" }
}

extension Bool: WireValue {
    public static var schema: ValueSchema { ValueSchema(.boolean) }
    public static var blank: Bool { false }
}

extension Int: WireValue {
    public static var schema: ValueSchema { ValueSchema(.integer) }
    public static var blank: Int { 0 }
}

extension Int64: WireValue {
    public static var schema: ValueSchema { ValueSchema(.integer) }
    public static var blank: Int64 { 0 }
}

extension Double: WireValue {
    public static var schema: ValueSchema { ValueSchema(.number) }
    public static var blank: Double { 0 }
}

extension Optional: WireValue where Wrapped: WireValue {
    public static var schema: ValueSchema { Wrapped.schema }
    public static var blank: Wrapped? { nil }
    public static var isOptional: Bool { true }
}

extension Array: WireValue where Element: WireValue {
    public static var schema: ValueSchema { ValueSchema(.array(of: Element.schema)) }
    public static var blank: [Element] { [] }
}

extension JSON: WireValue {
    public static var schema: ValueSchema { ValueSchema(.any) }
    public static var blank: JSON { .null }
}

extension PublicKey: WireValue {
    public static var schema: ValueSchema { ValueSchema(.string, .text(.publicKey)) }
    public static var blank: PublicKey { .zero }
}

extension Signature: WireValue {
    public static var schema: ValueSchema { ValueSchema(.string, .text(.signature)) }
    public static var blank: Signature { .zero }
}

extension MembershipCertificate: WireValue {
    /// A certificate can hold another one: its members are described in the protocol's text.
    public static var schema: ValueSchema { ValueSchema(.anyObject) }
    public static var blank: MembershipCertificate { .unsigned }
}

extension Priority: WireValue {}
extension DeliveryState: WireValue {}
extension PeerStatus: WireValue {}
extension MessageMode: WireValue {}
extension Role: WireValue {}
extension Permission: WireValue {}
extension PeerGrant: WireValue {}
extension TopicVisibility: WireValue {}
extension TopicRole: WireValue {}
