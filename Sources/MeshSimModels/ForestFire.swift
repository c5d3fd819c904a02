public import MeshSim

/// A forest fire on a bounded grid: green cells with probability p, those of the first column burn; each step every
/// burning cell ignites its green neighbours (von Neumann, radius 1), then is burnt. All at once.
public struct ForestFire: SimModel, SimReseedable {
    /// The parameters of a run.
    public struct Parameters: Codable, Sendable, Hashable {
        /// Cells on a side.
        public var side: Int
        /// How likely a cell is green.
        public var density: Double
        /// Makes parameters.
        public init(side: Int, density: Double) {
            self.side = side
            self.density = density
        }
        /// 100 x 100, 0.7.
        public static let small = Parameters(side: 100, density: 0.7)
        /// 500 x 500, 0.9.
        public static let large = Parameters(side: 500, density: 0.9)
    }

    public static let name = "forest-fire"
    public static let rulesVersion = 1
    public static let domains = ["cells"]
    private static let (bare, green, burning, burnt): (UInt8, UInt8, UInt8, UInt8) = (0, 1, 2, 3)

    private let parameters: Parameters
    private var cells: [UInt8]
    /// The burning cells, ascending by the order in which they were ignited.
    private var front: [Int32] = []
    private var burntCount = 0
    public private(set) var tick: Int64 = 0

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        var random = RandomStream(seed: seed, domain: "forest-fire", purpose: "trees")
        let side = parameters.side
        cells = (0..<side * side).map { _ in random.chance(parameters.density) ? Self.green : Self.bare }
        for row in 0..<side where cells[row * side] == Self.green {
            cells[row * side] = Self.burning
            front.append(Int32(row * side))
        }
    }

    /// Nothing is drawn after the beginning.
    public mutating func reseed(_ seed: UInt64) {}

    public mutating func step() {
        let side = parameters.side
        var next: [Int32] = []
        cells.withUnsafeMutableBufferPointer { cells in
            func ignite(_ cell: Int) {
                if cells[cell] == Self.green {
                    cells[cell] = Self.burning
                    next.append(Int32(cell))
                }
            }
            for cell in front.lazy.map({ Int($0) }) {
                let column = cell % side
                if cell >= side { ignite(cell - side) }
                if cell + side < cells.count { ignite(cell + side) }
                if column > 0 { ignite(cell - 1) }
                if column + 1 < side { ignite(cell + 1) }
            }
            for cell in front { cells[Int(cell)] = Self.burnt }
        }
        burntCount += front.count
        front = next
        tick += 1
    }

    public func hash(domain: Int, into hasher: inout StateHasher) { hasher.add(cells) }

    public var metrics: [(name: String, value: Double)] {
        [("burning", Double(front.count)), ("burnt", Double(burntCount))]
    }
}
