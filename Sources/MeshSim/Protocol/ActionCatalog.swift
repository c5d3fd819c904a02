public import MeshCore

/// An action of a scenario: its name, its place in a tick, and its arguments.
public struct ActionSchema: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What it does, as text for people and models.
    public var help: String
    /// Actions of a lower phase come first; from 1, since 0 is for commands of people.
    public var phase: Int64
    /// Within a phase, higher priorities come first.
    public var priority: Int64
    /// How often a seat may perform it in a tick. Those allowed once share one place: a seat performs one of them per
    /// tick.
    public var maximumPerTick: Int
    /// Its arguments.
    public var arguments: [ActionArgument]

    /// The maximum number of arguments.
    public static let maximumArguments = 32

    /// Makes a schema.
    public init(
        _ name: String, help: String = "", phase: Int64 = 1, priority: Int64 = 0, maximumPerTick: Int = 1,
        arguments: [ActionArgument] = []
    ) {
        self.name = name
        self.help = help
        self.phase = phase
        self.priority = priority
        self.maximumPerTick = maximumPerTick
        self.arguments = arguments
    }

    /// Whether a seat may do it more than once in a tick.
    public var allowsSeveral: Bool { maximumPerTick > 1 }

    /// The arguments in their normal form: in the order of the schema, with defaults. Fails with what is wrong and valid.
    public func validate(arguments given: JSON?) throws(SimError) -> JSON {
        guard case .object(let members) = given ?? [:] else {
            throw SimError("the arguments of \(name) are \((given ?? .null).typeName); give an object")
        }
        for (key, _) in members where !arguments.contains(where: { ActionArgument.isSame($0.name, key) }) {
            let known = arguments.isEmpty ? "none" : arguments.map(\.name).joined(separator: ", ")
            throw SimError("\(name) has no argument `\(key.shortened())`; it has \(known)")
        }
        var normal = JSONObject()
        for argument in arguments {
            if let value = members[argument.name] ?? argument.defaultValue {
                normal[argument.name] = try argument.normalise(value)
            } else if !argument.isOptional {
                throw SimError("\(name) needs \(argument.name): \(argument.expected)")
            }
        }
        return .object(normal)
    }

    /// The arguments as JSON Schema (2020-12).
    public var jsonSchema: JSON {
        ObjectSchema(
            arguments.map { argument in
                .init(
                    argument.name, argument.valueSchema, help: argument.help, isOptional: argument.isOptional,
                    defaultValue: argument.defaultValue)
            }, help: help
        ).jsonSchema(isRoot: true)
    }

    /// Fails when the declaration is invalid.
    func check() throws(SimError) {
        try SimName.check(name, what: "name of an action")
        guard (1...1000).contains(phase) else {
            throw SimError("the action \(name) has phase \(phase); give 1 to 1000 (0 is for commands of people)")
        }
        guard (1...Seat.pendingLimit).contains(maximumPerTick) else {
            throw SimError("the action \(name): \(maximumPerTick) times a tick; give 1 to \(Seat.pendingLimit)")
        }
        guard arguments.count <= Self.maximumArguments else {
            throw SimError("the action \(name) has \(arguments.count) arguments, at most \(Self.maximumArguments)")
        }
        for (place, argument) in arguments.enumerated() {
            guard !arguments[..<place].contains(where: { $0.name == argument.name }) else {
                throw SimError("the action \(name) has two arguments \(argument.name)")
            }
            try argument.check()
        }
    }
}

extension ActionSchema: Codable {
    private enum Key: String, CodingKey { case name, help, phase, priority, maximumPerTick, arguments, schema }

    /// Reads a schema. The JSON Schema that is written beside the arguments is not read: it follows from them.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init(
            try fields.decode(String.self, forKey: .name),
            help: try fields.decodeIfPresent(String.self, forKey: .help) ?? "",
            phase: try fields.decodeIfPresent(Int64.self, forKey: .phase) ?? 1,
            priority: try fields.decodeIfPresent(Int64.self, forKey: .priority) ?? 0,
            maximumPerTick: try fields.decodeIfPresent(Int.self, forKey: .maximumPerTick) ?? 1,
            arguments: try fields.decodeIfPresent([ActionArgument].self, forKey: .arguments) ?? [])
    }

    /// Writes the schema, and its arguments as JSON Schema too.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(name, forKey: .name)
        if !help.isEmpty { try fields.encode(help, forKey: .help) }
        try fields.encode(phase, forKey: .phase)
        try fields.encode(priority, forKey: .priority)
        try fields.encode(maximumPerTick, forKey: .maximumPerTick)
        try fields.encode(arguments, forKey: .arguments)
        try fields.encode(jsonSchema, forKey: .schema)
    }
}

/// The actions of a scenario, as announced to seats and used to validate their input. As JSON: an array.
public struct ActionCatalog: Sendable, Hashable {
    /// The actions, by name.
    public let actions: [ActionSchema]
    /// The maximum number of actions.
    public static let maximumActions = 256
    /// A catalogue without actions.
    public static let empty = ActionCatalog(sorted: [])

    /// Makes a catalogue. Fails for a duplicate name or an invalid declaration.
    public init(_ actions: [ActionSchema]) throws(SimError) {
        guard actions.count <= Self.maximumActions else {
            throw SimError("\(actions.count) actions, at most \(Self.maximumActions)")
        }
        for action in actions { try action.check() }
        let sorted = actions.sorted { $0.name.precedesInBytes($1.name) }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.name == next.name {
            throw SimError("two actions are named \(one.name)")
        }
        self.init(sorted: sorted)
    }

    private init(sorted: [ActionSchema]) { actions = sorted }

    /// Returns the schema of a name. Fails with the valid names.
    public func schema(_ name: String) throws(SimError) -> ActionSchema {
        guard let index = actions.index(of: name) else {
            let known = actions.prefix(16).map(\.name).joined(separator: ", ")
            let valid = known.isEmpty ? "there are none" : "there are \(known)"
            throw SimError("there is no action `\(name.shortened())`; \(valid)")
        }
        return actions[index]
    }
}

extension ActionSchema: Named {}

extension ActionCatalog: Codable {
    /// Reads an array of schemas. Fails when one of them makes no sense.
    public init(from decoder: any Decoder) throws {
        let actions = try decoder.singleValueContainer().decode([ActionSchema].self)
        do { try self.init(actions) } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.description))
        }
    }

    /// Writes an array of schemas.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(actions)
    }
}
