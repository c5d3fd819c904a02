import MeshCore

/// A whole world, to save and restore. Equal worlds give equal snapshots, whatever their history.
public struct WorldSnapshot: Codable, Sendable, Hashable {
    var types: [Table]
    var zones: [Occupants]
    var positions: Positions?
    var networks: [Links]
    var events: [WorldEvent]

    /// Returns the entities of a type, in the order of spawning.
    struct Table: Codable, Sendable, Hashable {
        var name: String
        var nextNumber: Int64
        var ids: [EntityID]
        var columns: [Values]
    }

    /// The entities in a zone, by bytes.
    struct Occupants: Codable, Sendable, Hashable {
        var zone: String
        var ids: [EntityID]
    }

    /// The positions of entities, by bytes.
    struct Positions: Codable, Sendable, Hashable {
        var ids: [EntityID]
        var x: [Double]
        var y: [Double]
    }

    /// The links of a network, by bytes.
    struct Links: Codable, Sendable, Hashable {
        var name: String
        var from: [EntityID]
        var to: [EntityID]
        var weights: [Double]
    }

    /// The values of an attribute, in the order of the ids. The kind is stored once, so that each value is plain JSON.
    struct Values: Codable, Sendable, Hashable {
        var name: String
        var values: [AttributeValue?]
        let kind: AttributeKind

        init(name: String, kind: AttributeKind, values: [AttributeValue?]) {
            (self.name, self.kind, self.values) = (name, kind, values)
        }

        private enum Key: String, CodingKey { case name, kind, values }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            name = try container.decode(String.self, forKey: .name)
            kind = try container.decode(AttributeKind.self, forKey: .kind)
            // Decoded at once: one value at a time takes ten times as long.
            let list = try container.decode(JSON.self, forKey: .values)
            values = []
            for json in list.arrayValue ?? [] {
                let value = AttributeValue(json, kind: kind)
                guard value != nil || json.isNull else {
                    throw DecodingError.dataCorruptedError(
                        forKey: .values, in: container, debugDescription: "a value of \(name) is not \(kind.rawValue)")
                }
                values.append(value)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(name, forKey: .name)
            try container.encode(kind, forKey: .kind)
            try container.encode(JSON.array(values.map { $0?.json ?? .null }), forKey: .values)
        }
    }
}

extension World {
    /// Returns a snapshot of the world.
    public func snapshot() -> WorldSnapshot {
        let tables = self.tables.map { table in
            let rows = table.slots.indices.filter { table.slots[$0] >= 0 }
            return WorldSnapshot.Table(
                name: table.type.name, nextNumber: table.nextNumber, ids: table.living.map { slots[Int($0)].id },
                columns: zip(table.type.attributes, table.columns).map { attribute, column in
                    WorldSnapshot.Values(
                        name: attribute.name, kind: attribute.kind, values: rows.map { column.value($0) })
                })
        }
        let zones = schema.zones.names.indices.filter { !zoneTable.occupants[$0].isEmpty }.map {
            WorldSnapshot.Occupants(
                zone: schema.zones.names[$0], ids: slots.sortedIDs(zoneTable.occupants[$0]))
        }
        return WorldSnapshot(
            types: tables, zones: zones, positions: positions(), networks: schema.networks.indices.map(links),
            events: events)
    }

    private func positions() -> WorldSnapshot.Positions? {
        guard let cells else { return nil }
        var positions = WorldSnapshot.Positions(ids: [], x: [], y: [])
        for slot in slots.sorted(slots.used) {
            guard let point = cells.position(of: Int(slot)) else { continue }
            positions.ids.append(slots[Int(slot)].id)
            positions.x.append(point.x)
            positions.y.append(point.y)
        }
        return positions
    }

    private func links(_ place: Int) -> WorldSnapshot.Links {
        let network = networks[place]
        var links = WorldSnapshot.Links(name: network.shape.name, from: [], to: [], weights: [])
        guard network.count > 0 else { return links }
        let ordered = slots.sorted(slots.used)
        var ranks = Array(repeating: 0, count: slots.end)
        for (rank, slot) in ordered.enumerated() { ranks[Int(slot)] = rank }
        for (rank, slot) in ordered.enumerated() {
            let ends = network.neighbours(of: Int(slot)).filter { network.shape.isDirected || ranks[Int($0)] > rank }
            for other in ends.sorted(by: { ranks[Int($0)] < ranks[Int($1)] }) {
                links.from.append(slots[Int(slot)].id)
                links.to.append(slots[Int(other)].id)
                links.weights.append(network.weight(Int(slot), Int(other)) ?? 0)
            }
        }
        return links
    }

    /// Restores the world of a snapshot. Everything is validated against the schema. Fails with
    /// `invalidSnapshot`, which describes the problem.
    public init(schema: WorldSchema, snapshot: WorldSnapshot) throws(WorldError) {
        self.init(schema: schema)
        do throws(WorldError) {
            try restore(snapshot)
        } catch {
            throw WorldError(.invalidSnapshot, "the snapshot does not fit the schema: \(error)")
        }
    }

    private mutating func restore(_ snapshot: WorldSnapshot) throws(WorldError) {
        guard snapshot.types.map(\.name) == schema.types.map(\.name) else {
            throw WorldError(
                .unknownType, "its types are not those of the schema: \(WorldError.list(schema.types.map(\.name)))")
        }
        for (place, table) in snapshot.types.enumerated() { try restore(table, place) }
        for zone in snapshot.zones {
            for id in zone.ids {
                guard self.zone(of: id) == nil else { throw Self.twice(id, "in a zone") }
                try put(id, in: zone.zone)
            }
        }
        if let positions = snapshot.positions { try restore(positions) }
        for network in snapshot.networks { try restore(network) }
        for event in snapshot.events { try emit(event) }
    }

    private mutating func restore(_ table: WorldSnapshot.Table, _ place: Int) throws(WorldError) {
        let attributes = schema.types[place].attributes
        guard table.columns.map(\.name) == attributes.map(\.name) else {
            throw WorldError(.unknownAttribute, "the attributes of \(table.name) are not those of the schema")
        }
        for (column, attribute) in zip(table.columns, attributes) {
            guard column.values.count == table.ids.count else { throw Self.unequal("\(table.name).\(column.name)") }
            for value in column.values { if let value { try attribute.check(value) } }
        }
        for (row, id) in table.ids.enumerated() {
            try insert(id, place, table.columns.map { $0.values[row]?.normalised })
        }
        guard table.nextNumber >= 1 else {
            throw WorldError(.outOfRange, "the next number of \(table.name) is below 1")
        }
        tables[place].nextNumber = table.nextNumber
    }

    private mutating func restore(_ positions: WorldSnapshot.Positions) throws(WorldError) {
        guard positions.x.count == positions.ids.count, positions.y.count == positions.ids.count else {
            throw Self.unequal("the positions")
        }
        for (place, id) in positions.ids.enumerated() {
            guard position(of: id) == nil else { throw Self.twice(id, "placed") }
            let point = Point(x: positions.x[place], y: positions.y[place])
            try self.place(id, at: point)
            guard position(of: id) == point else {
                throw WorldError(.outOfRange, "the position of \(WorldError.short(id.rawValue)) is outside")
            }
        }
    }

    private mutating func restore(_ links: WorldSnapshot.Links) throws(WorldError) {
        guard links.from.count == links.to.count, links.from.count == links.weights.count else {
            throw Self.unequal("the links of \(links.name)")
        }
        for (place, from) in links.from.enumerated() {
            guard weight(from, links.to[place], in: links.name) == nil else { throw Self.twice(from, "linked") }
            try link(from, links.to[place], in: links.name, weight: links.weights[place])
        }
    }

    private static func twice(_ id: EntityID, _ how: String) -> WorldError {
        WorldError(.exists, "\(WorldError.short(id.rawValue)) is \(how) twice")
    }

    private static func unequal(_ what: String) -> WorldError {
        WorldError(.outOfRange, "\(what): the lists are not of the same length")
    }
}
