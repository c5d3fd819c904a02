extension World {
    /// Places an entity, wherever it was before. On a grid both numbers are whole; a torus wraps them. Fails with
    /// `unknownEntity`, `noSpace`, `outOfRange`, and, when it is to be alone there, `occupied`.
    public mutating func place(_ id: EntityID, at point: Point, exclusively: Bool = false) throws(WorldError) {
        let slot = try slot(of: id)
        // No copy of the index is held here: to change it would copy all of it then.
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

    /// Takes an entity out of the space; one that is not in it stays so. Fails with `unknownEntity`.
    public mutating func leaveSpace(_ id: EntityID) throws(WorldError) {
        let slot = try slot(of: id)
        guard let old = cells?.position(of: slot) else { return }
        journal?.add(.position(id, old: old, new: nil))
        cells?.take(slot)
    }

    /// Where an entity is; nil when it is not placed or does not live.
    public func position(of id: EntityID) -> Point? { slots.slot(of: id).flatMap { cells?.position(of: $0) } }

    /// The entities at most `radius` away from a point, by bytes: the square of the distance is at most the square of
    /// the radius. On a torus by the shorter way round. Takes time for the cells that the radius touches.
    public func entities(near point: Point, radius: Double) -> [EntityID] {
        slots.sortedIDs(cells?.near(point, radius) ?? [])
    }

    /// The entities in a cell of a grid, by bytes; a torus wraps. Nobody is outside of the grid.
    public func entities(atColumn column: Int, row: Int) -> [EntityID] {
        guard let cells, let cell = cells.cell(column: column, row: row) else { return [] }
        return slots.sortedIDs(cells.slots(in: cell))
    }

    /// The entities nearest to a point, the nearest first, by bytes where they are equally far; at most `count`, and
    /// only of a type when one is given.
    public func nearest(to point: Point, count: Int = 1, of type: String? = nil) -> [EntityID] {
        guard let cells, count > 0, cells.count > 0, point.isFinite else { return [] }
        let kind = type.map { schema.place(ofType: $0) ?? -1 }
        let whole = max(cells.width, cells.height)
        // From a cell on the radius is doubled until enough are found or all the space was looked at.
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
        // The sort by bytes comes first, and places break ties.
        let measured = slots.sorted(found).enumerated().map {
            (slot: $1, place: $0, square: cells.squared(from: Int($1), to: centre))
        }
        return measured.sorted { ($0.square, $0.place) < ($1.square, $1.place) }.map { slots[Int($0.slot)].id }
    }

    /// The way from one point to another: on a torus the shorter one round. Nil without a space, and for points that
    /// are not in it.
    public func offset(from: Point, to: Point) -> Point? {
        guard let cells, let from = try? cells.wrapped(from), let to = try? cells.wrapped(to) else { return nil }
        return cells.offset(from: from, to: to)
    }

    /// How far one point is from another; see `offset`.
    public func distance(from: Point, to: Point) -> Double? {
        offset(from: from, to: to).map { ($0.x * $0.x + $0.y * $0.y).squareRoot() }
    }
}

extension CellIndex {
    /// As `normalised`, but also between the cells of a grid.
    func wrapped(_ point: Point) throws(WorldError) -> Point { try normalised(point, isWhole: false) }
}
