extension World {
    /// How many entities live.
    public var count: Int { slots.count }

    /// How many entities of a type live; 0 when there is no such type.
    public func count(of type: String) -> Int { schema.place(ofType: type).map { tables[$0].count } ?? 0 }

    /// Whether an entity lives.
    public func contains(_ id: EntityID) -> Bool { slots.slot(of: id) != nil }

    /// The type of an entity; nil when it does not live.
    public func type(of id: EntityID) -> String? {
        slots.slot(of: id).map { schema.types[Int(slots[$0].type)].name }
    }

    /// All entities, by bytes. Takes time for all.
    public func entities() -> [EntityID] { slots.sortedIDs(slots.used) }

    /// The entities of a type, in the order of spawning.
    public func entities(of type: String) -> [EntityID] {
        guard let place = schema.place(ofType: type) else { return [] }
        return tables[place].living.map { slots[Int($0)].id }
    }

    /// The entities of a type that have a value, in the order of spawning. Takes time for those found when the attribute
    /// is indexed, and for all of the type when it is not.
    public func entities<V>(of type: String, where attribute: Attribute<V>, is value: V) -> [EntityID] {
        guard let place = schema.place(ofType: type), let column = tables[place].place(of: attribute.name) else {
            return []
        }
        let rows = tables[place].columns[column].rows(value.attributeValue.normalised)
        return rows.map { slots[Int(tables[place].slots[Int($0)])].id }
    }

    /// The entities of a type that a predicate accepts, in the order of spawning. Takes time for all of the type.
    public func entities(of type: String, where predicate: (EntityView) -> Bool) -> [EntityID] {
        var found: [EntityID] = []
        forEach(of: type) { if predicate($0) { found.append($0.id) } }
        return found
    }

    /// Looks at the entities of a type, in the order of spawning.
    public func forEach<Failure>(
        of type: String, _ body: (EntityView) throws(Failure) -> Void
    ) throws(Failure) {
        guard let place = schema.place(ofType: type) else { return }
        var view = EntityView(world: self, slot: 0)
        for slot in tables[place].slots where slot >= 0 {
            view.slot = Int(slot)
            try body(view)
        }
    }

    /// An entity to look at; nil when it does not live.
    public func view(_ id: EntityID) -> EntityView? { slots.slot(of: id).map { EntityView(world: self, slot: $0) } }

    /// References to entities that do not live: by type, in the order of spawning, by attribute. Takes time for all.
    public var danglingReferences: [DanglingReference] {
        var found: [DanglingReference] = []
        for table in tables {
            let columns = table.columns.indices.filter { table.columns[$0].kind == .reference }
            guard !columns.isEmpty else { continue }
            for (row, slot) in table.slots.enumerated() where slot >= 0 {
                for column in columns {
                    guard case .reference(let target)? = table.columns[column].value(row), !contains(target) else {
                        continue
                    }
                    let name = table.type.attributes[column].name
                    found.append(DanglingReference(from: slots[Int(slot)].id, attribute: name, to: target))
                }
            }
        }
        return found
    }
}

/// A reference to an entity that does not live.
public struct DanglingReference: Sendable, Hashable {
    /// Who has it.
    public var from: EntityID
    /// In which attribute.
    public var attribute: String
    /// To whom.
    public var to: EntityID
}

/// One entity of a world, as of the moment it was asked for.
public struct EntityView: Sendable {
    let world: World
    var slot: Int

    /// Its name.
    public var id: EntityID { world.slots[slot].id }
    /// Its type.
    public var type: String { world.schema.types[Int(world.slots[slot].type)].name }
    /// The zone it is in.
    public var zone: String? { world.zoneTable.zone(of: slot).map { world.schema.zones.names[$0] } }
    /// Where it is.
    public var position: Point? { world.cells?.position(of: slot) }

    /// The value of an attribute; nil when its type has none such, or it has no value.
    public func get<V>(_ attribute: Attribute<V>) -> V? { world.value(slot, attribute.name).flatMap { V($0) } }
    /// The value of an attribute; nil when its type has none such, or it has no value.
    public func value(_ name: String) -> AttributeValue? { world.value(slot, name) }
}
