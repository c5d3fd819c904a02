public import MeshSim

/// PPHPC, predator and prey for high-performance computing (Fachada, Lopes, Martins, Rosa: PeerJ Computer Science 1:e36,
/// 2015): the model whose outputs are published, so that an implementation can be wrong and be found out.
///
/// All whole numbers. Torus, five equally likely moves (von Neumann and stay). Per iteration: every agent moves, loses 1 and
/// dies below 1; every cell's countdown goes down; every agent, sheep and wolves mixed in random order, eats and maybe
/// reproduces: with more than 2 energy and its probability, the child gets half, rounded down. Children do not act, and are
/// not eaten, in the iteration of their birth.
public struct PPHPC: SimModel, SimReseedable {
    /// The parameters of a run.
    public struct Parameters: Codable, Sendable, Hashable {
        /// Cells on a side.
        public var side: Int
        public var sheep: Int
        public var wolves: Int
        public var sheepGain: Int
        /// Per cent.
        public var sheepReproduction: Int
        public var wolfGain: Int
        /// Per cent.
        public var wolfReproduction: Int
        /// Iterations until eaten grass is grown again.
        public var restart: Int
        /// Whether agents act in random order. Off it is another model: a control that a check must reject.
        public var shuffles = true

        /// The parameter sets of the paper, 1 and 2, on a torus of a side.
        public static func set(_ number: Int, side: Int) -> Parameters {
            // 400 sheep and 200 wolves on 100 x 100, and the same density on others.
            let scale = side * side
            return number == 1
                ? Parameters(
                    side: side, sheep: 400 * scale / 10_000, wolves: 200 * scale / 10_000, sheepGain: 4,
                    sheepReproduction: 4, wolfGain: 20, wolfReproduction: 5, restart: 10)
                : Parameters(
                    side: side, sheep: 400 * scale / 10_000, wolves: 200 * scale / 10_000, sheepGain: 30,
                    sheepReproduction: 10, wolfGain: 10, wolfReproduction: 5, restart: 15)
        }

        /// Makes parameters.
        public init(
            side: Int, sheep: Int, wolves: Int, sheepGain: Int, sheepReproduction: Int, wolfGain: Int,
            wolfReproduction: Int, restart: Int
        ) {
            self.side = side
            self.sheep = sheep
            self.wolves = wolves
            self.sheepGain = sheepGain
            self.sheepReproduction = sheepReproduction
            self.wolfGain = wolfGain
            self.wolfReproduction = wolfReproduction
            self.restart = restart
        }
    }

    public static let name = "pphpc"
    public static let rulesVersion = 1
    public static let domains = ["agents", "grass"]

    private let parameters: Parameters
    private var seed: UInt64
    public private(set) var tick: Int64 = 0
    private var places: [Int32] = []
    /// 0 is dead.
    private var energies: [Int32] = []
    private var isWolf: [Bool] = []
    /// Iterations until the cell is grown; 0 is grown.
    private var grass: [Int32]

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        let cells = parameters.side * parameters.side
        var random = RandomStream(seed: seed, domain: "pphpc", purpose: "beginning")
        grass = (0..<cells).map { _ in random.below(2) == 0 ? 0 : Int32(random.below(parameters.restart)) + 1 }
        for _ in 0..<parameters.sheep { add(&random, wolf: false, parameters.sheepGain, cells) }
        for _ in 0..<parameters.wolves { add(&random, wolf: true, parameters.wolfGain, cells) }
    }

    private mutating func add(_ random: inout RandomStream, wolf: Bool, _ gain: Int, _ cells: Int) {
        places.append(Int32(random.below(cells)))
        energies.append(Int32(random.below(2 * gain)) + 1)
        isWolf.append(wolf)
    }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    public mutating func step() {
        var random = RandomStream(seed: seed, domain: "pphpc", purpose: "step", tick: UInt64(tick))
        move(&random)
        for cell in grass.indices where grass[cell] > 0 { grass[cell] -= 1 }
        act(&random)
        tick += 1
    }

    private mutating func move(_ random: inout RandomStream) {
        let side = parameters.side
        var kept = 0
        for number in places.indices where energies[number] > 1 {
            let place = Int(places[number])
            var (row, column) = (place / side, place % side)
            switch random.below(5) {
            case 0: row = row == 0 ? side - 1 : row - 1
            case 1: row = row == side - 1 ? 0 : row + 1
            case 2: column = column == 0 ? side - 1 : column - 1
            case 3: column = column == side - 1 ? 0 : column + 1
            default: break
            }
            places[kept] = Int32(row * side + column)
            energies[kept] = energies[number] - 1
            isWolf[kept] = isWolf[number]
            kept += 1
        }
        places.removeLast(places.count - kept)
        energies.removeLast(energies.count - kept)
        isWolf.removeLast(isWolf.count - kept)
    }

    private mutating func act(_ random: inout RandomStream) {
        let adults = places.count
        var prey = CellLists(cells: grass.count)
        let wolf = isWolf
        prey.fill(places) { !wolf[$0] }
        var order = Array(0..<Int32(adults))
        if parameters.shuffles { random.shuffle(&order) }
        for number in order.lazy.map({ Int($0) }) where energies[number] > 0 {
            let place = Int(places[number])
            let reproduction: Int
            if isWolf[number] {
                if let eaten = prey.pick(in: place, { random.below($0) }, where: { energies[$0] > 0 }) {
                    energies[eaten] = 0
                    energies[number] += Int32(parameters.wolfGain)
                }
                reproduction = parameters.wolfReproduction
            } else {
                if grass[place] == 0 {
                    grass[place] = Int32(parameters.restart)
                    energies[number] += Int32(parameters.sheepGain)
                }
                reproduction = parameters.sheepReproduction
            }
            if energies[number] > 2, random.below(100) < reproduction {
                let child = energies[number] / 2
                energies[number] -= child
                places.append(Int32(place))
                energies.append(child)
                isWolf.append(isWolf[number])
            }
        }
    }

    public func hash(domain: Int, into hasher: inout StateHasher) {
        if domain == 1 { return hasher.add(grass) }
        hasher.add(places)
        hasher.add(energies)
        hasher.add(isWolf.map { UInt8($0 ? 1 : 0) })
    }

    /// Sheep, wolves, grown cells, mean energies, mean countdown: the six outputs of the paper.
    public var metrics: [(name: String, value: Double)] {
        var (sheep, wolves, sheepEnergy, wolfEnergy) = (0, 0, 0, 0)
        for number in places.indices where energies[number] > 0 {
            if isWolf[number] {
                wolves += 1
                wolfEnergy += Int(energies[number])
            } else {
                sheep += 1
                sheepEnergy += Int(energies[number])
            }
        }
        return [
            ("sheep", Double(sheep)), ("wolves", Double(wolves)), ("grown", Double(grass.count { $0 == 0 })),
            ("sheepEnergy", sheep == 0 ? 0 : Double(sheepEnergy) / Double(sheep)),
            ("wolfEnergy", wolves == 0 ? 0 : Double(wolfEnergy) / Double(wolves)),
            ("countdown", grass.reduce(0.0) { $0 + Double($1) } / Double(grass.count)),
        ]
    }
}
