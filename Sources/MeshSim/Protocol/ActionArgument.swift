public import MeshCore

/// One argument of an action: its name, what it may be, and whether it may be left out.
public struct ActionArgument: Sendable, Hashable {
    /// The kind of an argument.
    public enum Kind: Sendable, Hashable {
        /// A whole number in a range; a bound that is nil is that of 64 bits.
        case integer(minimum: Int64?, maximum: Int64?)
        /// A number in a range.
        case number(minimum: Double?, maximum: Double?)
        /// `true` or `false`.
        case boolean
        /// A text of at most this many Unicode code points.
        case string(maximumLength: Int)
        /// One of these texts.
        case choice([String])
        /// The id of an entity of the world: a text of 1 to 128 code points. Whether there is such an entity, the world
        /// decides.
        case entity
    }
    /// Its name.
    public var name: String
    /// Its purpose, as text for people and models.
    public var help: String
    /// Its kind.
    public var kind: Kind
    /// Whether it is optional.
    public var isOptional: Bool
    /// The default; nil: none.
    public var defaultValue: JSON?

    /// The maximum length of a text, in code points.
    public static let maximumLength = 16_384
    /// The maximum number of choices.
    public static let maximumChoices = 256
    static let entityLength = 128

    /// Makes an argument; one with a default is optional.
    public init(
        _ name: String, _ kind: Kind, help: String = "", isOptional: Bool = false, defaultValue: JSON? = nil
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.isOptional = isOptional || defaultValue != nil
        self.defaultValue = defaultValue
    }

    /// Returns the normal form of a value, which is stable under encoding and decoding. Fails with what is valid.
    public func normalise(_ value: JSON) throws(SimError) -> JSON {
        switch (kind, value) {
        case (.integer(let minimum, let maximum), _): return try integer(value, minimum, maximum)
        case (.number(let minimum, let maximum), _): return try number(value, minimum, maximum)
        case (.boolean, .bool): return value
        case (.string(let length), .string(let text)) where text.unicodeScalars.count <= length: return value
        case (.choice(let choices), .string(let text)) where choices.contains { Self.isSame($0, text) }: return value
        case (.entity, .string(let text)) where (1...Self.entityLength).contains(text.unicodeScalars.count):
            return value
        default: throw SimError("\(name) is \(Self.shown(value)); give \(expected)")
        }
    }

    private func integer(_ value: JSON, _ minimum: Int64?, _ maximum: Int64?) throws(SimError) -> JSON {
        // 5.0 is a whole number to JSON Schema, and some languages write it so.
        var whole = value.integerValue
        if case .double(let number) = value { whole = Int64(exactly: number) }
        guard let whole, whole >= minimum ?? .min, whole <= maximum ?? .max else {
            throw SimError("\(name) is \(Self.shown(value)); give \(expected)")
        }
        return .integer(whole)
    }

    private func number(_ value: JSON, _ minimum: Double?, _ maximum: Double?) throws(SimError) -> JSON {
        // An integer that no double has would be rounded, perhaps over a bound.
        let exact = if case .integer(let whole) = value { Double(exactly: whole) } else { value.doubleValue }
        guard let number = exact, number.isFinite, number >= minimum ?? -.greatestFiniteMagnitude,
            number <= maximum ?? .greatestFiniteMagnitude
        else { throw SimError("\(name) is \(Self.shown(value)); give \(expected)") }
        // The writer prints whole numbers without a point, so they come back as integers. It also takes the sign of -0.
        if number.magnitude <= 0x1p53, let whole = Int64(exactly: number) { return .integer(whole) }
        return .double(number)
    }

    /// Describes what is valid.
    var expected: String {
        switch kind {
        case .integer(let minimum, let maximum):
            "an integer from \(minimum.map { "\($0)" } ?? "-2^63") to \(maximum.map { "\($0)" } ?? "2^63 - 1")"
        case .number(let minimum, let maximum):
            "a number" + (minimum.map { " from \($0)" } ?? "") + (maximum.map { " up to \($0)" } ?? "")
        case .boolean: "true or false"
        case .string(let length): "a string of at most \(length) characters"
        case .choice(let choices): "one of \(choices.prefix(16).map { "`\($0)`" }.joined(separator: ", "))"
        case .entity: "the id of an entity, a string of 1 to \(Self.entityLength) characters"
        }
    }

    private static func shown(_ value: JSON) -> String {
        switch value {
        case .string(let text): "`\(text.shortened())`"
        case .integer(let number): "\(number)"
        case .double(let number): "\(number)"
        default: value.typeName
        }
    }

    /// Swift takes some texts of different bytes for equal; JSON does not.
    static func isSame(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }
}

extension ActionArgument {
    /// What its value must be.
    var valueSchema: ValueSchema {
        var bounds = Bounds()
        switch kind {
        case .integer(let minimum, let maximum):
            (bounds.minimum, bounds.maximum) = (minimum.map(JSON.integer), maximum.map(JSON.integer))
            return ValueSchema(.integer, bounds)
        case .number(let minimum, let maximum):
            (bounds.minimum, bounds.maximum) = (minimum.map(JSON.double), maximum.map(JSON.double))
            return ValueSchema(.number, bounds)
        case .boolean: return ValueSchema(.boolean)
        case .string(let length):
            bounds.characters = 0...max(0, length)
            return ValueSchema(.string, bounds)
        case .choice(let choices): return ValueSchema(.choice(choices))
        case .entity:
            bounds.characters = 1...Self.entityLength
            return ValueSchema(.string, bounds)
        }
    }

    /// The argument as JSON Schema (2020-12).
    public var jsonSchema: JSON { valueSchema.jsonSchema(help: help, defaultValue: defaultValue) }

    /// Fails when the declaration is invalid.
    func check() throws(SimError) {
        try SimName.check(name, what: "name of an argument")
        func refuse(_ what: String) -> SimError { SimError("the argument \(name): \(what)") }
        switch kind {
        case .integer(let minimum?, let maximum?) where minimum > maximum:
            throw refuse("the minimum \(minimum) is above the maximum \(maximum)")
        case .number(let minimum, let maximum):
            guard minimum?.isFinite ?? true, maximum?.isFinite ?? true else { throw refuse("a bound is not finite") }
            if let minimum, let maximum, minimum > maximum {
                throw refuse("the minimum \(minimum) is above the maximum \(maximum)")
            }
        case .string(let length) where !(1...Self.maximumLength).contains(length):
            throw refuse("a maximum length of \(length); give 1 to \(Self.maximumLength)")
        case .choice(let choices) where !(1...Self.maximumChoices).contains(choices.count):
            throw refuse("\(choices.count) choices; give 1 to \(Self.maximumChoices)")
        default: break
        }
        if let defaultValue { _ = try normalise(defaultValue) }
    }
}

extension ActionArgument: Codable {
    private enum Key: String, CodingKey {
        case name, kind, help, minimum, maximum, maximumLength, choices, optional, defaultValue = "default"
    }
    private enum Word: String, CaseIterable { case integer, number, boolean, string, choice, entity }

    /// Reads a declaration. Fails when its kind is unknown.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let text = try fields.decode(String.self, forKey: .kind)
        guard let word = Word(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: fields,
                debugDescription: "unknown; give one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let kind: Kind =
            switch word {
            case .integer:
                .integer(
                    minimum: try fields.decodeIfPresent(Int64.self, forKey: .minimum),
                    maximum: try fields.decodeIfPresent(Int64.self, forKey: .maximum))
            case .number:
                .number(
                    minimum: try fields.decodeIfPresent(Double.self, forKey: .minimum),
                    maximum: try fields.decodeIfPresent(Double.self, forKey: .maximum))
            case .boolean: .boolean
            case .string: .string(maximumLength: try fields.decode(Int.self, forKey: .maximumLength))
            case .choice: .choice(try fields.decode([String].self, forKey: .choices))
            case .entity: .entity
            }
        self.init(
            try fields.decode(String.self, forKey: .name), kind,
            help: try fields.decodeIfPresent(String.self, forKey: .help) ?? "",
            isOptional: try fields.decodeIfPresent(Bool.self, forKey: .optional) ?? false,
            defaultValue: try fields.decodeIfPresent(JSON.self, forKey: .defaultValue))
    }

    /// Writes the declaration.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(name, forKey: .name)
        func write(_ word: Word) throws { try fields.encode(word.rawValue, forKey: .kind) }
        switch kind {
        case .integer(let minimum, let maximum):
            try write(.integer)
            try fields.encodeIfPresent(minimum, forKey: .minimum)
            try fields.encodeIfPresent(maximum, forKey: .maximum)
        case .number(let minimum, let maximum):
            try write(.number)
            try fields.encodeIfPresent(minimum, forKey: .minimum)
            try fields.encodeIfPresent(maximum, forKey: .maximum)
        case .boolean: try write(.boolean)
        case .string(let length):
            try write(.string)
            try fields.encode(length, forKey: .maximumLength)
        case .choice(let choices):
            try write(.choice)
            try fields.encode(choices, forKey: .choices)
        case .entity: try write(.entity)
        }
        if !help.isEmpty { try fields.encode(help, forKey: .help) }
        if isOptional { try fields.encode(true, forKey: .optional) }
        try fields.encodeIfPresent(defaultValue, forKey: .defaultValue)
    }
}
