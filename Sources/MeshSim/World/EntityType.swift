/// A type of entity: its name, limit and attributes.
public struct EntityType: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The maximum number of entities at a time.
    public let limit: Int
    /// The attributes, in order.
    public let attributes: [AttributeDeclaration]

    /// Declares a type:
    ///
    ///     EntityType("customer", limit: 500) { money; name }
    public init(_ name: String, limit: Int = .max, @AttributeBuilder _ attributes: () -> [AttributeDeclaration]) {
        self.init(name, limit: limit, attributes: attributes())
    }

    /// Declares a type.
    public init(_ name: String, limit: Int = .max, attributes: [AttributeDeclaration] = []) {
        self.name = name
        self.limit = limit
        self.attributes = attributes
    }

    /// The maximum number of attributes of a type.
    public static let maximumAttributes = 256

    /// Checks the declaration. Fails with `invalidSchema`.
    func check() throws(WorldError) {
        try WorldError.checkName(name, of: "a type")
        guard limit >= 0 else { throw WorldError(.invalidSchema, "the limit of \(name) is negative") }
        guard attributes.count <= Self.maximumAttributes else {
            throw WorldError(.invalidSchema, "\(name) has more than \(Self.maximumAttributes) attributes")
        }
        for attribute in attributes { try attribute.check() }
        var names: Set<String> = []
        for attribute in attributes where !names.insert(attribute.name).inserted {
            throw WorldError(.invalidSchema, "\(name) declares \(attribute.name) twice")
        }
    }
}

/// Collects the attributes of a type.
@resultBuilder public enum AttributeBuilder {
    public static func buildExpression<Value>(_ attribute: Attribute<Value>) -> [AttributeDeclaration] {
        [attribute.declaration]
    }
    public static func buildExpression(_ declaration: AttributeDeclaration) -> [AttributeDeclaration] { [declaration] }
    public static func buildExpression(_ declarations: [AttributeDeclaration]) -> [AttributeDeclaration] {
        declarations
    }
    public static func buildBlock(_ parts: [AttributeDeclaration]...) -> [AttributeDeclaration] {
        parts.flatMap { $0 }
    }
    public static func buildOptional(_ part: [AttributeDeclaration]?) -> [AttributeDeclaration] { part ?? [] }
    public static func buildEither(first part: [AttributeDeclaration]) -> [AttributeDeclaration] { part }
    public static func buildEither(second part: [AttributeDeclaration]) -> [AttributeDeclaration] { part }
    public static func buildArray(_ parts: [[AttributeDeclaration]]) -> [AttributeDeclaration] { parts.flatMap { $0 } }
}
