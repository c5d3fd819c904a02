import Testing

@testable import MeshSim

@Suite struct LineOfSightTests {
    private static func draws(_ seed: UInt64) -> RandomStream {
        RandomStream(seed: seed, domain: "sight", purpose: "test")
    }

    // MARK: Orientation

    /// Whole numbers against 128-bit integers, many of them exactly or nearly on a line, half of them so far apart that
    /// even differences are rounded; scaled by powers of two, which changes no answer, into the ranges where products
    /// overflow and underflow.
    @Test(arguments: [0, -40, 900, -1000]) func orientationIsExact(_ exponent: Int) {
        var random = Self.draws(UInt64(bitPattern: Int64(exponent)))
        var collinear = 0
        for trial in 0..<4000 {
            let limit = 1 << (1 + random.below(40))
            let reach = trial % 2 == 0 ? 100 : 1 << random.below(20)
            func number(_ limit: Int) -> Int { random.below(2 * limit + 1) - limit }
            let (ax, ay, dx, dy) = (number(limit), number(limit), number(limit), number(limit))
            let (s, t) = (number(reach), number(reach))
            let nudge = random.below(3) == 0 ? random.below(3) - 1 : 0
            // What has more than 53 bits is rounded here, and off the line by that.
            let numbers = [ax, ay, ax + s * dx, ay + s * dy, ax + t * dx, ay + t * dy + nudge].map { Double($0) }
            let exact = numbers.map { Int128($0) }
            let one = (exact[2] - exact[0]) * (exact[5] - exact[1])
            let two = (exact[3] - exact[1]) * (exact[4] - exact[0])
            let expected = one > two ? 1 : one < two ? -1 : 0
            if expected == 0 { collinear += 1 }
            let scaled = numbers.map { Double(sign: .plus, exponent: exponent, significand: $0) }
            let (a, b, c) = (
                Point.at(scaled[0], scaled[1]), Point.at(scaled[2], scaled[3]), Point.at(scaled[4], scaled[5])
            )
            #expect(Orientation(a, b, c).rawValue == expected)
            #expect(Orientation(exactly: a, b, c).rawValue == expected)
        }
        #expect(collinear > 1000)
    }

    @Test func orientationHasNoLimits() {
        let (most, least) = (Double.greatestFiniteMagnitude, Double.leastNonzeroMagnitude)
        func turn(_ a: (Double, Double), _ b: (Double, Double), _ c: (Double, Double)) -> Orientation {
            Orientation(Point(x: a.0, y: a.1), Point(x: b.0, y: b.1), Point(x: c.0, y: c.1))
        }
        #expect(turn((-most, -most), (0, 0), (most, most)) == .collinear)
        #expect(turn((-most, -most), (0, least), (most, most)) == .clockwise)
        #expect(turn((-most, -most), (0, -least), (most, most)) == .counterclockwise)
        #expect(turn((0, 0), (least, least), (most, most)) == .collinear)
        #expect(turn((0, 0), (least, 0), (0, least)) == .counterclockwise)
        #expect(turn((0, 0), (0, least), (least, 0)) == .clockwise)
        // In floating point 0.1 · 3 is not 0.3: exactly, these three are on no line.
        #expect(turn((0, 0), (0.1, 0.1), (0.3, 0.1 + 0.2)) != .collinear)
    }

    // MARK: The rule

    @Test(arguments: [
        ("a wall across", Obstruction.segment(.at(5, -1), .at(5, 1)), true),
        ("a wall whose end touches the line", .segment(.at(5, 0), .at(5, 3)), true),
        ("a wall beside it", .segment(.at(5, 1), .at(5, 3)), false),
        ("a wall behind the seen", .segment(.at(11, -1), .at(11, 1)), false),
        ("the viewer on a wall's end", .segment(.at(0, 0), .at(0, 3)), false),
        ("the viewer in a wall's middle", .segment(.at(0, -3), .at(0, 3)), false),
        ("the seen in a wall's middle", .segment(.at(10, -3), .at(10, 3)), false),
        ("a wall along the line", .segment(.at(3, 0), .at(4, 0)), true),
        ("a wall along the line from the viewer on", .segment(.at(0, 0), .at(1, 0)), true),
        ("a wall over all of the line", .segment(.at(-1, 0), .at(11, 0)), true),
        ("a wall that is the line", .segment(.at(0, 0), .at(10, 0)), true),
        ("a wall along it that ends at the viewer", .segment(.at(-3, 0), .at(0, 0)), false),
        ("a wall on the same line, beyond", .segment(.at(10, 0), .at(12, 0)), false),
        ("a post on the line", .segment(.at(4, 0), .at(4, 0)), true),
        ("a post beside it", .segment(.at(4, 1), .at(4, 1)), false),
        ("a post where the viewer is", .segment(.at(0, 0), .at(0, 0)), false),
        ("a block across", .rectangle(.at(4, -1), .at(6, 1)), true),
        ("a block whose side touches the line", .rectangle(.at(4, 0), .at(6, 2)), true),
        ("a block whose corner is the seen", .rectangle(.at(10, 0), .at(12, 2)), false),
        ("a block behind the viewer's back, touching it", .rectangle(.at(-2, -1), .at(0, 1)), false),
        ("a block around both", .rectangle(.at(-1, -1), .at(11, 1)), true),
        ("a block around one", .rectangle(.at(1, 1), .at(-1, -1)), true),
        ("a block from border to border", .rectangle(.at(0, -1), .at(10, 1)), true),
        ("a block of no size on the line", .rectangle(.at(5, 0), .at(5, 0)), true),
    ])
    func theRule(_ name: String, _ obstruction: Obstruction, _ isBlocked: Bool) throws {
        let set = try Obstructions([obstruction])
        let (p, q) = (Point.at(0, 0), Point.at(10, 0))
        #expect(LineOfSight.isBlocked(p, q, by: obstruction) == isBlocked, "\(name)")
        #expect(LineOfSight.isBlocked(q, p, by: obstruction) == isBlocked, "\(name), from the other side")
        #expect(set.isClear(p, q) == !isBlocked, "\(name), in a set")
        #expect(set.isClear(p, p))
    }

    /// The same rule computed in another way: by fractions, in whole numbers.
    @Test(arguments: 0..<4) func theRuleOnLattices(_ seed: UInt64) {
        var random = Self.draws(seed)
        var blocked = 0
        for _ in 0..<5000 {
            let points = (0..<4).map { _ in (random.below(6), random.below(6)) }
            let (p, q, a, b) = (points[0], points[1], points[2], points[3])
            func point(_ p: (Int, Int)) -> Point { .at(Double(p.0), Double(p.1)) }
            let wall = LineOfSight.isBlocked(point(p), point(q), by: .segment(point(a), point(b)))
            let block = LineOfSight.isBlocked(point(p), point(q), by: .rectangle(point(a), point(b)))
            #expect(wall == Fractions.isBlocked(p, q, wall: a, b), "\(p) \(q) \(a) \(b)")
            #expect(block == Fractions.isBlocked(p, q, block: a, b), "\(p) \(q) \(a) \(b)")
            if wall { blocked += 1 }
        }
        #expect(blocked > 500)
    }

    // MARK: Sets

    private static func obstructions(
        _ count: Int, _ number: () -> Double, _ random: inout RandomStream
    ) -> [Obstruction] {
        (0..<count).map { _ in
            let (a, b) = (Point.at(number(), number()), Point.at(number(), number()))
            // Some long, most short, as walls are.
            let end = random.below(8) == 0 ? b : Point.at(a.x + (b.x - a.x) / 8, a.y + (b.y - a.y) / 8)
            return random.below(3) == 0 ? .rectangle(a, end) : .segment(a, end)
        }
    }

    @Test(arguments: 0..<12) func theIndexChangesNothing(_ seed: UInt64) throws {
        var random = Self.draws(seed)
        var numbers = Self.draws(seed + 1000)
        // Lattices full of touching and collinear lines, plain numbers, and worlds far off where cells are small.
        let number: () -> Double = {
            switch seed % 3 {
            case 0: Double(numbers.below(24))
            case 1: numbers.unit() * 100 - 50
            default: 1e12 + Double(numbers.below(64))
            }
        }
        let all = Self.obstructions(2 + random.below(150), number, &random)
        let set = try Obstructions(all)
        var clear = 0
        for _ in 0..<300 {
            var (p, q) = (Point.at(number(), number()), Point.at(number(), number()))
            if random.below(3) > 0 { q = .at(p.x + (q.x - p.x) / 8, p.y + (q.y - p.y) / 8) }
            if random.below(20) == 0 { p = .at(p.x * 1e6, p.y) }
            let isClear = set.isClear(p, q)
            #expect(isClear == set.isClearByAll(p, q), "\(p) \(q)")
            #expect(isClear == set.isClear(q, p), "\(p) \(q)")
            if isClear { clear += 1 }
        }
        #expect(clear > 0)
    }

    /// A torus of whole numbers: the same as all images of all walls.
    @Test(arguments: 0..<6) func aTorusHasNoEdge(_ seed: UInt64) throws {
        var random = Self.draws(seed)
        let size = TorusSize(width: 12, height: 8)
        func point() -> Point { .at(Double(random.below(12)), Double(random.below(8))) }
        func moved(_ p: Point, _ x: Double, _ y: Double) -> Point { .at(p.x + x, p.y + y) }
        let walls = (0..<6).map { _ in
            let a = point()
            return (a, Point.at(max(0, a.x - Double(random.below(3))), max(0, a.y - Double(random.below(3)))))
        }
        let set = try Obstructions(walls.map { .segment($0, $1) })
        var images: [Obstruction] = []
        for x in [-24.0, -12, 0, 12, 24] {
            for y in [-16.0, -8, 0, 8, 16] { images += walls.map { .segment(moved($0, x, y), moved($1, x, y)) } }
        }
        let unrolled = try Obstructions(images)
        for _ in 0..<500 {
            let (p, q) = (point(), point())
            let (from, to) = size.shortest(p, q)
            #expect(set.isClear(p, q, torus: size) == unrolled.isClearByAll(from, to))
            #expect(set.isClear(p, q, torus: size) == set.isClear(q, p, torus: size))
            #expect(abs(to.x - from.x) <= 6 && abs(to.y - from.y) <= 4)
        }
    }

    @Test func exactlyHalfTheWayRoundCrossesNoEdge() throws {
        let size = TorusSize(width: 10, height: 10)
        let set = try Obstructions([.segment(.at(5, 0), .at(5, 1))])
        #expect(!set.isClear(.at(3, 0.5), .at(8, 0.5), torus: size))
        #expect(!set.isClear(.at(8, 0.5), .at(3, 0.5), torus: size))
        #expect(set.isClear(.at(3, 0.5), .at(8.5, 0.5), torus: size))
    }

    @Test func whatIsNotANumberIsRefused() throws {
        for wrong in [Double.nan, .infinity, -.infinity] {
            #expect(throws: SimError.self) { try Obstructions([.segment(.at(0, 0), .at(1, wrong))]) }
            #expect(throws: SimError.self) { try Obstructions([.rectangle(.at(wrong, 0), .at(1, 1))]) }
            #expect(!Obstructions.none.isClear(.at(0, 0), .at(wrong, 0)))
        }
        let many = [Obstruction](repeating: .segment(.at(0, 0), .at(1, 1)), count: Obstructions.maximumCount + 1)
        #expect(throws: SimError.self) { try Obstructions(many) }
        let most = Double.greatestFiniteMagnitude
        let huge = try Obstructions([.segment(.at(-most, -most), .at(most, most)), .segment(.at(1, 0), .at(2, 0))])
        #expect(!huge.isClear(.at(0, 1), .at(1, 0)))
        #expect(huge.isClear(.at(0, 1), .at(0, 2)))
    }
}

extension Point {
    static func at(_ x: Double, _ y: Double) -> Point { Point(x: x, y: y) }
}

/// Where a line is blocked, by the parameter of the line: p + t (q - p) with 0 < t < 1.
private enum Fractions {
    static func isBlocked(_ p: (Int, Int), _ q: (Int, Int), wall a: (Int, Int), _ b: (Int, Int)) -> Bool {
        let (d, e, w) = ((q.0 - p.0, q.1 - p.1), (b.0 - a.0, b.1 - a.1), (a.0 - p.0, a.1 - p.1))
        func cross(_ u: (Int, Int), _ v: (Int, Int)) -> Int { u.0 * v.1 - u.1 * v.0 }
        func dot(_ u: (Int, Int), _ v: (Int, Int)) -> Int { u.0 * v.0 + u.1 * v.1 }
        if d == (0, 0) { return false }
        let below = cross(d, e)
        if below != 0 {
            let sign = below > 0 ? 1 : -1
            let (t, u) = (sign * cross(w, e), sign * cross(w, d))
            return t > 0 && t < abs(below) && u >= 0 && u <= abs(below)
        }
        if cross(w, d) != 0 { return false }
        let (first, last) = (dot(w, d), dot((b.0 - p.0, b.1 - p.1), d))
        return min(first, last) < dot(d, d) && max(first, last) > 0
    }

    static func isBlocked(_ p: (Int, Int), _ q: (Int, Int), block a: (Int, Int), _ b: (Int, Int)) -> Bool {
        let d = (q.0 - p.0, q.1 - p.1)
        if d == (0, 0) { return false }
        // t from low to high, all over the same denominator.
        let denominator = max(1, abs(d.0)) * max(1, abs(d.1))
        var (low, high) = (-denominator, 2 * denominator)
        for (start, way, one, other) in [(p.0, d.0, a.0, b.0), (p.1, d.1, a.1, b.1)] {
            if way == 0 {
                if start < min(one, other) || start > max(one, other) { return false }
                continue
            }
            let first = (one - start) * denominator / way
            let last = (other - start) * denominator / way
            (low, high) = (max(low, min(first, last)), min(high, max(first, last)))
        }
        return low <= high && low < denominator && high > 0
    }
}
