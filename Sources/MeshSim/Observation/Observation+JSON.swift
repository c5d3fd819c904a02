public import MeshCore

extension Observation: Codable {
    /// The name of the message.
    public static let type = "sim_observation"

    /// The form given at `Observation`.
    public var json: JSON {
        var object: JSONObject = [
            "type": .string(Self.type), "sim": .string(sim), "tick": .integer(tick), "sequence": .integer(sequence),
        ]
        if let base { object["base"] = .integer(base) }
        object["kind"] = .string(kind.rawValue)
        object["self"] = .string(viewer.rawValue)
        if kind == .full || !entities.isEmpty {
            object["entities"] = .object(JSONObject(entities.map { ($0.id.rawValue, .object($0.fields)) }))
        }
        if !entered.isEmpty { object["entered"] = Self.names(entered) }
        if !left.isEmpty { object["left"] = Self.names(left) }
        if !events.isEmpty { object["events"] = .array(events) }
        if let actions { object["actions"] = .array(actions.map { .string($0) }) }
        if omitted > 0 { object["omitted"] = .integer(omitted) }
        if let deadline { object["deadline"] = .integer(deadline) }
        return .object(object)
    }

    private static func names(_ ids: [EntityID]) -> JSON { .array(ids.map { .string($0.rawValue) }) }

    /// Reads the form given at `Observation`; unknown members are ignored. Fails with an error that names the member.
    public init(json: JSON) throws(JSONError) {
        let fields = try JSONCoder.decode(Fields.self, from: json)
        guard fields.type == Self.type else {
            throw JSONError(.invalidValue, path: "type", "expected \(Self.type), found \(fields.type)")
        }
        self.init(
            sim: fields.sim, tick: fields.tick, sequence: fields.sequence, base: fields.base, kind: fields.kind,
            viewer: EntityID(fields.viewer))
        if let given = fields.entities, given.objectValue == nil {
            throw JSONError(.wrongType, path: "entities", "expected an object by name, found \(given.typeName)")
        }
        for (name, value) in fields.entities?.objectValue ?? [:] {
            guard let object = value.objectValue else {
                throw JSONError(
                    .wrongType, path: "entities.\(name)", "expected an object with fields, found \(value.typeName)")
            }
            entities.append(Part(EntityID(name), object))
        }
        entered = (fields.entered ?? []).map { EntityID($0) }
        left = (fields.left ?? []).map { EntityID($0) }
        events = fields.events ?? []
        actions = fields.actions
        omitted = fields.omitted ?? 0
        deadline = fields.deadline
    }

    /// What of the form can be read as it stands.
    private struct Fields: Decodable {
        let type: String
        let sim: String
        let tick: Int64
        let sequence: Int64
        let base: Int64?
        let kind: Kind
        let viewer: String
        let entities: JSON?
        let entered: [String]?
        let left: [String]?
        let events: [JSON]?
        let actions: [String]?
        let omitted: Int64?
        let deadline: Int64?

        private enum CodingKeys: String, CodingKey {
            case type, sim, tick, sequence, base, kind, entities, entered, left, events, actions, omitted, deadline
            case viewer = "self"
        }
    }

    /// Reads one through `JSONCoder`.
    public init(from decoder: any Decoder) throws { try self.init(json: JSON(from: decoder)) }

    /// Writes one through `JSONCoder`.
    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}
