/// A JSON value. Integers and other numbers are distinct, so that no digit is lost. Texts are equal when their code
/// points are.
public enum JSON: Sendable, Hashable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A number without fraction and exponent.
    case integer(Int64)
    /// Any other number; always finite.
    case double(Double)
    /// A text.
    case string(String)
    /// An array.
    case array([JSON])
    /// An object, its members in order.
    case object(JSONObject)

    /// The member of an object; nil for anything else.
    public subscript(key: String) -> JSON? { objectValue?[key] }
    /// The text of a string.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    /// The value of an integer.
    public var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// The value of any number.
    public var doubleValue: Double? {
        switch self {
        case .double(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
    /// The value of a boolean.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements of an array.
    public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The members of an object.
    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// Whether it is `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }
    /// Its kind, as text for errors.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .double: "a fractional number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON {
    public static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.string(let left), .string(let right)): left.isSame(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value)
        case .string(let text): hasher.combine(ExactText(text))
        case .array(let elements): hasher.combine(elements)
        case .object(let object): hasher.combine(object)
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
    public init(nilLiteral: ()) { self = .null }
}

/// The members of a JSON object: they keep their order, and each name is unique. Names that differ in code points are
/// different names. Equality ignores the order.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    private var members: [(key: String, value: JSON)] = []
    /// The index of each name; built only for larger objects.
    private var places: [ExactText: Int]?
    private static let indexedFrom = 32

    /// An empty object.
    public init() {}

    /// An object of members; a duplicate name keeps its last value.
    public init(_ members: [(String, JSON)]) {
        for (key, value) in members { self[key] = value }
    }

    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

    /// Number of members.
    public var count: Int { members.count }
    /// The names in order.
    public var keys: [String] { members.map(\.key) }

    /// A member; setting nil removes it.
    public subscript(key: String) -> JSON? {
        get { place(of: key).map { members[$0].value } }
        set {
            if let place = place(of: key) {
                if let newValue {
                    members[place].value = newValue
                } else {
                    members.remove(at: place)
                    reindex()
                }
            } else if let newValue {
                members.append((key, newValue))
                if places != nil {
                    places?[ExactText(key)] = members.count - 1
                } else if members.count == Self.indexedFrom {
                    reindex()
                }
            }
        }
    }

    private func place(of key: String) -> Int? {
        if let places { return places[ExactText(key)] }
        return members.firstIndex { $0.key.isSame(as: key) }
    }

    private mutating func reindex() {
        places =
            members.count < Self.indexedFrom
            ? nil : Dictionary(members.enumerated().map { (ExactText($1.key), $0) }, uniquingKeysWith: { $1 })
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> IndexingIterator<[(key: String, value: JSON)]> { members.makeIterator() }
}

extension JSONObject: Hashable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for member in members.sorted(by: { ExactText($0.key) < ExactText($1.key) }) {
            hasher.combine(ExactText(member.key))
            hasher.combine(member.value)
        }
    }
}

/// The size and depth limits of a JSON text.
public struct JSONLimits: Sendable, Hashable {
    /// Total bytes.
    public var maxBytes: Int
    /// Nesting depth of arrays and objects.
    public var maxDepth: Int
    /// Makes limits.
    public init(maxBytes: Int, maxDepth: Int = 32) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
    }
    /// A frame: 1 MiB.
    public static let frame = JSONLimits(maxBytes: 1 << 20)
    /// A value: 64 KiB.
    public static let value = JSONLimits(maxBytes: 65_536)
}

/// Why a text is not the expected JSON.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Kind: String, Sendable, Hashable {
        case syntax, duplicateKey, number, utf8, surrogate, depth, size, trailing, byteOrderMark
        case missingField, wrongType, invalidValue
        /// A valid number that Mesh does not store: outside of 64 bits or of a double, or `-0`.
        case range

        /// Whether the text may still be JSON by RFC 8259, and only breaks a rule or exceeds a limit of ours.
        public var mayBeJSON: Bool {
            switch self {
            case .range, .depth, .size, .duplicateKey, .surrogate: true
            default: false
            }
        }
    }
    /// The kind.
    public var kind: Kind
    /// The byte where it was found; -1 when it is not about bytes.
    public var offset: Int
    /// The field, for example `copies[2].nonce`; may be empty.
    public var path: String
    /// What is wrong and what is valid.
    public var message: String

    /// Makes an error.
    public init(_ kind: Kind, offset: Int = -1, path: String = "", _ message: String) {
        self.kind = kind
        self.offset = offset
        self.path = path
        self.message = message
    }

    /// The text in one line.
    public var description: String {
        (path.isEmpty ? "" : "\(path): ") + message + (offset >= 0 ? " at byte \(offset)" : "")
    }
}
