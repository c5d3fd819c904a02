/// A fixed set of obstructions with an index, so that a look tests those near its line and not all.
public struct Obstructions: Sendable {
    /// An open field.
    public static let none = Obstructions(checked: [])
    /// The most there may be.
    public static let maximumCount = 100_000
    /// One that covers more cells than this is tested at every look instead of being entered in all of them.
    private static let maximumCellsOfOne = 256

    /// What stands there.
    public let all: [Obstruction]
    /// The least and the greatest coordinates of all.
    private let low: Point
    private let high: Point
    /// Cells along each axis.
    private let side: Int
    private let cellWidth: Double
    private let cellHeight: Double
    /// Row by row, the places in `all` of what covers a cell.
    private let cells: [[Int32]]
    /// The places of those that cover too many cells.
    private let large: [Int32]

    /// Takes obstructions. Fails when there are more than `maximumCount`, or when a coordinate is no finite number.
    public init(_ all: [Obstruction]) throws(SimError) {
        guard all.count <= Self.maximumCount else {
            throw SimError("\(all.count) obstructions are too many: there may be \(Self.maximumCount); merge some")
        }
        for (place, one) in all.enumerated() {
            guard one.isFinite else {
                throw SimError("obstruction \(place) has a coordinate that is no finite number: \(one)")
            }
        }
        self.init(checked: all)
    }

    private init(checked all: [Obstruction]) {
        self.all = all
        let bounds = all.map(\.bounds)
        low = Point(x: bounds.map(\.low.x).min() ?? 0, y: bounds.map(\.low.y).min() ?? 0)
        high = Point(x: bounds.map(\.high.x).max() ?? 0, y: bounds.map(\.high.y).max() ?? 0)
        // About one cell for each: the square root of their count along each axis.
        side = max(1, min(128, Int(Double(all.count).squareRoot())))
        cellWidth = (high.x - low.x) / Double(side)
        cellHeight = (high.y - low.y) / Double(side)
        let axes = (Axis(low.x, cellWidth, side), Axis(low.y, cellHeight, side))
        var cells = [[Int32]](repeating: [], count: side * side)
        var large: [Int32] = []
        for (place, box) in bounds.enumerated() {
            let columns = axes.0.cells(box.low.x, box.high.x)
            let rows = axes.1.cells(box.low.y, box.high.y)
            if columns.count * rows.count > Self.maximumCellsOfOne {
                large.append(Int32(place))
            } else {
                for row in rows { for column in columns { cells[row * side + column].append(Int32(place)) } }
            }
        }
        self.cells = cells
        self.large = large
    }

    /// Whether nothing stands between two points, by the rule of `LineOfSight`; false when a coordinate is no finite
    /// number. The same both ways.
    public func isClear(_ p: Point, _ q: Point) -> Bool { isClear(p, q, torus: nil) }

    /// On a torus along the shortest way, see `TorusSize.shortest`; the obstructions lie in it as they are given, they
    /// do not wrap. Lines that leave through an edge are moved by the torus's size, which rounds unless the numbers are
    /// whole or the like.
    func isClear(_ p: Point, _ q: Point, torus: TorusSize?) -> Bool {
        guard p.isFinite, q.isFinite else { return false }
        guard !all.isEmpty else { return true }
        guard let torus else { return isClearHere(p, q) }
        let (one, other) = torus.shortest(p, q)
        // The line may leave the world through an edge; what stands there is found by moving the line, not the walls.
        for x in [-torus.width, 0, torus.width] {
            for y in [-torus.height, 0, torus.height] {
                let moved = (Point(x: one.x + x, y: one.y + y), Point(x: other.x + x, y: other.y + y))
                if !isClearHere(moved.0, moved.1) { return false }
            }
        }
        return true
    }

    /// The same without the index.
    func isClearByAll(_ p: Point, _ q: Point) -> Bool {
        p.isFinite && q.isFinite && !all.contains { LineOfSight.isBlocked(p, q, by: $0) }
    }

    private func isClearHere(_ p: Point, _ q: Point) -> Bool {
        let (left, right) = (min(p.x, q.x), max(p.x, q.x))
        let (bottom, top) = (min(p.y, q.y), max(p.y, q.y))
        guard right >= low.x, left <= high.x, top >= low.y, bottom <= high.y else { return true }
        if large.contains(where: { LineOfSight.isBlocked(p, q, by: all[Int($0)]) }) { return false }
        let (columnAxis, rowAxis) = (Axis(low.x, cellWidth, side), Axis(low.y, cellHeight, side))
        for row in rowAxis.cells(bottom, top) {
            for column in columns(of: row, p, q, columnAxis) {
                for place in cells[row * side + column]
                where LineOfSight.isBlocked(p, q, by: all[Int(place)]) { return false }
            }
        }
        return true
    }

    /// The columns in which a line may pass a row, never too few. An eighth of a row above and below, and a column on
    /// each side, take up all rounding: that is far less as long as the coordinates are not huge against a cell. When
    /// they are, it is all columns that the line spans.
    private func columns(of row: Int, _ p: Point, _ q: Point, _ axis: Axis) -> ClosedRange<Int> {
        let (left, right) = (min(p.x, q.x), max(p.x, q.x))
        let whole = axis.cells(left, right)
        let greatest = [p.x, p.y, q.x, q.y, low.x, low.y, high.x, high.y].map(\.magnitude).max() ?? 0
        guard whole.count > 3, p.y != q.y, greatest * 0x1p-40 < min(cellWidth, cellHeight) else { return whole }
        let slope = (q.x - p.x) / (q.y - p.y)
        let bottom = p.x + (low.y + (Double(row) - 0.125) * cellHeight - p.y) * slope
        let top = p.x + (low.y + (Double(row) + 1.125) * cellHeight - p.y) * slope
        guard bottom.isFinite, top.isFinite else { return whole }
        let first = max(left, min(bottom, top) - cellWidth)
        let last = min(right, max(bottom, top) + cellWidth)
        return first <= last ? axis.cells(first, last) : axis.cells(last, first)
    }

    /// Cells along an axis. The cell of a number never falls when the number rises, and those outside belong to the
    /// first or the last: so two ranges that share a number share its cell.
    private struct Axis {
        let low: Double
        let width: Double
        let count: Int
        init(_ low: Double, _ width: Double, _ count: Int) { (self.low, self.width, self.count) = (low, width, count) }

        func cell(_ value: Double) -> Int {
            let place = (value - low) / width
            // Also when the width is 0 or infinite, and the quotient no number.
            guard place > 0 else { return 0 }
            return place < Double(count) ? Int(place) : count - 1
        }
        func cells(_ first: Double, _ last: Double) -> ClosedRange<Int> {
            let (one, other) = (cell(first), cell(last))
            return min(one, other)...max(one, other)
        }
    }
}

extension Obstruction {
    fileprivate var isFinite: Bool {
        switch self {
        case .segment(let a, let b), .rectangle(let a, let b): a.isFinite && b.isFinite
        }
    }
}
