import MeshSim
import MeshSimProgram

/// A complete simulation to start from: people who pass on a rumour. Copy it, rename it, change the rules.
///
///     sim-template run --set people=500 --seed 7 --record run.jsonl --checkpoints 10
///     sim-template verify run.jsonl
///     sim-template sweep --axis chance=0.05,0.1,0.2 --replicates 20 --csv rumour.csv
struct Rumour: SimModel, SimReseedable {
    /// What a run is made from: every member can be set by `--set name=value` and swept by `--axis`.
    struct Parameters: Codable, Sendable {
        var people = 200
        /// Whom each person meets in a tick.
        var meetings = 3
        /// How likely a meeting passes the rumour on.
        var chance = 0.2
    }

    static let name = "rumour"
    /// Raise it whenever the same parameters and seed give another run: older records are then refused, not misread.
    static let rulesVersion = 1
    /// The parts of the state, hashed apart: a difference is named by them.
    static let domains = ["people"]

    // The whole state is Codable: whatever is not saved is lost at a checkpoint, and the sync test says so.
    private let parameters: Parameters
    private var seed: UInt64
    private(set) var tick: Int64 = 0
    private var knows: [UInt8]

    /// Refuse what cannot be simulated, and say what can.
    static func validate(_ parameters: Parameters) throws(SimError) {
        guard (1...1_000_000).contains(parameters.people) else { throw SimError("people: 1 to 1000000") }
        guard (0...1_000).contains(parameters.meetings) else { throw SimError("meetings: 0 to 1000") }
        guard (0...1).contains(parameters.chance) else { throw SimError("chance: 0 to 1") }
    }

    /// The world at tick 0: one person knows.
    init(_ parameters: Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        knows = [UInt8](repeating: 0, count: parameters.people)
        knows[0] = 1
    }

    /// For forks: other luck from now on.
    mutating func reseed(_ seed: UInt64) { self.seed = seed }

    /// One tick. All luck comes from a stream named after what it is for; never iterate a Set or a Dictionary here.
    mutating func step() {
        var luck = RandomStream(seed: seed, domain: "rumour", purpose: "meetings", tick: UInt64(tick))
        var next = knows
        for person in knows.indices where knows[person] == 1 {
            for _ in 0..<parameters.meetings {
                let other = luck.below(knows.count)
                if luck.chance(parameters.chance) { next[other] = 1 }
            }
        }
        knows = next
        tick += 1
    }

    func hash(domain: Int, into hasher: inout StateHasher) { hasher.add(knows) }

    /// What is measured, recorded at every tick.
    var metrics: [(name: String, value: Double)] {
        let informed = Double(knows.count { $0 == 1 })
        return [("informed", informed), ("share", informed / Double(knows.count))]
    }
}

@main struct SimTemplate {
    static func main() async {
        let town = SimScenario.model(
            Rumour.self, summary: "people who pass on a rumour",
            presets: [("village", .init()), ("town", .init(people: 5_000, meetings: 5, chance: 0.05))], ticks: 50)
        await SimProgram.main(scenarios: [town])
    }
}
