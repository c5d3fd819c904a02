extension World {
    /// Moves an entity to a zone connected to its own; no effect for its own zone. Fails with `unknownEntity`,
    /// `unknownZone`, `notConnected` (also when it is in no zone), or `full`.
    public mutating func move(_ id: EntityID, to zone: String) throws(WorldError) {
        let slot = try slot(of: id)
        let target = try place(ofZone: zone)
        guard let here = zoneTable.zone(of: slot) else {
            throw WorldError(.notConnected, "\(WorldError.short(id.rawValue)) is in no zone: put it into one first")
        }
        if here == target { return }
        guard schema.zones.connections[here].contains(target) else {
            let (name, near) = (schema.zones.names[here], schema.zones.connections[here].map { schema.zones.names[$0] })
            throw WorldError(
                .notConnected, "\(name) is not connected with \(zone); its connections: \(WorldError.list(near))")
        }
        try enter(id, slot, target)
    }

    /// Puts an entity into a zone, regardless of where it is. Fails with `unknownEntity`, `unknownZone`, or `full`.
    public mutating func put(_ id: EntityID, in zone: String) throws(WorldError) {
        let slot = try slot(of: id)
        let target = try place(ofZone: zone)
        if zoneTable.zone(of: slot) != target { try enter(id, slot, target) }
    }

    /// Removes an entity from its zone; no effect when it is in none. Fails with `unknownEntity`.
    public mutating func leaveZone(_ id: EntityID) throws(WorldError) {
        let slot = try slot(of: id)
        guard let old = zone(ofSlot: slot) else { return }
        journal?.add(.zone(id, old: old, new: nil))
        zoneTable.set(slot, nil)
    }

    private func place(ofZone zone: String) throws(WorldError) -> Int {
        guard let place = schema.zones.place(of: zone) else { throw WorldError.unknownZone(zone, schema.zones) }
        return place
    }

    private mutating func enter(_ id: EntityID, _ slot: Int, _ zone: Int) throws(WorldError) {
        let name = schema.zones.names[zone]
        if let capacity = schema.zones.capacities[zone], zoneTable.occupants[zone].count >= capacity {
            throw WorldError(.full, "\(name) is full: \(capacity) fit in; wait until one leaves")
        }
        let old = self.zone(ofSlot: slot)
        journal?.add(.zone(id, old: old, new: name))
        zoneTable.set(slot, zone)
    }

    func zone(ofSlot slot: Int) -> String? { zoneTable.zone(of: slot).map { schema.zones.names[$0] } }

    /// Returns the zone of an entity; nil when it is in none or does not exist.
    public func zone(of id: EntityID) -> String? { slots.slot(of: id).flatMap { zone(ofSlot: $0) } }

    /// Returns the entities in a zone, sorted by bytes; empty for an unknown zone.
    public func occupants(of zone: String) -> [EntityID] {
        schema.zones.place(of: zone).map { slots.sortedIDs(zoneTable.occupants[$0]) } ?? []
    }

    /// The number of entities in a zone; 0 for an unknown zone.
    public func occupantCount(of zone: String) -> Int {
        schema.zones.place(of: zone).map { zoneTable.occupants[$0].count } ?? 0
    }
}
