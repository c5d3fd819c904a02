/// The entities of one type, in the order of spawning: a row each, a column for each attribute.
struct TypeTable: Sendable {
    let type: EntityType
    /// The number in the next generated name.
    var nextNumber: Int64 = 1
    /// By row: the slot, or -1 where an entity was removed.
    private(set) var slots: [Int32] = []
    /// The number of entities.
    private(set) var count = 0
    var columns: [Column]

    init(_ type: EntityType) {
        self.type = type
        columns = type.attributes.map { Column(kind: $0.kind, isIndexed: $0.isIndexed) }
    }

    /// The index of an attribute. Types have few; comparing short names is faster than hashing them.
    func place(of name: String) -> Int? {
        for place in type.attributes.indices where type.attributes[place].name == name { return place }
        return nil
    }

    /// The slots in use, in order.
    var living: [Int32] { count == slots.count ? slots : slots.filter { $0 >= 0 } }

    /// Adds a row of values, one for each attribute; returns the row's index.
    mutating func append(slot: Int, _ values: [AttributeValue?]) -> Int32 {
        let row = Int32(truncatingIfNeeded: slots.count)
        slots.append(Int32(truncatingIfNeeded: slot))
        for place in columns.indices { columns[place].append(values[place]) }
        count += 1
        return row
    }

    /// Empties a row. Compacts the table when most rows are empty; returns true when rows have moved.
    mutating func remove(row: Int) -> Bool {
        slots[row] = -1
        count -= 1
        for place in columns.indices { columns[place].set(row, nil) }
        guard slots.count > 64, count < slots.count / 2 else { return false }
        let kept = slots.indices.filter { slots[$0] >= 0 }
        slots = kept.map { slots[$0] }
        for place in columns.indices { columns[place].keep(kept) }
        return true
    }

    func values(row: Int) -> [AttributeValue?] { columns.map { $0.value(row) } }
}

/// The values of one attribute, by row. Only the array of its kind is in use.
struct Column: Sendable {
    let kind: AttributeKind
    private var isSet: [Bool] = []
    private var integers: [Int64] = []
    private var reals: [Double] = []
    private var flags: [Bool] = []
    private var texts: [String] = []
    private var references: [EntityID] = []
    private var index: ValueIndex?

    init(kind: AttributeKind, isIndexed: Bool) {
        self.kind = kind
        index = isIndexed ? ValueIndex() : nil
    }

    var isIndexed: Bool { index != nil }

    func value(_ row: Int) -> AttributeValue? {
        guard isSet[row] else { return nil }
        switch kind {
        case .integer: return .integer(integers[row])
        case .real: return .real(reals[row])
        case .flag: return .flag(flags[row])
        case .text: return .text(texts[row])
        case .reference: return .reference(references[row])
        }
    }

    /// Adds a row.
    mutating func append(_ value: AttributeValue?) {
        isSet.append(false)
        switch kind {
        case .integer: integers.append(0)
        case .real: reals.append(0)
        case .flag: flags.append(false)
        case .text: texts.append("")
        case .reference: references.append("")
        }
        index?.append()
        set(isSet.count - 1, value)
    }

    /// Changes a row; the value must be of the column's kind.
    mutating func set(_ row: Int, _ value: AttributeValue?) {
        if index != nil {
            if let old = self.value(row) { index?.remove(row, old) }
            if let value { index?.insert(row, value) }
        }
        isSet[row] = value != nil
        switch value {
        case .integer(let value): integers[row] = value
        case .real(let value): reals[row] = value
        case .flag(let value): flags[row] = value
        case .text(let value): texts[row] = value
        case .reference(let value): references[row] = value
        case nil:
            // Releases what is no longer needed.
            if kind == .text { texts[row] = "" }
            if kind == .reference { references[row] = "" }
        }
    }

    /// Keeps the given rows, in order.
    mutating func keep(_ rows: [Int]) {
        var kept = Column(kind: kind, isIndexed: isIndexed)
        for row in rows { kept.append(value(row)) }
        self = kept
    }

    /// Returns the rows that have a value, ascending.
    func rows(_ value: AttributeValue) -> [Int32] {
        if let index { return index.rows(value) }
        return isSet.indices.filter { self.value($0) == value }.map { Int32(truncatingIfNeeded: $0) }
    }
}

/// An index from values to rows.
struct ValueIndex: Sendable {
    private var rows: [AttributeValue: [Int32]] = [:]
    /// By row: its position in the list of its value.
    private var places: [Int32] = []

    mutating func append() { places.append(-1) }

    mutating func insert(_ row: Int, _ value: AttributeValue) {
        let place = rows[value]?.count ?? 0
        places[row] = Int32(truncatingIfNeeded: place)
        rows[value, default: []].append(Int32(truncatingIfNeeded: row))
    }

    mutating func remove(_ row: Int, _ value: AttributeValue) {
        let place = Int(places[row])
        guard let last = rows[value]?.popLast() else { return }
        if Int(last) != row {
            rows[value]?[place] = last
            places[Int(last)] = Int32(truncatingIfNeeded: place)
        }
        places[row] = -1
        if rows[value]?.isEmpty == true { rows[value] = nil }
    }

    /// Ascending.
    func rows(_ value: AttributeValue) -> [Int32] { rows[value]?.sorted() ?? [] }
}
