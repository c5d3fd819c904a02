import MeshCore

/// Which seats see an attribute.
public enum Audience: String, Sendable, Hashable, Codable, CaseIterable {
    /// Every seat that sees the entity.
    case everyone
    /// The entity's own seat.
    case owner
    /// No seat.
    case nobody
}

/// A typed key of an attribute, declared once, with its constraints.
public struct Attribute<Value: AttributeScalar>: Sendable {
    /// The same declaration without the type.
    public let declaration: AttributeDeclaration
    /// Its name.
    public var name: String { declaration.name }

    /// Declares an attribute.
    ///
    /// - Parameters:
    ///   - name: 1 to 128 bytes.
    ///   - initial: the value at spawning when none is given; nil: no value.
    ///   - choices: the only values allowed.
    ///   - maxLength: maximum length of a text in bytes.
    ///   - audience: which seats see it.
    ///   - indexed: whether entities can be found by its value without a scan.
    public init(
        _ name: String, initial: Value? = nil, choices: [Value]? = nil, maxLength: Int? = nil,
        audience: Audience = .everyone, indexed: Bool = false
    ) {
        declaration = AttributeDeclaration(
            name: name, kind: Value.kind, initial: initial?.attributeValue, choices: choices?.map(\.attributeValue),
            maxLength: maxLength, audience: audience, isIndexed: indexed)
    }
}

extension Attribute where Value: Comparable & Numeric {
    /// Declares a number with a range.
    public init(
        _ name: String, initial: Value? = nil, range: ClosedRange<Value>?, choices: [Value]? = nil,
        maxLength: Int? = nil, audience: Audience = .everyone, indexed: Bool = false
    ) {
        declaration = AttributeDeclaration(
            name: name, kind: Value.kind, initial: initial?.attributeValue,
            minimum: range?.lowerBound.attributeValue, maximum: range?.upperBound.attributeValue,
            choices: choices?.map(\.attributeValue), maxLength: maxLength, audience: audience, isIndexed: indexed)
    }
}

/// An attribute's name, kind and constraints.
public struct AttributeDeclaration: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its kind.
    public let kind: AttributeKind
    /// The value at spawning when none is given.
    public let initial: AttributeValue?
    /// The minimum of a number.
    public let minimum: AttributeValue?
    /// The maximum of a number.
    public let maximum: AttributeValue?
    /// The only values allowed.
    public let choices: [AttributeValue]?
    /// The maximum length of a text in bytes.
    public let maxLength: Int?
    /// Which seats see it.
    public let audience: Audience
    /// Whether entities can be found by its value without a scan.
    public let isIndexed: Bool

    /// The maximum length in bytes of a text without its own limit.
    public static let defaultMaxLength = 65_536
    /// Names that are reserved in observations and tables.
    public static let reservedNames = ["id", "tick", "type", "x", "y", "zone"]

    /// Declares an attribute.
    public init(
        name: String, kind: AttributeKind, initial: AttributeValue? = nil, minimum: AttributeValue? = nil,
        maximum: AttributeValue? = nil, choices: [AttributeValue]? = nil, maxLength: Int? = nil,
        audience: Audience = .everyone, isIndexed: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.initial = initial
        self.minimum = minimum
        self.maximum = maximum
        self.choices = choices
        self.maxLength = maxLength
        self.audience = audience
        self.isIndexed = isIndexed
    }

    /// Checks a value. Fails with `wrongKind` or `outOfRange`.
    public func check(_ value: AttributeValue) throws(WorldError) {
        guard value.kind == kind else {
            throw WorldError(.wrongKind, "\(name) is of kind \(kind.rawValue), not \(value.kind.rawValue)")
        }
        switch value {
        case .real(let number):
            guard number.isFinite else { throw refusal("\(number)", "it is a finite number") }
            try checkRange(number, Double.init)
        case .integer(let number): try checkRange(number, Int64.init)
        case .text(let text): try checkLength(text, maxLength ?? Self.defaultMaxLength)
        case .reference(let id): try checkLength(id.rawValue, EntityID.maxLength)
        case .flag: break
        }
        if let choices, !choices.contains(value) {
            let valid = choices.prefix(12).map(Self.text).joined(separator: ", ")
            throw refusal(Self.text(value), "it is one of: \(valid)\(choices.count > 12 ? ", …" : "")")
        }
    }

    private func checkRange<Number: Comparable>(
        _ number: Number, _ read: (AttributeValue) -> Number?
    ) throws(WorldError) {
        if let minimum = minimum.flatMap(read), number < minimum {
            throw refusal("\(number)", "it is at least \(minimum)")
        }
        if let maximum = maximum.flatMap(read), number > maximum {
            throw refusal("\(number)", "it is at most \(maximum)")
        }
    }

    private func checkLength(_ text: String, _ limit: Int) throws(WorldError) {
        let length = text.utf8.count
        guard length <= limit else { throw refusal("\(length) bytes", "it has at most \(limit) bytes") }
    }

    private func refusal(_ value: String, _ rule: String) -> WorldError {
        WorldError(.outOfRange, "\(name) cannot be \(WorldError.short(value)): \(rule)")
    }

    private static func text(_ value: AttributeValue) -> String { WorldError.short(value.json.text) }

    /// Checks the declaration itself. Fails with `invalidSchema`.
    func check() throws(WorldError) {
        try WorldError.checkName(name, of: "an attribute")
        if Self.reservedNames.contains(name) {
            throw WorldError(
                .invalidSchema,
                "an attribute cannot be named \(name): \(Self.reservedNames.joined(separator: ", ")) have a meaning")
        }
        let bounds = [minimum, maximum].compactMap { $0 }
        guard bounds.allSatisfy({ $0.kind == kind && (kind == .integer || kind == .real) && !$0.isNotANumber }) else {
            throw WorldError(.invalidSchema, "the range of \(name) does not fit its kind: only numbers have one")
        }
        guard maxLength.map({ $0 >= 0 && kind == .text }) ?? true else {
            throw WorldError(.invalidSchema, "the length of \(name) does not fit its kind: only texts have one")
        }
        guard choices.map({ !$0.isEmpty }) ?? true else {
            throw WorldError(.invalidSchema, "\(name) has choices, but none: leave them out or name some")
        }
        let loose = AttributeDeclaration(
            name: name, kind: kind, minimum: minimum, maximum: maximum, maxLength: maxLength)
        do throws(WorldError) {
            for choice in choices ?? [] { try loose.check(choice) }
            if let initial { try check(initial) }
        } catch { throw WorldError(.invalidSchema, "what is declared for \(name) breaks its own rules: \(error)") }
    }
}

extension AttributeValue {
    fileprivate var isNotANumber: Bool { if case .real(let value) = self { value.isNaN } else { false } }
}
