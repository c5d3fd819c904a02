/// Who is in which zone.
struct ZoneTable: Sendable {
    /// By zone: the slots in it, in no order that matters.
    private(set) var occupants: [[Int32]]
    /// By slot: the zone, or -1.
    private var zones: [Int32] = []
    /// By slot: the place among the occupants.
    private var places: [Int32] = []

    init(count: Int) { occupants = Array(repeating: [], count: count) }

    func zone(of slot: Int) -> Int? { slot < zones.count && zones[slot] >= 0 ? Int(zones[slot]) : nil }

    /// Moves a slot into a zone, or out of all.
    mutating func set(_ slot: Int, _ zone: Int?) {
        while zones.count <= slot {
            zones.append(-1)
            places.append(-1)
        }
        if let old = self.zone(of: slot), let last = occupants[old].popLast() {
            let place = places[slot]
            if Int(last) != slot {
                occupants[old][Int(place)] = last
                places[Int(last)] = place
            }
        }
        zones[slot] = zone.map { Int32(truncatingIfNeeded: $0) } ?? -1
        if let zone {
            places[slot] = Int32(truncatingIfNeeded: occupants[zone].count)
            occupants[zone].append(Int32(truncatingIfNeeded: slot))
        }
    }
}
