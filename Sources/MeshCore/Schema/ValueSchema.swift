/// The schema of a JSON value: a type, bounds, and whether null is allowed.
public struct ValueSchema: Sendable, Hashable {
    /// The type.
    public indirect enum Kind: Sendable, Hashable {
        case any, boolean, integer, number, string
        /// One of these strings.
        case choice([String])
        /// A string, or an array of strings.
        case stringOrStrings
        /// An array of elements of one type.
        case array(of: ValueSchema)
        /// An object with these members.
        case object(ObjectSchema)
        /// An object that is described elsewhere.
        case anyObject
    }
    /// The type.
    public var kind: Kind
    /// What is allowed within the type.
    public var bounds: Bounds
    /// Whether null means no value.
    public var isNullable: Bool

    /// Makes a schema.
    public init(_ kind: Kind, _ bounds: Bounds = .none, isNullable: Bool = false) {
        self.kind = kind
        self.bounds = bounds
        self.isNullable = isNullable
    }

    /// The type as one word, for tables.
    public var name: String {
        switch kind {
        case .any: "any JSON"
        case .boolean: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .choice(let values): values.map { "`\($0)`" }.joined(separator: ", ")
        case .stringOrStrings: "string or array of strings"
        case .array(let element): "array of \(element.name)"
        case .object, .anyObject: "object"
        }
    }

    /// The object schema of a value, itself or in its elements; nil when it has none.
    public var object: ObjectSchema? {
        switch kind {
        case .object(let schema): schema
        case .array(let element): element.object
        default: nil
        }
    }
}

/// An object on the wire: its members in the order of their declaration.
public struct ObjectSchema: Sendable, Hashable {
    /// One member.
    public struct Member: Sendable, Hashable {
        /// Its name on the wire.
        public var name: String
        /// One line of help.
        public var help: String
        /// Its schema.
        public var value: ValueSchema
        /// Whether it may be absent.
        public var isOptional: Bool
        /// The meaning of its absence.
        public var defaultValue: JSON?

        /// Makes a member.
        public init(
            _ name: String, _ value: ValueSchema, help: String = "", isOptional: Bool = false, defaultValue: JSON? = nil
        ) {
            self.name = name
            self.help = help
            self.value = value
            self.isOptional = isOptional
            self.defaultValue = defaultValue
        }
    }

    /// The members.
    public var members: [Member]
    /// A description of the object, in one line.
    public var help: String

    /// Makes a schema.
    public init(_ members: [Member] = [], help: String = "") {
        self.members = members
        self.help = help
    }

    /// The member of a name.
    public subscript(_ name: String) -> Member? { members.first { $0.name.isSame(as: name) } }
}
