public import MeshSim

/// Schelling's segregation: agents of two groups on a bounded grid move until enough of their own are near.
///
/// As the four-model comparison declares it: exactly `agents` agents, half of each group, on random distinct cells. Each
/// step in a new random order, each agent counts those of its group within the radius (Chebyshev, itself left out); with
/// `threshold` or more it is happy, else it moves at once to a random empty cell.
public struct Schelling: SimModel, SimReseedable {
    /// The parameters of a run.
    public struct Parameters: Codable, Sendable, Hashable {
        /// Cells on a side.
        public var side: Int
        /// Agents.
        public var agents: Int
        /// How far an agent looks.
        public var radius: Int
        /// How many of its own it wants.
        public var threshold: Int
        /// Makes parameters.
        public init(side: Int, agents: Int, radius: Int, threshold: Int) {
            self.side = side
            self.agents = agents
            self.radius = radius
            self.threshold = threshold
        }
        /// 40 x 40, 1,000 agents, radius 1, 3 wanted.
        public static let small = Parameters(side: 40, agents: 1_000, radius: 1, threshold: 3)
        /// 100 x 100, 8,000 agents, radius 2, 8 wanted.
        public static let large = Parameters(side: 100, agents: 8_000, radius: 2, threshold: 8)
    }

    public static let name = "schelling"
    public static let rulesVersion = 1
    public static let domains = ["agents"]

    private let parameters: Parameters
    private var seed: UInt64
    public private(set) var tick: Int64 = 0
    /// An agent's cell.
    private var places: [Int32]
    private var happy: [UInt8]
    /// 0: empty; 1 or 2: the group of the agent there.
    private var grid: [UInt8]
    private var empty: [Int32]

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        let cells = parameters.side * parameters.side
        var order = (0..<Int32(cells)).map { $0 }
        var random = RandomStream(seed: seed, domain: "schelling", purpose: "place")
        random.shuffle(&order)
        let count = min(parameters.agents, cells)
        places = Array(order[..<count])
        empty = Array(order[count...])
        happy = [UInt8](repeating: 0, count: count)
        grid = [UInt8](repeating: 0, count: cells)
        for agent in 0..<count { grid[Int(places[agent])] = Self.group(agent, count) }
    }

    private static func group(_ agent: Int, _ count: Int) -> UInt8 { agent < count / 2 ? 1 : 2 }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    public mutating func step() {
        var order = Array(0..<Int32(places.count))
        var random = RandomStream(seed: seed, domain: "schelling", purpose: "step", tick: UInt64(tick))
        random.shuffle(&order)
        let (side, radius, threshold, count) = (
            parameters.side, parameters.radius, parameters.threshold, places.count
        )
        places.withUnsafeMutableBufferPointer { places in
            happy.withUnsafeMutableBufferPointer { happy in
                grid.withUnsafeMutableBufferPointer { grid in
                    empty.withUnsafeMutableBufferPointer { empty in
                        for agent in order.lazy.map({ Int($0) }) {
                            let group = Self.group(agent, count)
                            let place = Int(places[agent])
                            let (row, column) = (place / side, place % side)
                            let (left, right) = (max(0, column - radius), min(side - 1, column + radius))
                            var near = -1
                            for line in max(0, row - radius)...min(side - 1, row + radius) {
                                for cell in line * side + left...line * side + right where grid[cell] == group {
                                    near += 1
                                }
                            }
                            if near >= threshold {
                                happy[agent] = 1
                                continue
                            }
                            happy[agent] = 0
                            guard !empty.isEmpty else { continue }
                            let choice = random.below(empty.count)
                            grid[place] = 0
                            grid[Int(empty[choice])] = group
                            places[agent] = empty[choice]
                            empty[choice] = Int32(place)
                        }
                    }
                }
            }
        }
        tick += 1
    }

    public func hash(domain: Int, into hasher: inout StateHasher) {
        hasher.add(places)
        hasher.add(happy)
        hasher.add(empty)
    }

    public var metrics: [(name: String, value: Double)] { [("happy", Double(happy.count { $0 == 1 }))] }

    /// For tests: every agent on a cell of its own, and the grid says so.
    var isConsistent: Bool {
        Set(places).count == places.count && Set(places).isDisjoint(with: empty)
            && places.indices.allSatisfy { grid[Int(places[$0])] == Self.group($0, places.count) }
            && grid.count { $0 != 0 } == places.count
    }
}
