public import MeshCore

/// What kind of value an attribute has.
public enum AttributeKind: String, Sendable, Hashable, Codable, CaseIterable {
    case integer, real, flag, text, reference
}

/// A value of an attribute. A real is finite. Texts are equal when their bytes are.
public enum AttributeValue: Sendable, Hashable {
    /// A whole number.
    case integer(Int64)
    /// A finite number.
    case real(Double)
    /// True or false.
    case flag(Bool)
    /// A text.
    case text(String)
    /// The name of an entity, which may be gone.
    case reference(EntityID)

    public static func == (left: AttributeValue, right: AttributeValue) -> Bool {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): left == right
        case (.real(let left), .real(let right)): left == right
        case (.flag(let left), .flag(let right)): left == right
        case (.text(let left), .text(let right)): left.isSame(as: right)
        case (.reference(let left), .reference(let right)): left == right
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        switch self {
        case .integer(let value): hasher.combine(value)
        case .real(let value): hasher.combine(value)
        case .flag(let value): hasher.combine(value)
        case .text(let text): hasher.combine(ExactText(text))
        case .reference(let id): hasher.combine(id)
        }
    }

    /// Its kind.
    public var kind: AttributeKind {
        switch self {
        case .integer: .integer
        case .real: .real
        case .flag: .flag
        case .text: .text
        case .reference: .reference
        }
    }

    /// The plain form, for observations: a number, a boolean or a string.
    public var json: JSON {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value): .double(value)
        case .flag(let value): .bool(value)
        case .text(let value): .string(value)
        case .reference(let value): .string(value.rawValue)
        }
    }

    /// Reads the plain form of a kind; nil when it is of another. A whole number is a real too.
    public init?(_ json: JSON, kind: AttributeKind) {
        switch (kind, json) {
        case (.integer, .integer(let value)): self = .integer(value)
        case (.real, .double(let value)) where value.isFinite: self = .real(value)
        case (.real, .integer(let value)): self = .real(Double(value))
        case (.flag, .bool(let value)): self = .flag(value)
        case (.text, .string(let value)): self = .text(value)
        case (.reference, .string(let value)): self = .reference(EntityID(value))
        default: return nil
        }
    }

    /// Two worlds that differ by the sign of a zero are the same: there is one zero.
    var normalised: AttributeValue {
        if case .real(let value) = self, value == 0 { return .real(0) }
        return self
    }
}

extension AttributeValue {
    /// The lossless form: as the plain one, but for `{"real": 1}` and `{"reference": "shop-1"}`, which plain JSON does
    /// not tell from `1` and `"shop-1"`.
    var lossless: JSON {
        switch self {
        case .real: ["real": json]
        case .reference: ["reference": json]
        case .integer, .flag, .text: json
        }
    }

    /// Reads the lossless form; nil when it is none.
    init?(lossless json: JSON) {
        switch json {
        case .integer(let value): self = .integer(value)
        case .bool(let value): self = .flag(value)
        case .string(let value): self = .text(value)
        case .object(let members) where members.count == 1:
            let real = members["real"].flatMap { AttributeValue($0, kind: .real) }
            guard let value = real ?? members["reference"].flatMap({ AttributeValue($0, kind: .reference) }) else {
                return nil
            }
            self = value
        default: return nil
        }
    }
}

/// In the lossless form. Only `JSONCoder` reads it.
extension AttributeValue: Codable {
    public init(from decoder: any Decoder) throws {
        let json = try JSON(from: decoder)
        guard let value = AttributeValue(lossless: json) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "an attribute's value is an integer, a boolean, a string, "
                        + "{\"real\": number} or {\"reference\": id}, not \(json.typeName)"))
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws { try lossless.encode(to: encoder) }
}

/// A Swift type that an attribute can have.
public protocol AttributeScalar: Sendable, Hashable {
    /// Its kind.
    static var kind: AttributeKind { get }
    /// As an attribute's value.
    var attributeValue: AttributeValue { get }
    /// From an attribute's value; nil when that is of another kind.
    init?(_ value: AttributeValue)
}

extension Int64: AttributeScalar {
    public static var kind: AttributeKind { .integer }
    public var attributeValue: AttributeValue { .integer(self) }
    public init?(_ value: AttributeValue) {
        guard case .integer(let value) = value else { return nil }
        self = value
    }
}

extension Double: AttributeScalar {
    public static var kind: AttributeKind { .real }
    public var attributeValue: AttributeValue { .real(self) }
    public init?(_ value: AttributeValue) {
        guard case .real(let value) = value else { return nil }
        self = value
    }
}

extension Bool: AttributeScalar {
    public static var kind: AttributeKind { .flag }
    public var attributeValue: AttributeValue { .flag(self) }
    public init?(_ value: AttributeValue) {
        guard case .flag(let value) = value else { return nil }
        self = value
    }
}

extension String: AttributeScalar {
    public static var kind: AttributeKind { .text }
    public var attributeValue: AttributeValue { .text(self) }
    public init?(_ value: AttributeValue) {
        guard case .text(let value) = value else { return nil }
        self = value
    }
}

extension EntityID: AttributeScalar {
    public static var kind: AttributeKind { .reference }
    public var attributeValue: AttributeValue { .reference(self) }
    public init?(_ value: AttributeValue) {
        guard case .reference(let value) = value else { return nil }
        self = value
    }
}
