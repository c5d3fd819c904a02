/// An obstruction that hides what lies behind it. It is a closed set: its border belongs to it.
public enum Obstruction: Sendable, Hashable, Codable {
    /// A wall from one point to another; a post when they are the same.
    case segment(Point, Point)
    /// A block with sides along the axes, between two opposite corners; its inside belongs to it.
    case rectangle(Point, Point)

    /// The least x and y, and the greatest.
    var bounds: (low: Point, high: Point) {
        switch self {
        case .segment(let a, let b), .rectangle(let a, let b):
            (Point(x: min(a.x, b.x), y: min(a.y, b.y)), Point(x: max(a.x, b.x), y: max(a.y, b.y)))
        }
    }
}

/// Whether one point is in sight of another, decided exactly.
///
/// The rule: sight is free when no point **strictly between** the two lies in an obstruction. What follows from it:
/// - It is symmetric: who sees is seen.
/// - Touching blocks: a wall that ends exactly on the line, or a corner that the line only grazes, takes the sight
/// away.
/// - Standing on a wall, at its end or in its middle, neither hides nor blinds: one sees to both of its sides.
/// - Along a wall there is no sight: a line that runs in a wall is blocked, also from the wall's end. Looking away from
///   the end is free.
/// - Inside a rectangle there is no sight, nor from inside to outside; from its border outwards there is.
/// - At the same place there is always sight, whatever stands there.
enum LineOfSight {
    /// Reports whether an obstruction blocks the sight between two points.
    static func isBlocked(_ p: Point, _ q: Point, by obstruction: Obstruction) -> Bool {
        guard p != q else { return false }
        switch obstruction {
        case .segment(let a, let b): return isBlocked(p, q, byWall: a, b)
        case .rectangle:
            let (low, high) = obstruction.bounds
            if isInside(p, low, high), isInside(q, low, high) { return true }
            let (left, right) = (Point(x: low.x, y: high.y), Point(x: high.x, y: low.y))
            // A line with one end in the open inside leaves through a side, so that the sides tell the rest.
            return isBlocked(p, q, byWall: low, right) || isBlocked(p, q, byWall: right, high)
                || isBlocked(p, q, byWall: high, left) || isBlocked(p, q, byWall: left, low)
        }
    }

    private static func isInside(_ p: Point, _ low: Point, _ high: Point) -> Bool {
        low.x <= p.x && p.x <= high.x && low.y <= p.y && p.y <= high.y
    }

    /// Whether the closed segment a b has a point strictly between p and q, which differ.
    private static func isBlocked(_ p: Point, _ q: Point, byWall a: Point, _ b: Point) -> Bool {
        guard max(a.x, b.x) >= min(p.x, q.x), min(a.x, b.x) <= max(p.x, q.x),
            max(a.y, b.y) >= min(p.y, q.y), min(a.y, b.y) <= max(p.y, q.y)
        else { return false }
        let (toA, toB) = (Orientation(p, q, a), Orientation(p, q, b))
        if toA == .collinear, toB == .collinear {
            // All on one line: compare along an axis on which p and q differ.
            return p.x != q.x
                ? overlaps(p.x, q.x, wall: a.x, b.x)
                : overlaps(p.y, q.y, wall: a.y, b.y)
        }
        guard toA != toB else { return false }
        // The line through p and q meets the wall in one point. It is strictly between them when they lie on different
        // sides of the wall's line; it is p or q itself when that one lies on it.
        let (ofP, ofQ) = (Orientation(a, b, p), Orientation(a, b, q))
        return ofP != .collinear && ofQ != .collinear && ofP != ofQ
    }

    /// Whether the closed interval of a wall meets the open one between two numbers.
    private static func overlaps(_ p: Double, _ q: Double, wall a: Double, _ b: Double) -> Bool {
        min(a, b) < max(p, q) && max(a, b) > min(p, q)
    }
}

/// The size of a world whose right edge is its left one, and whose upper edge is its lower one.
struct TorusSize: Sendable, Hashable {
    let width: Double
    let height: Double

    /// The straight line between two points that is the shortest, as from the first to an image of the second; first
    /// and second are in an order of their own, so that it is the same line both ways. At a tie, exactly half the way
    /// round, it is the one that crosses no edge. The image is rounded to the nearest number; whole numbers are never
    /// rounded.
    func shortest(_ p: Point, _ q: Point) -> (Point, Point) {
        let (one, other) = p.x < q.x || (p.x == q.x && p.y <= q.y) ? (p, q) : (q, p)
        let image = Point(
            x: Self.image(of: other.x, near: one.x, width), y: Self.image(of: other.y, near: one.y, height))
        return (one, image)
    }

    private static func image(of value: Double, near other: Double, _ size: Double) -> Double {
        let way = value - other
        return way > size / 2 ? value - size : way < -size / 2 ? value + size : value
    }
}
