import Testing

@testable import MeshSim

@Suite struct WorldSpaceTests {
    static let shapes: [SpaceShape] = [
        .grid(columns: 7, rows: 5, torus: false), .grid(columns: 7, rows: 5, torus: true),
        .grid(columns: 1, rows: 1, torus: true), .grid(columns: 2, rows: 40, torus: true),
        .continuous(width: 10, height: 6, torus: false, cell: 1.5),
        .continuous(width: 10, height: 6, torus: true, cell: 1.5),
        .continuous(width: 10, height: 6, torus: true, cell: 100),
        .continuous(width: 0.3, height: 1_000, torus: true, cell: 0.1),
    ]

    static func size(_ shape: SpaceShape) -> (width: Double, height: Double, isGrid: Bool, isTorus: Bool) {
        switch shape {
        case .none: (0, 0, false, false)
        case .grid(let columns, let rows, let torus): (Double(columns), Double(rows), true, torus)
        case .continuous(let width, let height, let torus, _): (width, height, false, torus)
        }
    }

    static func distance(_ one: Point, _ other: Point, _ shape: SpaceShape) -> Double {
        let (width, height, _, isTorus) = size(shape)
        var (dx, dy) = (abs(one.x - other.x), abs(one.y - other.y))
        if isTorus { (dx, dy) = (min(dx, width - dx), min(dy, height - dy)) }
        return dx * dx + dy * dy
    }

    static func point(_ shape: SpaceShape, _ random: inout RandomStream) -> Point {
        let (width, height, isGrid, _) = size(shape)
        return isGrid
            ? Point(x: Double(random.below(Int(width))), y: Double(random.below(Int(height))))
            : Point(x: random.unit() * width, y: random.unit() * height)
    }

    /// Whatever moved where, who is near is who a look at all finds.
    @Test(arguments: shapes) func nearIsWhoIsNear(_ shape: SpaceShape) throws {
        var random = RandomStream(seed: 11, domain: "test", purpose: "near")
        var world = try Town.world(space: shape)
        var places: [EntityID: Point] = [:]
        for _ in 0..<60 { try world.spawn("stone") }
        let ids = world.entities(of: "stone")
        let (width, height, isGrid, isTorus) = Self.size(shape)
        for _ in 0..<400 {
            let id = ids[random.below(ids.count)]
            if random.chance(0.1) {
                try world.leaveSpace(id)
                places[id] = nil
            } else {
                let point = Self.point(shape, &random)
                try world.place(id, at: point)
                places[id] = point
            }
            #expect(world.position(of: id) == places[id])
            var centre = Self.point(shape, &random)
            let radius = [0, 1, 1.5, 3, 50, random.unit() * 4][random.below(6)]
            let near = places.filter { Self.distance($0.value, centre, shape) <= radius * radius }.keys.sorted()
            #expect(world.entities(near: centre, radius: radius) == near)
            let nearest = places.keys.sorted {
                let (one, other) = (places[$0] ?? centre, places[$1] ?? centre)
                let (left, right) = (Self.distance(one, centre, shape), Self.distance(other, centre, shape))
                return left != right ? left < right : $0 < $1
            }
            #expect(world.nearest(to: centre, count: 3) == Array(nearest.prefix(3)))
            if isGrid {
                let cell = world.entities(atColumn: Int(centre.x), row: Int(centre.y))
                #expect(cell == places.filter { $0.value == centre }.keys.sorted())
            }
            if isTorus {
                // Once round is the same place; whole sizes are exact.
                centre.x += width * Double(random.below(5) - 2)
                centre.y -= height
                if isGrid { #expect(world.entities(near: centre, radius: radius) == near) }
            }
        }
        #expect(world.entities(near: Point(x: .nan, y: 0), radius: 1).isEmpty)
        #expect(world.entities(near: Point(x: 0, y: 0), radius: -1).isEmpty)
        #expect(world.entities(near: Point(x: 0, y: 0), radius: .nan).isEmpty)
        #expect(world.entities(near: Point(x: 0, y: 0), radius: .infinity) == places.keys.sorted())
        #expect(world.nearest(to: Point(x: 1e300, y: 0)).count <= 1)
        #expect(world.nearest(to: Point(x: 0, y: 0), count: 5, of: "person").isEmpty)
    }

    @Test func aTorusWraps() throws {
        var world = try Town.world(space: .continuous(width: 10, height: 10, torus: true, cell: 1))
        try world.spawn("stone", id: "s")
        let places: [(Point, Point)] = [
            (Point(x: 10, y: 0), Point(x: 0, y: 0)), (Point(x: -1, y: 23), Point(x: 9, y: 3)),
            (Point(x: -1e-300, y: 9.5), Point(x: 0, y: 9.5)), (Point(x: -10, y: -30.5), Point(x: 0, y: 9.5)),
        ]
        for (given, expected) in places {
            try world.place("s", at: given)
            #expect(world.position(of: "s") == expected)
        }
        #expect(world.offset(from: Point(x: 9, y: 1), to: Point(x: 1, y: 9)) == Point(x: 2, y: -2))
        #expect(world.offset(from: Point(x: 0, y: 7), to: Point(x: 5, y: 2)) == Point(x: 5, y: 5))
        #expect(world.distance(from: Point(x: 0, y: 0), to: Point(x: 3, y: 6)) == 5)
        let grid = try Town.world(space: .grid(columns: 4, rows: 3, torus: true))
        let near = grid.cells(near: GridCell(column: 0, row: 0), .vonNeumann).map { [$0.column, $0.row] }
        #expect(near == [[0, 2], [3, 0], [1, 0], [0, 1]])
        #expect(grid.cells(near: GridCell(column: 9, row: -7), radius: 9, includingItself: true).count == 12)
    }

    struct BadPlace: Sendable {
        var shape: SpaceShape
        var point: Point
    }

    @Test(arguments: [
        BadPlace(shape: .grid(columns: 3, rows: 3, torus: false), point: Point(x: 3, y: 0)),
        BadPlace(shape: .grid(columns: 3, rows: 3, torus: false), point: Point(x: 0, y: -1)),
        BadPlace(shape: .grid(columns: 3, rows: 3, torus: true), point: Point(x: 0.5, y: 0)),
        BadPlace(shape: .grid(columns: 3, rows: 3, torus: true), point: Point(x: 1e300, y: 0)),
        BadPlace(shape: .continuous(width: 3, height: 3, torus: false, cell: 1), point: Point(x: 3.1, y: 0)),
        BadPlace(shape: .continuous(width: 3, height: 3, torus: true, cell: 1), point: Point(x: .nan, y: 0)),
        BadPlace(shape: .continuous(width: 3, height: 3, torus: true, cell: 1), point: Point(x: 0, y: .infinity)),
    ])
    func whatIsOutsideIsRefused(_ bad: BadPlace) throws {
        var world = try Town.world(space: bad.shape)
        try world.spawn("stone", id: "s")
        let error = #expect(throws: WorldError.self) { try world.place("s", at: bad.point) }
        #expect(error?.code == .outOfRange)
        #expect(world.position(of: "s") == nil)
    }

    @Test func theEdgeOfABoundedSpaceBelongsToIt() throws {
        var world = try Town.world(space: .continuous(width: 3, height: 3, torus: false, cell: 1))
        try world.spawn("stone", id: "s")
        try world.place("s", at: Point(x: 3, y: 3))
        #expect(world.entities(near: Point(x: 4, y: 3), radius: 1) == ["s"])
        #expect(world.offset(from: Point(x: 0, y: 0), to: Point(x: 9, y: 9)) == nil)
    }

    @Test func oneCanBeAlone() throws {
        var world = try Town.world(space: .grid(columns: 3, rows: 3, torus: false))
        try world.spawn("stone", id: "s")
        try world.spawn("stone", id: "t")
        try world.place("s", at: Point(x: 1, y: 1), exclusively: true)
        try world.place("s", at: Point(x: 1, y: 1), exclusively: true)
        let error = #expect(throws: WorldError.self) { try world.place("t", at: Point(x: 1, y: 1), exclusively: true) }
        #expect(error?.code == .occupied)
        try world.place("t", at: Point(x: 1, y: 1))
        #expect(world.neighbours(of: "s") == ["t"])
        #expect(world.entities(atColumn: 1, row: 1) == ["s", "t"])
        #expect(world.entities(atColumn: 3, row: 1).isEmpty)
    }

    /// Neighbours on a grid are those that a look at all cells finds.
    @Test(arguments: [true, false], Neighbourhood.allCases)
    func neighboursOnAGrid(_ torus: Bool, _ neighbourhood: Neighbourhood) throws {
        let world = try Town.world(space: .grid(columns: 5, rows: 4, torus: torus))
        func steps(_ one: Int, _ other: Int, _ size: Int) -> Int {
            torus ? min(abs(one - other), size - abs(one - other)) : abs(one - other)
        }
        for radius in 0...6 {
            for home in 0..<20 {
                let (column, row) = (home % 5, home / 5)
                let expected = (0..<20).filter { place in
                    let (dx, dy) = (steps(place % 5, column, 5), steps(place / 5, row, 4))
                    return (neighbourhood == .moore ? max(dx, dy) : dx + dy) <= radius
                }
                let found = world.cells(
                    near: GridCell(column: column, row: row), radius: radius, neighbourhood, includingItself: true)
                #expect(found.map { $0.row * 5 + $0.column }.sorted() == expected)
            }
        }
        #expect(world.cells(near: GridCell(column: 0, row: 0), radius: -1).isEmpty)
        #expect(world.cells(near: GridCell(column: 0, row: 0), radius: .max, neighbourhood).count == 19)
    }

    @Test func emptyCellsAreDrawnFairly() throws {
        var world = try Town.world(space: .grid(columns: 4, rows: 25, torus: false))
        var random = RandomStream(seed: 3, domain: "test", purpose: "empty")
        for place in 0..<97 {
            let id = try world.spawn("stone")
            try world.place(id, at: Point(x: Double(place % 4), y: Double(place / 4)))
        }
        var drawn = [0, 0, 0]
        for _ in 0..<600 {
            let cell = try #require(world.randomEmptyCell(&random))
            #expect(cell.row == 24 && cell.column >= 1)
            drawn[cell.column - 1] += 1
        }
        #expect(drawn.allSatisfy { $0 > 140 && $0 < 260 })
        for _ in 0..<3 {
            let cell = try #require(world.randomEmptyCell(&random))
            try world.place(try world.spawn("stone"), at: cell.point, exclusively: true)
        }
        #expect(world.randomEmptyCell(&random) == nil)
    }
}
