import MeshCore
import MeshSim

/// What a planted fault does to `Walkers`. Each fault is a type, so that a run of the right rules can be verified by the
/// wrong ones.
protocol PlantedFault: Sendable {
    static var skipsShuffle: Bool { get }
    static var iteratesSet: Bool { get }
    static var drawsOnceMore: Bool { get }
    static var readsClock: Bool { get }
    static var forgetsLuck: Bool { get }
    static var dropsLate: Bool { get }
}

extension PlantedFault {
    static var skipsShuffle: Bool { false }
    static var iteratesSet: Bool { false }
    static var drawsOnceMore: Bool { false }
    static var readsClock: Bool { false }
    static var forgetsLuck: Bool { false }
    static var dropsLate: Bool { false }
}

enum NoFault: PlantedFault {}
enum SkippedShuffle: PlantedFault { static let skipsShuffle = true }
enum UnorderedIteration: PlantedFault { static let iteratesSet = true }
enum ExtraDraw: PlantedFault { static let drawsOnceMore = true }
enum ClockRead: PlantedFault { static let readsClock = true }
enum LuckNotSaved: PlantedFault { static let forgetsLuck = true }
enum DroppedLateVerdict: PlantedFault { static let dropsLate = true }

/// Walkers on a ring that take coins: who comes first takes them. Every fault acts from tick 6 on, but that of the luck,
/// which acts at once.
struct Walkers<Fault: PlantedFault>: SimModel, SimReseedable, SimTieShuffling {
    struct Parameters: Codable, Sendable, Hashable {
        var walkers = 12
        var cells = 40
        var isFair = false
    }
    static var name: String { "walkers" }
    static var rulesVersion: Int { 1 }
    static var domains: [String] { ["places", "coins", "marks", "seats"] }
    static var faultTick: Int64 { 6 }

    private var parameters: Parameters
    private var seed: UInt64
    private(set) var tick: Int64 = 0
    private var drawn: UInt64 = 0
    private var ties: UInt64 = 0
    private var places: [Int32]
    private var purses: [Int32]
    private var coins: [Int32]
    private var marks: Set<Int32> = []
    private var marked: Int64 = 0
    private var turns: Int64 = 0
    private var late: Int64 = 0

    private enum CodingKeys: String, CodingKey {
        case parameters, seed, tick, drawn, ties, places, purses, coins, marks, marked, turns, late
    }

    static func validate(_ parameters: Parameters) throws(SimError) {
        guard (1...1_000).contains(parameters.walkers) else { throw SimError("walkers: 1 to 1000") }
        guard (1...1_000).contains(parameters.cells) else { throw SimError("cells: 1 to 1000") }
    }

    init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        var random = RandomStream(seed: seed, domain: "walkers", purpose: "beginning")
        places = (0..<parameters.walkers).map { _ in Int32(random.below(parameters.cells)) }
        purses = [Int32](repeating: 0, count: parameters.walkers)
        coins = (0..<parameters.cells).map { _ in Int32(random.below(3)) }
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        parameters = try fields.decode(Parameters.self, forKey: .parameters)
        seed = try fields.decode(UInt64.self, forKey: .seed)
        tick = try fields.decode(Int64.self, forKey: .tick)
        drawn = Fault.forgetsLuck ? 0 : try fields.decode(UInt64.self, forKey: .drawn)
        ties = try fields.decode(UInt64.self, forKey: .ties)
        places = try fields.decode([Int32].self, forKey: .places)
        purses = try fields.decode([Int32].self, forKey: .purses)
        coins = try fields.decode([Int32].self, forKey: .coins)
        marks = Set(try fields.decode([Int32].self, forKey: .marks))
        marked = try fields.decode(Int64.self, forKey: .marked)
        turns = try fields.decode(Int64.self, forKey: .turns)
        late = try fields.decode(Int64.self, forKey: .late)
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(parameters, forKey: .parameters)
        try fields.encode(seed, forKey: .seed)
        try fields.encode(tick, forKey: .tick)
        try fields.encode(drawn, forKey: .drawn)
        try fields.encode(ties, forKey: .ties)
        try fields.encode(places, forKey: .places)
        try fields.encode(purses, forKey: .purses)
        try fields.encode(coins, forKey: .coins)
        try fields.encode(marks.sorted(), forKey: .marks)
        try fields.encode(marked, forKey: .marked)
        try fields.encode(turns, forKey: .turns)
        try fields.encode(late, forKey: .late)
    }

    mutating func reseed(_ seed: UInt64) { self.seed = seed }
    mutating func shuffleTies(_ permutation: UInt64) { ties = permutation }

    private mutating func draw(_ bound: Int) -> Int {
        var random = RandomStream(seed: seed, domain: "walkers", purpose: "luck", entity: drawn)
        drawn += 1
        return random.below(bound)
    }

    private var isFaulty: Bool { tick + 1 >= Self.faultTick }

    mutating func step() {
        // Everybody has a number for each step; among equal ones the ties decide.
        var order = Array(places.indices)
        if !(Fault.skipsShuffle && isFaulty) {
            var random = RandomStream(seed: seed, domain: "walkers", purpose: "order", tick: UInt64(tick))
            random.shuffle(&order)
        }
        TieShuffle.order(&order, permutation: ties, tick: tick)
        if Fault.drawsOnceMore, isFaulty { _ = draw(2) }
        let moves = places.indices.map { _ in Int32(draw(3)) }
        for walker in order {
            let place = (places[walker] + moves[walker]) % Int32(parameters.cells)
            places[walker] = place
            marks.insert(place)
            // Fair walkers leave the coins where they are, so that nobody's turn matters.
            guard !parameters.isFair else { continue }
            turns = (turns &* 31 &+ Int64(walker)) % 1_000_000_007
            if coins[Int(place)] > 0 {
                coins[Int(place)] -= 1
                purses[walker] += 1
            }
        }
        drop()
        if Fault.readsClock, isFaulty {
            let now = ContinuousClock.now.duration(to: clockBegin).components.attoseconds
            purses[0] = Int32(truncatingIfNeeded: now / 1_000_000_000)
        }
        tick += 1
    }

    /// Every marked cell changes a number by its place in the order, which must not be the set's.
    private mutating func drop() {
        let all = Fault.iteratesSet && isFaulty ? Array(marks) : marks.sorted()
        for cell in all { marked = (marked &* 31 &+ Int64(cell)) % 1_000_000_007 }
    }

    mutating func advance(_ seal: Seal) throws(SimError) {
        guard seal.tick == tick + 1 else { throw SimError("the seal is tick \(seal.tick)'s") }
        for input in seal.inputs where input.verdict == .late && !(Fault.dropsLate && isFaulty) { late += 1 }
        step()
    }

    func hash(domain: Int, into hasher: inout StateHasher) {
        switch domain {
        case 0: hasher.add(places)
        case 1:
            hasher.add(coins)
            hasher.add(purses)
            hasher.add(turns)
        case 2:
            hasher.add(marks.sorted())
            hasher.add(marked)
        default: hasher.add(late)
        }
    }

    var metrics: [(name: String, value: Double)] {
        [("taken", Double(purses.reduce(0, +))), ("marked", Double(marks.count)), ("late", Double(late))]
    }
}

private let clockBegin = ContinuousClock.now

/// The walkers' inputs of a run: one late and one in time, each tick.
func walkerSeal(_ tick: Int64) -> Seal {
    Seal(
        tick: tick,
        inputs: [
            SealedInput(seat: "ada", sequence: tick, action: "stay", verdict: .onTime),
            SealedInput(seat: "bob", sequence: tick, action: "stay", verdict: .late, reason: "came after the seal"),
        ])
}

/// A run of walkers with inputs.
func walkersWithSeats(seed: UInt64 = 5, ticks: Int64 = 12, checkpointEvery: Int64 = 4) throws -> SimRecording {
    let parameters = Walkers<NoFault>.Parameters()
    var recording = SimRecording(header: try .init(Walkers<NoFault>.self, parameters, seed: seed))
    var run = try SimRunner<Walkers<NoFault>>(parameters, seed: seed)
    recording.ticks.append(try run.begin())
    for tick in 1...ticks {
        recording.ticks.append(try run.advance(walkerSeal(tick), checkpoint: tick % checkpointEvery == 0))
    }
    return recording
}
