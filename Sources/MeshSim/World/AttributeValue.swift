public import MeshCore

/// The kind of an attribute's value.
public enum AttributeKind: String, Sendable, Hashable, Codable, CaseIterable {
    case integer, real, flag, text, reference
}

/// A value of an attribute. A real is finite. Texts are compared by bytes.
public enum AttributeValue: Sendable, Hashable {
    /// A whole number.
    case integer(Int64)
    /// A finite number.
    case real(Double)
    /// True or false.
    case flag(Bool)
    /// A text.
    case text(String)
    /// The name of an entity, which may no longer exist.
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

    /// Returns the plain form, for observations: a number, a boolean or a string.
    public var json: JSON {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value): .double(value)
        case .flag(let value): .bool(value)
        case .text(let value): .string(value)
        case .reference(let value): .string(value.rawValue)
        }
    }

    /// Reads the plain form of a kind; nil for another kind. A whole number is also a real.
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

    /// Normalises -0 to 0, so that worlds that differ only by the sign of a zero are equal.
    var normalised: AttributeValue {
        if case .real(let value) = self, value == 0 { return .real(0) }
        return self
    }
}

extension AttributeValue {
    /// The lossless form: the plain one, except for `{"real": 1}` and `{"reference": "shop-1"}`: plain JSON cannot
    /// distinguish these from `1` and `"shop-1"`.
    var lossless: JSON {
        switch self {
        case .real: ["real": json]
        case .reference: ["reference": json]
        case .integer, .flag, .text: json
        }
    }

    /// Reads the lossless form; nil when the input is invalid.
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

/// Encodes in the lossless form. Only `JSONCoder` decodes it.
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

/// A Swift type that can be an attribute's value.
public protocol AttributeScalar: Sendable, Hashable {
    /// Its kind.
    static var kind: AttributeKind { get }
    /// Converts to an attribute's value.
    var attributeValue: AttributeValue { get }
    /// Converts from an attribute's value; nil for another kind.
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
