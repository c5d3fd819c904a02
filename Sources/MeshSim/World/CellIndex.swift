/// An index of the positions of entities: each cell has a linked list of the slots in it.
///
/// On a grid, the cells of the index are the cells of the grid. The order within a list depends on history and is
/// never exposed: callers sort results by bytes.
struct CellIndex: Sendable {
    let columns: Int
    let rows: Int
    let width: Double
    let height: Double
    let isTorus: Bool
    let isGrid: Bool
    private let cellWidth: Double
    private let cellHeight: Double
    /// By cell: the first slot, or -1.
    private var heads: [Int32]
    /// By slot. Stored together, because these fields are read together.
    private var places: [Place] = []

    private struct Place: Sendable {
        var x = 0.0
        var y = 0.0
        var next: Int32 = -1
        var previous: Int32 = -1
        /// -1: not placed.
        var cell: Int32 = -1
    }
    /// The number of placed slots.
    private(set) var count = 0

    static let maximumCells = 1 << 24
    /// Beyond this limit wrapping on a torus loses precision.
    static let farthest = 0x1p50

    /// Makes an empty index; nil when there is no space. Fails with `invalidSchema`.
    init?(_ shape: SpaceShape) throws(WorldError) {
        switch shape {
        case .none: return nil
        case .grid(let columns, let rows, let torus):
            (self.columns, self.rows, isTorus, isGrid) = (columns, rows, torus, true)
            (width, height) = (Double(columns), Double(rows))
            guard columns > 0, rows > 0 else {
                throw WorldError(.invalidSchema, "a grid has at least one column and one row")
            }
        case .continuous(let width, let height, let torus, let cell):
            let sizes = [width, height, cell]
            guard sizes.allSatisfy({ $0 > 0 && $0 <= 1e12 }) else {
                throw WorldError(.invalidSchema, "width, height and cell of a space are more than 0, at most 1e12")
            }
            (self.width, self.height, isTorus, isGrid) = (width, height, torus, false)
            columns = Int(max(1, min(width / cell, 0x1p30)))
            rows = Int(max(1, min(height / cell, 0x1p30)))
        }
        let (number, isTooMuch) = columns.multipliedReportingOverflow(by: rows)
        guard !isTooMuch, number <= Self.maximumCells else {
            throw WorldError(
                .invalidSchema, "a space of \(columns) x \(rows) cells is too fine: at most \(Self.maximumCells) cells")
        }
        cellWidth = width / Double(columns)
        cellHeight = height / Double(rows)
        heads = Array(repeating: -1, count: number)
    }

    // MARK: Places

    /// Normalises a point: whole on a grid, wrapped on a torus. Fails with `outOfRange`.
    func normalised(_ point: Point, isWhole: Bool = true) throws(WorldError) -> Point {
        guard point.isFinite, abs(point.x) <= Self.farthest, abs(point.y) <= Self.farthest else {
            throw WorldError(.outOfRange, "(\(point.x), \(point.y)) is no place: both are finite, at most 2^50")
        }
        if isGrid, isWhole, point.x != point.x.rounded(.down) || point.y != point.y.rounded(.down) {
            throw WorldError(.outOfRange, "(\(point.x), \(point.y)) is no cell: on a grid both are whole numbers")
        }
        if isTorus { return Point(x: Self.wrap(point.x, width), y: Self.wrap(point.y, height)) }
        let (right, top) = isGrid ? (width - 1, height - 1) : (width, height)
        guard point.x >= 0, point.x <= right, point.y >= 0, point.y <= top else {
            throw WorldError(
                .outOfRange, "(\(point.x), \(point.y)) is outside: x is 0 to \(right), y is 0 to \(top)")
        }
        // There is one zero.
        return Point(x: point.x + 0, y: point.y + 0)
    }

    private static func wrap(_ value: Double, _ size: Double) -> Double {
        if value >= 0, value < size { return value + 0 }
        let wrapped = value - size * (value / size).rounded(.down)
        if wrapped < 0 { return wrapped + size < size ? wrapped + size : 0 }
        // A value just below 0 can be rounded to the size itself.
        return wrapped < size ? wrapped + 0 : 0
    }

    func position(of slot: Int) -> Point? {
        slot < places.count && places[slot].cell >= 0 ? Point(x: places[slot].x, y: places[slot].y) : nil
    }

    private func cell(of point: Point) -> Int32 {
        let column = min(columns - 1, Int(point.x / cellWidth))
        let row = min(rows - 1, Int(point.y / cellHeight))
        return Int32(truncatingIfNeeded: row * columns + column)
    }

    /// Places a slot at a normalised point, or moves it there.
    mutating func put(_ slot: Int, at point: Point) {
        while places.count <= slot { places.append(Place()) }
        let cell = cell(of: point)
        places[slot].x = point.x
        places[slot].y = point.y
        if places[slot].cell == cell { return }
        if places[slot].cell >= 0 { unchain(slot) } else { count += 1 }
        let first = heads[Int(cell)]
        places[slot].cell = cell
        places[slot].previous = -1
        places[slot].next = first
        if first >= 0 { places[Int(first)].previous = Int32(truncatingIfNeeded: slot) }
        heads[Int(cell)] = Int32(truncatingIfNeeded: slot)
    }

    /// Removes a slot from the space.
    mutating func take(_ slot: Int) {
        guard slot < places.count, places[slot].cell >= 0 else { return }
        unchain(slot)
        places[slot].cell = -1
        count -= 1
    }

    private mutating func unchain(_ slot: Int) {
        let (before, after) = (places[slot].previous, places[slot].next)
        if before >= 0 { places[Int(before)].next = after } else { heads[Int(places[slot].cell)] = after }
        if after >= 0 { places[Int(after)].previous = before }
    }

    // MARK: Distances

    /// The offset from one point to another, the shorter one on a torus (both points normalised there). Of two
    /// offsets of equal length, the positive one.
    func offset(from: Point, to: Point) -> Point {
        Point(x: offset(to.x - from.x, width), y: offset(to.y - from.y, height))
    }

    private func offset(_ difference: Double, _ size: Double) -> Double {
        guard isTorus else { return difference }
        if difference > size / 2 { return difference - size }
        return difference <= -size / 2 ? difference + size : difference
    }

    @inline(__always)
    private func squaredDistance(_ slot: Int, _ point: Point) -> Double {
        var (dx, dy) = (abs(places[slot].x - point.x), abs(places[slot].y - point.y))
        if isTorus {
            dx = min(dx, width - dx)
            dy = min(dy, height - dy)
        }
        return dx * dx + dy * dy
    }

    /// The square of the distance from a placed slot to a point, which is normalised on a torus.
    func squared(from slot: Int, to point: Point) -> Double { squaredDistance(slot, point) }

    // MARK: Looking

    /// Returns the slots within `radius` of a point, in unspecified order.
    func near(_ point: Point, _ radius: Double) -> [Int32] {
        guard radius >= 0, point.isFinite, count > 0 else { return [] }
        var point = point
        if isTorus {
            guard abs(point.x) <= Self.farthest, abs(point.y) <= Self.farthest else { return [] }
            point = Point(x: Self.wrap(point.x, width), y: Self.wrap(point.y, height))
        }
        let limit = radius * radius
        var found: [Int32] = []
        let across = span(point.x, radius, width, cellWidth, columns)
        for row in span(point.y, radius, height, cellHeight, rows) {
            let begin = wrapped(row, rows) * columns
            for column in across {
                var slot = heads[begin + wrapped(column, columns)]
                while slot >= 0 {
                    if squaredDistance(Int(slot), point) <= limit { found.append(slot) }
                    slot = places[Int(slot)].next
                }
            }
        }
        return found
    }

    private func wrapped(_ place: Int, _ count: Int) -> Int {
        place < 0 ? place + count : place >= count ? place - count : place
    }

    /// The cells to search along one axis; on a torus from -count to 2 * count, each once. A little wider than the
    /// radius, so that rounding misses no slot: the distance decides.
    private func span(_ centre: Double, _ radius: Double, _ size: Double, _ cell: Double, _ count: Int) -> Range<Int> {
        let slack = (abs(centre) + radius + size) * 0x1p-40
        var low = ((centre - radius - slack) / cell).rounded(.down)
        var high = ((centre + radius + slack) / cell).rounded(.down)
        let last = Double(count - 1)
        if isTorus {
            guard high - low < last, low >= -Double(count) else { return 0..<count }
        } else {
            (low, high) = (max(0, min(low, last)), max(0, min(high, last)))
        }
        return Int(low)..<Int(high) + 1
    }

    /// Returns the slots in a cell of a grid, in unspecified order; the cell must be inside.
    func slots(in cell: GridCell) -> [Int32] {
        var found: [Int32] = []
        var slot = heads[cell.row * columns + cell.column]
        while slot >= 0 {
            found.append(slot)
            slot = places[Int(slot)].next
        }
        return found
    }

    func isEmpty(_ cell: Int) -> Bool { heads[cell] < 0 }

    /// The cell at a column and a row; nil outside the grid.
    func cell(column: Int, row: Int) -> GridCell? {
        guard isGrid else { return nil }
        if isTorus {
            let (column, row) = (column % columns, row % rows)
            return GridCell(column: column < 0 ? column + columns : column, row: row < 0 ? row + rows : row)
        }
        return (0..<columns).contains(column) && (0..<rows).contains(row) ? GridCell(column: column, row: row) : nil
    }
}
