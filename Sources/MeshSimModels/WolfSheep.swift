public import MeshSim

/// Wolves eat sheep, sheep eat grass, on a bounded grid with many agents in a cell.
///
/// As the four-model comparison declares it, with its open points settled: Moore walk of one cell, a step over the border is
/// drawn again among those inside; initial energy uniform in 0..<2Δ; sheep die below 0, as the published code has it, not
/// below 1, as its text does; an eaten sheep is gone at once; newborns do not act in the step of their birth.
public struct WolfSheep: SimModel, SimReseedable {
    /// The parameters of a run.
    public struct Parameters: Codable, Sendable, Hashable {
        /// Cells on a side.
        public var side: Int
        public var sheep: Int
        public var wolves: Int
        /// Steps until eaten grass is grown again.
        public var regrowth: Int
        public var sheepReproduction: Double
        public var wolfReproduction: Double
        /// Energy of a meal.
        public var sheepGain = 5.0
        public var wolfGain = 13.0
        /// Makes parameters.
        public init(
            side: Int, sheep: Int, wolves: Int, regrowth: Int, sheepReproduction: Double, wolfReproduction: Double
        ) {
            self.side = side
            self.sheep = sheep
            self.wolves = wolves
            self.regrowth = regrowth
            self.sheepReproduction = sheepReproduction
            self.wolfReproduction = wolfReproduction
        }
        /// 25 x 25, 60 sheep, 40 wolves.
        public static let small = Parameters(
            side: 25, sheep: 60, wolves: 40, regrowth: 20, sheepReproduction: 0.2, wolfReproduction: 0.1)
        /// 100 x 100, 1,000 sheep, 500 wolves.
        public static let large = Parameters(
            side: 100, sheep: 1_000, wolves: 500, regrowth: 10, sheepReproduction: 0.4, wolfReproduction: 0.2)
    }

    public static let name = "wolf-sheep"
    public static let rulesVersion = 1
    public static let domains = ["sheep", "wolves", "grass"]

    /// One kind of animal.
    private struct Herd: Codable {
        var places: [Int32] = []
        var energies: [Double] = []
        var isDead: [Bool] = []

        mutating func add(_ place: Int32, _ energy: Double) {
            places.append(place)
            energies.append(energy)
            isDead.append(false)
        }

        mutating func bury() {
            var kept = 0
            for index in places.indices where !isDead[index] {
                places[kept] = places[index]
                energies[kept] = energies[index]
                kept += 1
            }
            places.removeLast(places.count - kept)
            energies.removeLast(energies.count - kept)
            isDead = [Bool](repeating: false, count: kept)
        }
    }

    private let parameters: Parameters
    private var seed: UInt64
    public private(set) var tick: Int64 = 0
    private var sheep = Herd()
    private var wolves = Herd()
    /// Steps until the cell is grown; 0 is grown.
    private var grass: [Int32]

    public init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        let cells = parameters.side * parameters.side
        var random = RandomStream(seed: seed, domain: "wolf-sheep", purpose: "beginning")
        grass = (0..<cells).map { _ in random.below(2) == 0 ? 0 : Int32(random.below(parameters.regrowth)) + 1 }
        for _ in 0..<parameters.sheep {
            sheep.add(Int32(random.below(cells)), random.unit() * 2 * parameters.sheepGain)
        }
        for _ in 0..<parameters.wolves {
            wolves.add(Int32(random.below(cells)), random.unit() * 2 * parameters.wolfGain)
        }
    }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    public mutating func step() {
        var random = RandomStream(seed: seed, domain: "wolf-sheep", purpose: "step", tick: UInt64(tick))
        graze(&random)
        hunt(&random)
        for cell in grass.indices where grass[cell] > 0 { grass[cell] -= 1 }
        sheep.bury()
        wolves.bury()
        tick += 1
    }

    private mutating func graze(_ random: inout RandomStream) {
        var order = Array(0..<sheep.places.count)
        random.shuffle(&order)
        for number in order {
            let place = Self.walk(Int(sheep.places[number]), parameters.side, &random)
            sheep.places[number] = Int32(place)
            var energy = sheep.energies[number] - 1
            if grass[place] == 0 {
                energy += parameters.sheepGain
                grass[place] = Int32(parameters.regrowth)
            }
            if energy < 0 {
                sheep.isDead[number] = true
            } else if random.chance(parameters.sheepReproduction) {
                energy /= 2
                sheep.add(Int32(place), energy)
            }
            sheep.energies[number] = energy
        }
    }

    private mutating func hunt(_ random: inout RandomStream) {
        var prey = CellLists(cells: grass.count)
        let dead = sheep.isDead
        prey.fill(sheep.places) { !dead[$0] }
        var order = Array(0..<wolves.places.count)
        random.shuffle(&order)
        for number in order {
            let place = Self.walk(Int(wolves.places[number]), parameters.side, &random)
            wolves.places[number] = Int32(place)
            var energy = wolves.energies[number] - 1
            if let eaten = prey.pick(in: place, { random.below($0) }, where: { !sheep.isDead[$0] }) {
                sheep.isDead[eaten] = true
                energy += parameters.wolfGain
            }
            if energy < 0 {
                wolves.isDead[number] = true
            } else if random.chance(parameters.wolfReproduction) {
                energy /= 2
                wolves.add(Int32(place), energy)
            }
            wolves.energies[number] = energy
        }
    }

    /// One of the up to eight cells around, each equally likely.
    private static func walk(_ place: Int, _ side: Int, _ random: inout RandomStream) -> Int {
        let (row, column) = (place / side, place % side)
        while true {
            let choice = random.below(8)
            let shift = choice < 4 ? choice : choice + 1
            let (to, along) = (row + shift / 3 - 1, column + shift % 3 - 1)
            if to >= 0, to < side, along >= 0, along < side { return to * side + along }
        }
    }

    public func hash(domain: Int, into hasher: inout StateHasher) {
        switch domain {
        case 0:
            hasher.add(sheep.places)
            hasher.add(sheep.energies)
        case 1:
            hasher.add(wolves.places)
            hasher.add(wolves.energies)
        default: hasher.add(grass)
        }
    }

    public var metrics: [(name: String, value: Double)] {
        [
            ("sheep", Double(sheep.places.count)), ("wolves", Double(wolves.places.count)),
            ("grass", Double(grass.count { $0 == 0 })),
        ]
    }
}
