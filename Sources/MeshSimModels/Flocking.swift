public import MeshSim

/// Birds on a torus that draw together, keep apart and fly alike.
///
/// As the four-model comparison declares it: 64-bit positions, uniform at first, velocities uniform in (-1, 1). Each step
/// in a new random order, bird i looks at all others j at a toroidal distance of at most `radius`, with d the vector from
/// i to j: C = sum of d, M = sum of v_j, S = -sum of d where |d| < 1; v += (0.03 C + 0.015 S + 0.05 M) / max(n, 1), v is
/// normalised, and the bird moves by v. Exact: cells of at least the radius find candidates, the distance decides.
public struct Flocking: SimModel, SimReseedable {
    /// What a run is made from.
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

    private struct Bird: Codable {
        var x, y, vx, vy: Double
    }

    private let parameters: Parameters
    private var seed: UInt64
    public private(set) var tick: Int64 = 0
    private var birds: [Bird]
    /// Cells on a side; 1 when the radius is too large for more than two.
    private let cellsPerSide: Int
    /// The first bird of each cell, and for each bird the next and the one before; -1 ends.
    private var heads: [Int32]
    private var nexts: [Int32]
    private var befores: [Int32]
    private var cells: [Int32]

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        var random = RandomStream(seed: seed, domain: "flocking", purpose: "birds")
        birds = (0..<parameters.birds).map { _ in
            Bird(
                x: random.unit() * parameters.side, y: random.unit() * parameters.side, vx: random.unit() * 2 - 1,
                vy: random.unit() * 2 - 1)
        }
        let fit = Int((parameters.side / parameters.radius).rounded(.down))
        cellsPerSide = fit < 3 ? 1 : fit
        heads = [Int32](repeating: -1, count: cellsPerSide * cellsPerSide)
        nexts = [Int32](repeating: -1, count: birds.count)
        befores = nexts
        cells = nexts
        for bird in birds.indices.reversed() { enter(bird, cell(birds[bird].x, birds[bird].y)) }
    }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    private func cell(_ x: Double, _ y: Double) -> Int {
        let scale = Double(cellsPerSide) / parameters.side
        let column = min(cellsPerSide - 1, Int(x * scale))
        let row = min(cellsPerSide - 1, Int(y * scale))
        return row * cellsPerSide + column
    }

    private mutating func enter(_ bird: Int, _ cell: Int) {
        let first = heads[cell]
        nexts[bird] = first
        befores[bird] = -1
        if first >= 0 { befores[Int(first)] = Int32(bird) }
        heads[cell] = Int32(bird)
        cells[bird] = Int32(cell)
    }

    private mutating func leave(_ bird: Int) {
        let (before, next) = (befores[bird], nexts[bird])
        if before >= 0 { nexts[Int(before)] = next } else { heads[Int(cells[bird])] = next }
        if next >= 0 { befores[Int(next)] = before }
    }

    public mutating func step() {
        var order = Array(0..<Int32(birds.count))
        var random = RandomStream(seed: seed, domain: "flocking", purpose: "order", tick: UInt64(tick))
        random.shuffle(&order)
        for bird in order.lazy.map({ Int($0) }) { fly(bird) }
        tick += 1
    }

    private mutating func fly(_ number: Int) {
        var bird = birds[number]
        let sums = look(around: bird, number)
        let weight = 1 / Double(max(sums.count, 1))
        bird.vx += (0.03 * sums.cx + 0.015 * sums.sx + 0.05 * sums.mx) * weight
        bird.vy += (0.03 * sums.cy + 0.015 * sums.sy + 0.05 * sums.my) * weight
        let length = (bird.vx * bird.vx + bird.vy * bird.vy).squareRoot()
        if length > 0 {
            bird.vx /= length
            bird.vy /= length
        }
        bird.x = wrap(bird.x + bird.vx)
        bird.y = wrap(bird.y + bird.vy)
        birds[number] = bird
        let now = cell(bird.x, bird.y)
        if now != Int(cells[number]) {
            leave(number)
            enter(number, now)
        }
    }

    private func wrap(_ value: Double) -> Double {
        let side = parameters.side
        var value = value
        if value >= side { value -= side }
        if value < 0 { value += side }
        // A tiny negative number becomes the side itself by rounding.
        return value >= side ? 0 : value
    }

    private struct Sums {
        var count = 0
        var cx = 0.0, cy = 0.0, mx = 0.0, my = 0.0, sx = 0.0, sy = 0.0
    }

    private func look(around bird: Bird, _ number: Int) -> Sums {
        var sums = Sums()
        let (side, half, limit) = (parameters.side, parameters.side / 2, parameters.radius * parameters.radius)
        let reach = cellsPerSide < 3 ? 0 : 1
        let home = Int(cells[number])
        let (row, column) = (home / cellsPerSide, home % cellsPerSide)
        birds.withUnsafeBufferPointer { birds in
            nexts.withUnsafeBufferPointer { nexts in
                heads.withUnsafeBufferPointer { heads in
                    for down in -reach...reach {
                        var line = row + down
                        if line < 0 { line += cellsPerSide } else if line >= cellsPerSide { line -= cellsPerSide }
                        for along in -reach...reach {
                            var place = column + along
                            if place < 0 {
                                place += cellsPerSide
                            } else if place >= cellsPerSide {
                                place -= cellsPerSide
                            }
                            var other = Int(heads[line * cellsPerSide + place])
                            while other >= 0 {
                                let next = Int(nexts[other])
                                if other != number {
                                    let them = birds[other]
                                    var (dx, dy) = (them.x - bird.x, them.y - bird.y)
                                    if dx > half { dx -= side } else if dx < -half { dx += side }
                                    if dy > half { dy -= side } else if dy < -half { dy += side }
                                    let distance = dx * dx + dy * dy
                                    if distance <= limit {
                                        sums.count += 1
                                        sums.cx += dx
                                        sums.cy += dy
                                        sums.mx += them.vx
                                        sums.my += them.vy
                                        if distance < 1 {
                                            sums.sx -= dx
                                            sums.sy -= dy
                                        }
                                    }
                                }
                                other = next
                            }
                        }
                    }
                }
            }
        }
        return sums
    }

    public func hash(domain: Int, into hasher: inout StateHasher) {
        for bird in birds {
            hasher.add(domain == 0 ? bird.x : bird.vx)
            hasher.add(domain == 0 ? bird.y : bird.vy)
        }
        // Sums depend on the order of the cells' lists in their last bit: it is part of the state.
        if domain == 0 {
            hasher.add(heads)
            hasher.add(nexts)
        }
    }

    public var metrics: [(name: String, value: Double)] {
        let (x, y) = birds.reduce((0.0, 0.0)) { ($0.0 + $1.vx, $0.1 + $1.vy) }
        return [("alignment", (x * x + y * y).squareRoot() / Double(max(birds.count, 1)))]
    }

    /// How many neighbours each bird has, found through the cells.
    var neighbourCounts: [Int] { birds.indices.map { look(around: birds[$0], $0).count } }

    /// The same by comparing every pair.
    var neighbourCountsByForce: [Int] {
        let (side, half, limit) = (parameters.side, parameters.side / 2, parameters.radius * parameters.radius)
        return birds.indices.map { one in
            birds.indices.count { other in
                guard one != other else { return false }
                var (dx, dy) = (birds[other].x - birds[one].x, birds[other].y - birds[one].y)
                if dx > half { dx -= side } else if dx < -half { dx += side }
                if dy > half { dy -= side } else if dy < -half { dy += side }
                return dx * dx + dy * dy <= limit
            }
        }
    }
}
