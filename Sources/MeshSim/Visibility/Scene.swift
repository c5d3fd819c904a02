public import MeshCore

/// What one seat sees at a tick. Two scenes with the same bytes are the same to every viewer.
public struct Scene: Sendable {
    /// An entity as the seat sees it.
    public struct Seen: Sendable {
        /// Its name.
        public let id: EntityID
        /// What the seat knows of it, by the bytes of the fields' names, so that equal knowledge has equal bytes; never
        /// null, for null says in a delta that a field is gone.
        public let fields: JSONObject

        /// Makes one; sorts the fields and leaves out those that are null.
        public init(_ id: EntityID, _ fields: JSONObject) {
            self.id = id
            let members = Array(fields)
            let isInForm =
                zip(members, members.dropFirst()).allSatisfy { $0.key.precedesInBytes($1.key) }
                && !members.contains { $0.value.isNull }
            self.fields =
                isInForm
                ? fields
                : JSONObject(
                    members.filter { !$0.value.isNull }.sorted { $0.key.precedesInBytes($1.key) }
                        .map { ($0.key, $0.value) })
        }
    }

    /// Whose scene it is: the entity that sees.
    public let viewer: EntityID
    /// When.
    public let tick: Int64
    /// What is in sight, by the bytes of the names, each once.
    public let entities: [Seen]
    /// What happened and was seen, in the order in which it happened.
    public let events: [JSON]
    /// What the seat may do now.
    public let actions: [String]

    /// Makes a scene; puts the entities into their order, and of two with one name keeps the first.
    public init(viewer: EntityID, tick: Int64, entities: [Seen], events: [JSON] = [], actions: [String] = []) {
        self.viewer = viewer
        self.tick = tick
        var sorted = entities
        let isSorted = zip(entities, entities.dropFirst()).allSatisfy {
            $0.id.rawValue.precedesInBytes($1.id.rawValue)
        }
        if !isSorted {
            sorted = []
            var last: EntityID?
            // The sort of the standard library is stable.
            for one in entities.sorted(by: { $0.id.rawValue.precedesInBytes($1.id.rawValue) }) where one.id != last {
                sorted.append(one)
                last = one.id
            }
        }
        self.entities = sorted
        self.events = events
        self.actions = actions
    }

    /// The scene as JSON: viewer, tick, entities by name, events, actions.
    public var json: JSON {
        [
            "viewer": .string(viewer.rawValue), "tick": .integer(tick),
            "entities": .object(JSONObject(entities.map { ($0.id.rawValue, .object($0.fields)) })),
            "events": .array(events), "actions": .array(actions.map { .string($0) }),
        ]
    }

    /// The bytes of its JSON form: all that a seat can learn from it.
    public func bytes() -> [UInt8] { json.bytes() }
}

extension Scene.Seen: Codable {
    private enum CodingKeys: String, CodingKey { case id, fields }

    /// Reads one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let fields = try container.decode(JSON.self, forKey: .fields)
        guard let object = fields.objectValue else {
            throw DecodingError.dataCorruptedError(
                forKey: .fields, in: container, debugDescription: "expected an object, found \(fields.typeName)")
        }
        self.init(try container.decode(EntityID.self, forKey: .id), object)
    }

    /// Writes one.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(JSON.object(fields), forKey: .fields)
    }
}
