/// A world: entities with attributes, their positions and links, and the events of this tick.
///
/// A value type. Invalid changes fail with a `WorldError` and change nothing. Whatever returns several
/// entities has an order that depends on the world alone: by the bytes of their names, or by spawning.
public struct World: Sendable {
    /// What the world consists of.
    public let schema: WorldSchema
    /// The events of this tick, in order.
    public internal(set) var events: [WorldEvent] = []

    var slots = SlotTable()
    /// By type.
    var tables: [TypeTable]
    var zoneTable: ZoneTable
    /// Nil without a space.
    var cells: CellIndex?
    var networks: [NetworkTable]
    /// Nil when no changes are recorded.
    var journal: WorldJournal?

    /// Makes an empty world.
    public init(schema: WorldSchema) {
        self.schema = schema
        tables = schema.types.map { TypeTable($0) }
        zoneTable = ZoneTable(count: schema.zones.names.count)
        cells = schema.cells
        networks = schema.networks.map { NetworkTable($0) }
    }

    // MARK: Entities

    /// Spawns an entity. Without an id it is named `<type>-<n>`; n counts from 1 for each type and is never reused.
    /// Omitted attributes have their initial value. Fails with `unknownType`, `exists`, `invalidName`,
    /// `limit`, `unknownAttribute`, `wrongKind` or `outOfRange`.
    @discardableResult
    public mutating func spawn(
        _ type: String, id: EntityID? = nil, _ values: [String: AttributeValue] = [:]
    ) throws(WorldError) -> EntityID {
        guard let place = schema.place(ofType: type) else {
            throw WorldError(
                .unknownType,
                "there is no type \(WorldError.short(type)); \(WorldError.list(schema.types.map(\.name)))")
        }
        let row = try Self.row(schema.types[place], values)
        if let id {
            try insert(id, place, row)
            return id
        }
        let (made, number) = try nextID(place)
        try insert(made, place, row, nextNumber: number + 1)
        return made
    }

    /// The values of a new entity in the order of its attributes, checked.
    private static func row(
        _ type: EntityType, _ values: [String: AttributeValue]
    ) throws(WorldError) -> [AttributeValue?] {
        var row: [AttributeValue?] = []
        row.reserveCapacity(type.attributes.count)
        var used = 0
        for attribute in type.attributes {
            if let value = values.isEmpty ? nil : values[attribute.name] {
                try attribute.check(value)
                row.append(value.normalised)
                used += 1
            } else {
                row.append(attribute.initial?.normalised)
            }
        }
        if used < values.count {
            let unknown = values.keys.filter { name in !type.attributes.contains { $0.name == name } }
            // Reports the first by bytes: the error must not depend on a dictionary's order.
            throw WorldError.unknownAttribute(unknown.min { $0.precedesInBytes($1) } ?? "", type)
        }
        return row
    }

    /// The next free name of a type, and its number.
    private func nextID(_ place: Int) throws(WorldError) -> (EntityID, Int64) {
        let table = tables[place]
        var number = table.nextNumber
        while number < Int64.max {
            let id = EntityID("\(table.type.name)-\(number)")
            if slots.slot(of: id) == nil { return (id, number) }
            number += 1
        }
        throw WorldError(.limit, "\(table.type.name) has no numbers left: give ids")
    }

    /// Adds an entity with checked values.
    mutating func insert(
        _ id: EntityID, _ place: Int, _ values: [AttributeValue?], nextNumber: Int64? = nil
    ) throws(WorldError) {
        try WorldError.checkName(id.rawValue, of: "an entity", maxLength: EntityID.maxLength, code: .invalidName)
        guard slots.slot(of: id) == nil else {
            throw WorldError(.exists, "\(WorldError.short(id.rawValue)) exists: choose another id, or none")
        }
        guard slots.count < schema.maximumEntities else {
            throw WorldError(.limit, "the world holds \(schema.maximumEntities) entities already: remove some first")
        }
        let type = schema.types[place]
        guard tables[place].count < type.limit else {
            throw WorldError(.limit, "there are \(type.limit) of \(type.name) already: remove one first")
        }
        let slot = slots.add(id, type: place)
        let row = tables[place].append(slot: slot, values)
        slots[slot].row = row
        if let nextNumber { tables[place].nextNumber = nextNumber }
        journal?.add(.spawn(id, type: type.name, values: values, nextNumber: nextNumber))
    }

    /// Removes an entity, also from its zone, the space and the networks. References to it stay; `danglingReferences`
    /// names them. Fails with `unknownEntity`.
    public mutating func remove(_ id: EntityID) throws(WorldError) {
        let slot = try slot(of: id)
        let (place, row) = (Int(slots[slot].type), Int(slots[slot].row))
        if isJournaling {
            let (type, values) = (schema.types[place].name, tables[place].values(row: row))
            journal?.add(.remove(id, type: type, values: values))
        }
        zoneTable.set(slot, nil)
        cells?.take(slot)
        for network in networks.indices { networks[network].removeAll(of: slot) }
        if tables[place].remove(row: row) {
            let moved = tables[place].slots
            for (row, slot) in moved.enumerated() {
                slots[Int(slot)].row = Int32(truncatingIfNeeded: row)
            }
        }
        slots.remove(slot)
    }

    /// The slot of an entity. Fails with `unknownEntity`.
    func slot(of id: EntityID) throws(WorldError) -> Int {
        guard let slot = slots.slot(of: id) else { throw WorldError.unknownEntity(id) }
        return slot
    }

    // MARK: Attributes

    /// The value of an attribute; nil when there is no such entity, its type has no such attribute, or it has no value.
    public func get<V>(_ id: EntityID, _ attribute: Attribute<V>) -> V? { value(id, attribute.name).flatMap { V($0) } }

    /// The value of an attribute; nil when there is no such entity, its type has no such attribute, or it has no value.
    public func value(_ id: EntityID, _ name: String) -> AttributeValue? {
        guard let slot = slots.slot(of: id) else { return nil }
        return value(slot, name)
    }

    func value(_ slot: Int, _ name: String) -> AttributeValue? {
        let type = Int(slots[slot].type)
        guard let place = tables[type].place(of: name) else { return nil }
        return tables[type].columns[place].value(Int(slots[slot].row))
    }

    /// Changes an attribute. Fails with `unknownEntity`, `unknownAttribute`, `wrongKind` or `outOfRange`.
    public mutating func set<V>(_ id: EntityID, _ attribute: Attribute<V>, _ value: V) throws(WorldError) {
        try change(id, attribute.name, value.attributeValue)
    }

    /// Changes an attribute. Fails with `unknownEntity`, `unknownAttribute`, `wrongKind` or `outOfRange`.
    public mutating func set(_ id: EntityID, _ name: String, _ value: AttributeValue) throws(WorldError) {
        try change(id, name, value)
    }

    /// Takes the value of an attribute away. Fails with `unknownEntity` or `unknownAttribute`.
    public mutating func clear(_ id: EntityID, _ name: String) throws(WorldError) { try change(id, name, nil) }

    private mutating func change(_ id: EntityID, _ name: String, _ value: AttributeValue?) throws(WorldError) {
        let slot = try slot(of: id)
        let (type, row) = (Int(slots[slot].type), Int(slots[slot].row))
        guard let place = tables[type].place(of: name) else {
            throw WorldError.unknownAttribute(name, schema.types[type])
        }
        if let value { try tables[type].type.attributes[place].check(value) }
        let new = value?.normalised
        if isJournaling {
            let old = tables[type].columns[place].value(row)
            journal?.add(.set(id, name, old: old, new: new))
        }
        tables[type].columns[place].set(row, new)
    }

    /// Adds to a number. Fails as `set` does, with `outOfRange` when the sum is no number of the kind, and with
    /// `unknownAttribute` when there is no value to add to.
    public mutating func add<V: AttributeScalar & AdditiveArithmetic>(
        _ id: EntityID, _ attribute: Attribute<V>, _ amount: V
    ) throws(WorldError) {
        let slot = try slot(of: id)
        let type = schema.types[Int(slots[slot].type)]
        guard type.attributes.contains(where: { $0.name == attribute.name }) else {
            throw WorldError.unknownAttribute(attribute.name, type)
        }
        guard let old = value(slot, attribute.name) else {
            throw WorldError(
                .unknownAttribute, "\(attribute.name) of \(WorldError.short(id.rawValue)) has no value: set it first")
        }
        switch (old, amount.attributeValue) {
        case (.integer(let old), .integer(let more)):
            let (sum, isTooMuch) = old.addingReportingOverflow(more)
            guard !isTooMuch else {
                throw WorldError(.outOfRange, "\(attribute.name) cannot be \(old) + \(more): it has 64 bits")
            }
            try change(id, attribute.name, .integer(sum))
        case (.real(let old), .real(let more)): try change(id, attribute.name, .real(old + more))
        default:
            throw WorldError(
                .wrongKind, "\(attribute.name) is of kind \(old.kind.rawValue), not \(V.kind.rawValue)")
        }
    }
}
