/// Maps entities to rows in the tables. Each entity has a slot while it exists. Slots are reused and never exposed.
struct SlotTable: Sendable {
    /// One entity.
    struct Slot: Sendable {
        var id: EntityID
        var prefix: BytePrefix
        /// The index of the type, or -1.
        var type: Int32
        /// The row in the type's table.
        var row: Int32
    }
    private var places: [EntityID: Int32] = [:]
    private var free: [Int32] = []
    /// Few arrays: a world is copied often, and each array costs a reference count.
    private var slots: [Slot] = []

    var count: Int { places.count }
    /// All slots are below it.
    var end: Int { slots.count }

    /// The slot of an entity.
    func slot(of id: EntityID) -> Int? { places[id].map { Int($0) } }

    subscript(_ slot: Int) -> Slot {
        get { slots[slot] }
        _modify { yield &slots[slot] }
    }

    /// All slots in use, in unspecified order.
    var used: [Int32] { slots.indices.filter { slots[$0].type >= 0 }.map { Int32(truncatingIfNeeded: $0) } }

    /// Allocates a slot for an entity that has none.
    mutating func add(_ id: EntityID, type: Int) -> Int {
        let new = Slot(
            id: id, prefix: BytePrefix(id.rawValue), type: Int32(truncatingIfNeeded: type), row: -1)
        let slot = free.popLast() ?? Int32(truncatingIfNeeded: slots.count)
        if Int(slot) < slots.count { slots[Int(slot)] = new } else { slots.append(new) }
        places[id] = slot
        return Int(slot)
    }

    /// Frees a slot.
    mutating func remove(_ slot: Int) {
        places[slots[slot].id] = nil
        slots[slot] = Slot(id: "", prefix: BytePrefix(""), type: -1, row: -1)
        free.append(Int32(truncatingIfNeeded: slot))
    }

    /// The order of names by bytes.
    private func precedes(_ left: Int32, _ right: Int32) -> Bool {
        let (one, other) = (slots[Int(left)].prefix, slots[Int(right)].prefix)
        return one != other ? one < other : slots[Int(left)].id < slots[Int(right)].id
    }

    /// Sorts slots by the bytes of their names.
    func sorted(_ slots: [Int32]) -> [Int32] {
        slots.count < 2 ? slots : slots.sorted { precedes($0, $1) }
    }

    /// Returns the names of slots, sorted by bytes.
    func sortedIDs(_ slots: [Int32]) -> [EntityID] { sorted(slots).map { self.slots[Int($0)].id } }
}
