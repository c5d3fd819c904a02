public import MeshSim

/// Birds on a torus that draw together, keep apart and fly alike.
///
/// As the four-model comparison declares it: 64-bit positions, uniform at first, velocities uniform in (-1, 1). Each step
/// in a new random order, bird i looks at all others j at a toroidal distance of at most `radius`, with d the vector from
/// i to j: C = sum of d, M = sum of v_j, S = -sum of d where |d| < 1; v += (0.03 C + 0.015 S + 0.05 M) / max(n, 1), v is
/// normalised, and the bird moves by v.
///
/// Exact and sequential, although the cells are filled once a step: they are wider than the radius by the length of a move, so
/// that a bird within the radius now was in a cell next to the viewer's when the step began. The distance decides,
/// between the places of now.
public struct Flocking: SimModel, SimReseedable {
    /// The parameters of a run.
    public struct Parameters: Codable, Sendable, Hashable {
        /// The side of the square.
        public var side: Double
        /// Birds.
        public var birds: Int
        /// How far a bird sees.
        public var radius: Double
        /// Makes parameters.
        public init(side: Double, birds: Int, radius: Double) {
            self.side = side
            self.birds = birds
            self.radius = radius
        }
        /// 100 x 100, 200 birds, radius 5.
        public static let small = Parameters(side: 100, birds: 200, radius: 5)
        /// 150 x 150, 400 birds, radius 15.
        public static let large = Parameters(side: 150, birds: 400, radius: 15)
    }

    public static let name = "flocking"
    public static let rulesVersion = 1
    public static let domains = ["positions", "velocities"]

    private let parameters: Parameters
    private var seed: UInt64
    public private(set) var tick: Int64 = 0
    /// Places and velocities, by bird.
    private var xs, ys, vxs, vys: [Double]

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        var random = RandomStream(seed: seed, domain: "flocking", purpose: "birds")
        (xs, ys, vxs, vys) = ([], [], [], [])
        for _ in 0..<parameters.birds {
            xs.append(random.unit() * parameters.side)
            ys.append(random.unit() * parameters.side)
            vxs.append(random.unit() * 2 - 1)
            vys.append(random.unit() * 2 - 1)
        }
    }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    public mutating func step() {
        var order = Array(0..<Int32(xs.count))
        var random = RandomStream(seed: seed, domain: "flocking", purpose: "order", tick: UInt64(tick))
        random.shuffle(&order)
        var sky = Sky(parameters, xs, ys, vxs, vys)
        sky.fly(order)
        sky.land(&xs, &ys, &vxs, &vys)
        tick += 1
    }

    public func hash(domain: Int, into hasher: inout StateHasher) {
        hasher.add(domain == 0 ? xs : vxs)
        hasher.add(domain == 0 ? ys : vys)
    }

    public var metrics: [(name: String, value: Double)] {
        let (x, y) = (vxs.reduce(0, +), vys.reduce(0, +))
        return [("alignment", (x * x + y * y).squareRoot() / Double(max(xs.count, 1)))]
    }

    /// How many neighbours each bird has, found through the cells.
    var neighbourCounts: [Int] { Sky(parameters, xs, ys, vxs, vys).neighbourCounts }

    /// The same by comparing every pair.
    var neighbourCountsByForce: [Int] {
        let (side, half, limit) = (parameters.side, parameters.side / 2, parameters.radius * parameters.radius)
        return xs.indices.map { one in
            xs.indices.count { other in
                guard one != other else { return false }
                var (dx, dy) = (xs[other] - xs[one], ys[other] - ys[one])
                if dx > half { dx -= side } else if dx < -half { dx += side }
                if dy > half { dy -= side } else if dy < -half { dy += side }
                return dx * dx + dy * dy <= limit
            }
        }
    }
}
