import MeshCore

extension Scene {
    /// What a viewer sees of a world.
    ///
    /// Of an entity: `type`, `zone`, `x` and `y` where it has them, and the attributes that have a value: those of
    /// everyone, of its own entity also the owner's, nobody's never. Of an event: `name`, `subject`, `zone`, `x` and
    /// `y`, `data` where it has them; who else received it is not told. Links are not shown.
    public init(
        of world: World, viewer: EntityID, visibility: Visibility, tick: Int64, actions: [String] = []
    ) {
        let sight = visibility.sight(of: viewer, in: world)
        var forms = [EntityForm?](repeating: nil, count: world.schema.types.count)
        let entities = sight.entities.compactMap { id -> Seen? in
            guard let slot = world.slots.slot(of: id) else { return nil }
            let type = Int(world.slots[slot].type)
            if id == viewer {
                return Seen(id, EntityForm(world.schema.types[type], isOwn: true).fields(of: slot, type, in: world))
            }
            let form = forms[type] ?? EntityForm(world.schema.types[type], isOwn: false)
            forms[type] = form
            return Seen(id, form.fields(of: slot, type, in: world))
        }
        self.init(
            viewer: viewer, tick: tick, entities: entities,
            events: world.events.filter(sight.sees).map(Self.json), actions: actions)
    }

    private static func json(of event: WorldEvent) -> JSON {
        var object: JSONObject = ["name": .string(event.name)]
        if let subject = event.subject { object["subject"] = .string(subject.rawValue) }
        if let zone = event.zone { object["zone"] = .string(zone) }
        if let point = event.point {
            object["x"] = .double(point.x)
            object["y"] = .double(point.y)
        }
        if event.data.objectValue?.count != 0, !event.data.isNull { object["data"] = event.data }
        return .object(object)
    }
}

/// Which fields of a type's entities are shown, by the bytes of their names.
private struct EntityForm {
    enum Source { case type, zone, x, y, attribute(Int) }
    let fields: [(name: String, source: Source)]

    init(_ type: EntityType, isOwn: Bool) {
        var fields: [(name: String, source: Source)] = [("type", .type), ("x", .x), ("y", .y), ("zone", .zone)]
        for (place, attribute) in type.attributes.enumerated() {
            switch attribute.audience {
            case .everyone: fields.append((attribute.name, .attribute(place)))
            case .owner: if isOwn { fields.append((attribute.name, .attribute(place))) }
            case .nobody: break
            }
        }
        self.fields = fields.sorted { $0.name.precedesInBytes($1.name) }
    }

    func fields(of slot: Int, _ type: Int, in world: World) -> JSONObject {
        let row = Int(world.slots[slot].row)
        let position = world.cells?.position(of: slot)
        return JSONObject(
            fields.compactMap { field -> (String, JSON)? in
                let value: JSON? =
                    switch field.source {
                    case .type: .string(world.schema.types[type].name)
                    case .zone: world.zone(ofSlot: slot).map { .string($0) }
                    case .x: position.map { .double($0.x) }
                    case .y: position.map { .double($0.y) }
                    case .attribute(let place): world.tables[type].columns[place].value(row)?.json
                    }
                return value.map { (field.name, $0) }
            })
    }
}
