/// Which entities are in which zone.
struct ZoneTable: Sendable {
    /// By zone: the slots in it, in unspecified order.
    private(set) var occupants: [[Int32]]
    /// By slot: the zone, or -1, and the index among the occupants.
    private var slots: [(zone: Int32, place: Int32)] = []

    init(count: Int) { occupants = Array(repeating: [], count: count) }

    func zone(of slot: Int) -> Int? { slot < slots.count && slots[slot].zone >= 0 ? Int(slots[slot].zone) : nil }

    /// Moves a slot into a zone, or out of its zone.
    mutating func set(_ slot: Int, _ zone: Int?) {
        while slots.count <= slot { slots.append((-1, -1)) }
        if let old = self.zone(of: slot), let last = occupants[old].popLast() {
            let place = slots[slot].place
            if Int(last) != slot {
                occupants[old][Int(place)] = last
                slots[Int(last)].place = place
            }
        }
        slots[slot].zone = zone.map { Int32(truncatingIfNeeded: $0) } ?? -1
        if let zone {
            slots[slot].place = Int32(truncatingIfNeeded: occupants[zone].count)
            occupants[zone].append(Int32(truncatingIfNeeded: slot))
        }
    }
}
