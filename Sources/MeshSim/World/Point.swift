/// A point in a space: finite numbers. On a grid, the column and the row.
public struct Point: Sendable, Hashable, Codable {
    /// The horizontal coordinate, increasing to the right.
    public var x: Double
    /// The vertical coordinate; the scenario decides whether up or down.
    public var y: Double

    /// Makes a point.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    /// Whether both numbers are finite.
    public var isFinite: Bool { x.isFinite && y.isFinite }
}

/// A cell of a grid.
public struct GridCell: Sendable, Hashable, Codable {
    /// From 0.
    public var column: Int
    /// From 0.
    public var row: Int

    /// Makes a cell.
    public init(column: Int, row: Int) {
        self.column = column
        self.row = row
    }

    /// The position of an entity in the cell.
    public var point: Point { Point(x: Double(column), y: Double(row)) }
}

/// Which cells of a grid are neighbours.
public enum Neighbourhood: String, Sendable, Hashable, Codable, CaseIterable {
    /// Within a radius along each axis (Chebyshev): 8 cells at radius 1.
    case moore
    /// Within a radius in steps along the axes (Manhattan): 4 cells at radius 1.
    case vonNeumann
}
