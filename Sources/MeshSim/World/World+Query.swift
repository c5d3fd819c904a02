extension World {
    /// The number of entities.
    public var count: Int { slots.count }

    /// The number of entities of a type; 0 for an unknown type.
    public func count(of type: String) -> Int { schema.place(ofType: type).map { tables[$0].count } ?? 0 }

    /// Reports whether an entity exists.
    public func contains(_ id: EntityID) -> Bool { slots.slot(of: id) != nil }

    /// Returns the type of an entity; nil when it does not exist.
    public func type(of id: EntityID) -> String? {
        slots.slot(of: id).map { schema.types[Int(slots[$0].type)].name }
    }

    /// Returns all entities, sorted by bytes. O(n log n).
    public func entities() -> [EntityID] { slots.sortedIDs(slots.used) }

    /// Returns the entities of a type, in the order of spawning.
    public func entities(of type: String) -> [EntityID] {
        guard let place = schema.place(ofType: type) else { return [] }
        return tables[place].living.map { slots[Int($0)].id }
    }

    /// Returns the entities of a type that have a value, in the order of spawning. Scans the matches if the attribute
    /// is indexed, otherwise for all entities of the type.
    public func entities<V>(of type: String, where attribute: Attribute<V>, is value: V) -> [EntityID] {
        guard let place = schema.place(ofType: type), let column = tables[place].place(of: attribute.name) else {
            return []
        }
        let rows = tables[place].columns[column].rows(value.attributeValue.normalised)
        return rows.map { slots[Int(tables[place].slots[Int($0)])].id }
    }

    /// Returns the entities of a type that satisfy a predicate, in the order of spawning. Scans all of the type.
    public func entities(of type: String, where predicate: (EntityView) -> Bool) -> [EntityID] {
        var found: [EntityID] = []
        forEach(of: type) { if predicate($0) { found.append($0.id) } }
        return found
    }

    /// Visits the entities of a type, in the order of spawning.
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

    /// Returns a view of an entity; nil when it does not exist.
    public func view(_ id: EntityID) -> EntityView? { slots.slot(of: id).map { EntityView(world: self, slot: $0) } }

    /// Returns the references to missing entities: by type, in the order of spawning, by attribute. Scans all entities.
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

/// A reference to an entity that does not exist.
public struct DanglingReference: Sendable, Hashable {
    /// The entity that holds it.
    public var from: EntityID
    /// The attribute.
    public var attribute: String
    /// The missing entity.
    public var to: EntityID
}

/// A view of one entity, as of the time of the call.
public struct EntityView: Sendable {
    let world: World
    var slot: Int

    /// Its name.
    public var id: EntityID { world.slots[slot].id }
    /// Its type.
    public var type: String { world.schema.types[Int(world.slots[slot].type)].name }
    /// The zone it is in.
    public var zone: String? { world.zoneTable.zone(of: slot).map { world.schema.zones.names[$0] } }
    /// Its position.
    public var position: Point? { world.cells?.position(of: slot) }

    /// Returns the value of an attribute; nil when the type lacks it or it has no value.
    public func get<V>(_ attribute: Attribute<V>) -> V? { world.value(slot, attribute.name).flatMap { V($0) } }
    /// Returns the value of an attribute; nil when the type lacks it or it has no value.
    public func value(_ name: String) -> AttributeValue? { world.value(slot, name) }
}
