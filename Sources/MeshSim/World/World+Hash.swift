import MeshCore

/// The parts of a world that are hashed separately, so that a difference can be located.
public enum WorldPart: String, Sendable, Hashable, Codable, CaseIterable {
    /// The entities with all attributes, in the order of spawning, and the next names.
    case entities
    /// Zones and positions.
    case places
    /// The links.
    case networks
    /// The events of this tick.
    case events
}

extension World {
    /// Adds a part of the world to a hash. Equal worlds have equal hashes, whatever their history.
    public func hash(into hasher: inout StateHasher, part: WorldPart) {
        var bytes = StateBytes()
        switch part {
        case .entities: for table in tables { add(table, to: &bytes) }
        case .places: addPlaces(to: &bytes)
        case .networks: addNetworks(to: &bytes)
        case .events:
            bytes.add(Int64(events.count))
            for event in events { event.add(to: &bytes) }
        }
        hasher.add(bytes.bytes)
    }

    private func add(_ table: TypeTable, to bytes: inout StateBytes) {
        bytes.add(table.type.name)
        bytes.add(table.nextNumber)
        bytes.add(Int64(table.count))
        for slot in table.slots where slot >= 0 { bytes.add(slots[Int(slot)].id.rawValue) }
        for column in table.columns {
            for (row, slot) in table.slots.enumerated() where slot >= 0 { bytes.add(column.value(row)) }
        }
    }

    private func addPlaces(to bytes: inout StateBytes) {
        for table in tables {
            for slot in table.slots where slot >= 0 {
                bytes.add(zoneTable.zone(of: Int(slot)).map { Int64($0) } ?? -1)
                bytes.add(cells?.position(of: Int(slot)))
            }
        }
    }

    /// Links as entity numbers, counted by type in the order of spawning.
    private func addNetworks(to bytes: inout StateBytes) {
        let living = tables.flatMap(\.living)
        var ranks = Array(repeating: 0, count: slots.end)
        for (rank, slot) in living.enumerated() { ranks[Int(slot)] = rank }
        for network in networks {
            bytes.add(Int64(network.count))
            for (rank, slot) in living.enumerated() where network.count > 0 {
                let ends = network.neighbours(of: Int(slot))
                    .filter { network.shape.isDirected || ranks[Int($0)] > rank }
                for other in ends.sorted(by: { ranks[Int($0)] < ranks[Int($1)] }) {
                    bytes.add(Int64(rank))
                    bytes.add(Int64(ranks[Int(other)]))
                    bytes.add(network.weight(Int(slot), Int(other)) ?? 0)
                }
            }
        }
    }
}

extension WorldEvent {
    fileprivate func add(to bytes: inout StateBytes) {
        bytes.add(name)
        bytes.add(subject.map { .reference($0) })
        bytes.add(zone.map { .text($0) })
        bytes.add(point)
        bytes.add(Int64(to?.count ?? -1))
        for id in to ?? [] { bytes.add(id.rawValue) }
        bytes.add(data.canonicalBytes())
    }
}

/// Collects bytes for a hash, to update it once. Texts are length-prefixed: no two states give the same bytes.
struct StateBytes {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    /// Normalises -0; a state holds no NaN.
    mutating func add(_ value: Double) {
        add(Int64(bitPattern: value == 0 ? 0 : value.bitPattern))
    }
    mutating func add(_ value: [UInt8]) {
        add(Int64(value.count))
        bytes.append(contentsOf: value)
    }
    mutating func add(_ text: String) {
        add(Int64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
    mutating func add(_ point: Point?) {
        bytes.append(point == nil ? 0 : 1)
        if let point {
            add(point.x)
            add(point.y)
        }
    }
    mutating func add(_ value: AttributeValue?) {
        switch value {
        case nil: bytes.append(0)
        case .integer(let value):
            bytes.append(1)
            add(value)
        case .real(let value):
            bytes.append(2)
            add(value)
        case .flag(let value): bytes.append(value ? 4 : 3)
        case .text(let value):
            bytes.append(5)
            add(value)
        case .reference(let value):
            bytes.append(6)
            add(value.rawValue)
        }
    }
}
