/// Who is where in the tables: each entity has a slot while it lives. Slots are given again; nobody outside sees them.
struct SlotTable: Sendable {
    private var slots: [EntityID: Int32] = [:]
    private var free: [Int32] = []
    private var prefixes: [BytePrefix] = []
    /// By slot.
    private(set) var ids: [EntityID] = []
    /// By slot: the type's place, or -1.
    private(set) var types: [Int32] = []
    /// By slot: the row in the type's table.
    var rows: [Int32] = []

    var count: Int { slots.count }

    /// The slot of an entity.
    func slot(of id: EntityID) -> Int? { slots[id].map { Int($0) } }

    /// All slots in use, in no order that matters.
    var used: [Int32] { types.indices.filter { types[$0] >= 0 }.map { Int32(truncatingIfNeeded: $0) } }

    /// Gives a slot to an entity that has none.
    mutating func add(_ id: EntityID, type: Int) -> Int {
        let slot: Int32
        let kind = Int32(truncatingIfNeeded: type)
        if let old = free.popLast() {
            slot = old
            ids[Int(old)] = id
            prefixes[Int(old)] = BytePrefix(id.rawValue)
            types[Int(old)] = kind
        } else {
            slot = Int32(truncatingIfNeeded: ids.count)
            ids.append(id)
            prefixes.append(BytePrefix(id.rawValue))
            types.append(kind)
            rows.append(-1)
        }
        slots[id] = slot
        return Int(slot)
    }

    /// Takes a slot back.
    mutating func remove(_ slot: Int) {
        slots[ids[slot]] = nil
        ids[slot] = ""
        types[slot] = -1
        rows[slot] = -1
        free.append(Int32(truncatingIfNeeded: slot))
    }

    /// The order of names by bytes.
    private func precedes(_ left: Int32, _ right: Int32) -> Bool {
        let (one, other) = (prefixes[Int(left)], prefixes[Int(right)])
        return one != other ? one < other : ids[Int(left)] < ids[Int(right)]
    }

    /// Slots in the order of their names' bytes.
    func sorted(_ slots: [Int32]) -> [Int32] {
        slots.count < 2 ? slots : slots.sorted { precedes($0, $1) }
    }

    /// Names of slots, by bytes.
    func sortedIDs(_ slots: [Int32]) -> [EntityID] { sorted(slots).map { ids[Int($0)] } }
}
