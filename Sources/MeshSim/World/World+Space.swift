extension World {
    /// Places an entity, or moves it. On a grid both numbers are whole; a torus wraps them. Fails with
    /// `unknownEntity`, `noSpace`, `outOfRange`, and, when it must be alone there, `occupied`.
    public mutating func place(_ id: EntityID, at point: Point, exclusively: Bool = false) throws(WorldError) {
        let slot = try slot(of: id)
        // Holds no copy of the index: a change would copy all of it.
        guard let point = try cells?.normalised(point) else {
            throw WorldError(.noSpace, "this world has no space: declare a grid or a continuous one in its schema")
        }
        let old = cells?.position(of: slot)
        if exclusively, let there = cells?.near(point, 0), there.contains(where: { Int($0) != slot }) {
            throw WorldError(.occupied, "(\(point.x), \(point.y)) is occupied: choose another place")
        }
        if isJournaling, old != point { journal?.add(.position(id, old: old, new: point)) }
        cells?.put(slot, at: point)
    }

    /// Removes an entity from the space; no effect when it is not placed. Fails with `unknownEntity`.
    public mutating func leaveSpace(_ id: EntityID) throws(WorldError) {
        let slot = try slot(of: id)
        guard let old = cells?.position(of: slot) else { return }
        journal?.add(.position(id, old: old, new: nil))
        cells?.take(slot)
    }

    /// Returns the position of an entity; nil when it is not placed or does not exist.
    public func position(of id: EntityID) -> Point? { slots.slot(of: id).flatMap { cells?.position(of: $0) } }

    /// Returns the entities within `radius` of a point, sorted by bytes: the squared distance is at most the square of
    /// the radius. On a torus, the shorter distance counts. Takes time for the cells that the radius touches.
    public func entities(near point: Point, radius: Double) -> [EntityID] {
        slots.sortedIDs(cells?.near(point, radius) ?? [])
    }

    /// Returns the entities in a cell of a grid, sorted by bytes; a torus wraps. Empty outside the grid.
    public func entities(atColumn column: Int, row: Int) -> [EntityID] {
        guard let cells, let cell = cells.cell(column: column, row: row) else { return [] }
        return slots.sortedIDs(cells.slots(in: cell))
    }

    /// Returns the entities nearest to a point, nearest first, ties by bytes; at most `count`, and
    /// of one type if given.
    public func nearest(to point: Point, count: Int = 1, of type: String? = nil) -> [EntityID] {
        guard let cells, count > 0, cells.count > 0, point.isFinite else { return [] }
        let kind = type.map { schema.place(ofType: $0) ?? -1 }
        let whole = max(cells.width, cells.height)
        // Doubles the radius, from one cell, until enough are found or the whole space was searched.
        var radius = whole / Double(max(cells.columns, cells.rows))
        while true {
            let isAll = radius >= 2 * whole + abs(point.x) + abs(point.y)
            let found = cells.near(point, isAll ? .infinity : radius).filter {
                kind == nil || kind == Int(slots[Int($0)].type)
            }
            if found.count >= count || isAll { return Array(byDistance(found, from: point, cells).prefix(count)) }
            radius *= 2
        }
    }

    private func byDistance(_ found: [Int32], from point: Point, _ cells: CellIndex) -> [EntityID] {
        let centre = cells.isTorus ? (try? cells.wrapped(point)) ?? point : point
        // Sorts by bytes first; the position in that order breaks ties.
        let measured = slots.sorted(found).enumerated().map {
            (slot: $1, place: $0, square: cells.squared(from: Int($1), to: centre))
        }
        return measured.sorted { ($0.square, $0.place) < ($1.square, $1.place) }.map { slots[Int($0.slot)].id }
    }

    /// Returns the offset from one point to another; on a torus the shorter one. Nil without a space, or if they
    /// are outside it.
    public func offset(from: Point, to: Point) -> Point? {
        guard let cells, let from = try? cells.wrapped(from), let to = try? cells.wrapped(to) else { return nil }
        return cells.offset(from: from, to: to)
    }

    /// Returns the distance between two points; see `offset`.
    public func distance(from: Point, to: Point) -> Double? {
        offset(from: from, to: to).map { ($0.x * $0.x + $0.y * $0.y).squareRoot() }
    }
}

extension CellIndex {
    /// Like `normalised`, but also accepts points between the cells of a grid.
    func wrapped(_ point: Point) throws(WorldError) -> Point { try normalised(point, isWhole: false) }
}
