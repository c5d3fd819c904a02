extension World {
    /// Returns the neighbours of a cell, row by row; the cell itself only on request. Each once, even on a torus
    /// that is smaller than the radius. Empty when there is no grid or the cell is outside.
    public func cells(
        near cell: GridCell, radius: Int = 1, _ neighbourhood: Neighbourhood = .moore, includingItself: Bool = false
    ) -> [GridCell] {
        guard let cells, let centre = cells.cell(column: cell.column, row: cell.row), radius >= 0 else { return [] }
        let across = Self.steps(from: centre.column, radius, cells.columns, cells.isTorus)
        var found: [GridCell] = []
        for down in Self.steps(from: centre.row, radius, cells.rows, cells.isTorus) {
            for side in across {
                if neighbourhood == .vonNeumann, abs(side) + abs(down) > radius { continue }
                if side == 0, down == 0, !includingItself { continue }
                if let near = cells.cell(column: centre.column + side, row: centre.row + down) { found.append(near) }
            }
        }
        return found
    }

    /// The offsets along one axis, each leading to a different cell, by the shortest path.
    private static func steps(from place: Int, _ radius: Int, _ count: Int, _ isTorus: Bool) -> ClosedRange<Int> {
        isTorus
            ? -min(radius, (count - 1) / 2)...min(radius, count / 2)
            : -min(radius, place)...min(radius, count - 1 - place)
    }

    /// Returns the other entities in an entity's cell and its neighbours on a grid, sorted by bytes.
    public func neighbours(
        of id: EntityID, radius: Int = 1, _ neighbourhood: Neighbourhood = .moore
    ) -> [EntityID] {
        guard let cells, cells.isGrid, let slot = slots.slot(of: id), let point = cells.position(of: slot) else {
            return []
        }
        let home = GridCell(column: Int(point.x), row: Int(point.y))
        let near = self.cells(near: home, radius: radius, neighbourhood, includingItself: true)
        return slots.sortedIDs(near.flatMap { cells.slots(in: $0) }.filter { Int($0) != slot })
    }

    /// Returns a random empty cell of a grid, uniformly; nil when there is none or no grid. The number of draws from
    /// the stream depends on how full the grid is.
    public func randomEmptyCell(_ random: inout RandomStream) -> GridCell? {
        guard let cells, cells.isGrid else { return nil }
        let number = cells.columns * cells.rows
        func cell(_ place: Int) -> GridCell { GridCell(column: place % cells.columns, row: place / cells.columns) }
        for _ in 0..<32 {
            let place = random.below(number)
            if cells.isEmpty(place) { return cell(place) }
        }
        // Nearly full: a scan is faster than more random tries.
        let empty = (0..<number).filter { cells.isEmpty($0) }
        return empty.isEmpty ? nil : cell(empty[random.below(empty.count)])
    }
}
