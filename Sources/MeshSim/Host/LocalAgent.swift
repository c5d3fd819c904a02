public import MeshCore

/// A mind in the controller's own process: it sees its scene and nothing else, and says what to do.
public struct LocalAgent: Sendable {
    /// What an agent does.
    public struct Move: Sendable, Hashable {
        /// The action.
        public var action: String
        /// Its arguments.
        public var arguments: JSON
        /// What it cost to decide.
        public var cost: Int64

        /// Makes a move.
        public init(_ action: String, _ arguments: JSON = [:], cost: Int64 = 0) {
            self.action = action
            self.arguments = arguments
            self.cost = cost
        }
    }

    /// The seat that it takes.
    public var seat: Seat
    /// What it does about what it sees; none: nothing. Its random numbers are its own: they move nothing of the world's.
    public var decide: @Sendable (Scene, inout RandomStream) throws -> [Move]

    /// Makes an agent.
    public init(_ seat: Seat, decide: @escaping @Sendable (Scene, inout RandomStream) throws -> [Move]) {
        self.seat = seat
        self.decide = decide
    }
}

/// Agents that play in a host at native speed: no socket, no text, the same seats and seals as for everybody.
public struct LocalPlay<Rules: Scenario>: Sendable {
    /// The simulation.
    public private(set) var host: SimHost<Rules>
    /// In the order of their seats.
    private let agents: [LocalAgent]
    private let seed: UInt64
    private var sequences: [Int64]

    /// Takes the agents' seats. Fails when two want the same.
    public init(_ host: SimHost<Rules>, agents: [LocalAgent], seed: UInt64) throws(SimError) {
        self.host = host
        self.agents = agents
        self.seed = seed
        sequences = agents.map { _ in 0 }
        for agent in agents { _ = try self.host.take(agent.seat) }
    }

    /// The line of the record with which it begins.
    public mutating func begin() throws -> SimRecording.Tick { try host.begin() }

    /// Makes a tick: every agent sees and acts, then it is sealed. An agent that fails does nothing; the others go on. `now`
    /// is the tick's number: no clock is read.
    public mutating func step(checkpoint: Bool = false) throws -> SimHost<Rules>.Sealed {
        let now = host.tick + 1
        try host.open(now: now)
        let scenes = Dictionary(host.scenes().map { ($0.seat.name, ($0.seat.generation, $0.scene)) }) { $1 }
        for (place, agent) in agents.enumerated() {
            guard let (generation, scene) = scenes[agent.seat.name] else { continue }
            var random = RandomStream(
                seed: seed, names: [Rules.name, "agent"], entity: agent.seat.name, tick: UInt64(max(0, now)))
            do {
                for move in try agent.decide(scene, &random) {
                    sequences[place] += 1
                    _ = host.submit(
                        Submission(
                            seat: agent.seat.name, generation: generation, sequence: sequences[place],
                            basedOn: scene.tick, action: move.action, arguments: move.arguments, cost: move.cost),
                        now: now)
                }
            } catch {
                host.fail(agent.seat.name, reason: "\(error)")
            }
        }
        return try host.seal(now: now, checkpoint: checkpoint)
    }

    /// Plays a run from its beginning, with a state every `checkpointEvery` ticks (0: only the first), and gives each line.
    /// Stops after the line for which `take` gives false.
    public mutating func run(
        ticks: Int64, checkpointEvery: Int64 = 0, take: (SimRecording.Tick) throws -> Bool
    ) throws {
        guard try take(try begin()) else { return }
        for tick in stride(from: 1, through: ticks, by: 1) {
            let isCheckpoint = checkpointEvery > 0 && tick % checkpointEvery == 0
            guard try take(try step(checkpoint: isCheckpoint).line) else { return }
        }
    }

    /// Plays a run from its beginning and writes it down.
    public mutating func record(ticks: Int64, checkpointEvery: Int64 = 0) throws -> SimRecording {
        var recording = SimRecording(header: try .init(ScenarioModel<Rules>.self, host.model.parameters, seed: seed))
        try run(ticks: ticks, checkpointEvery: checkpointEvery) {
            recording.ticks.append($0)
            return true
        }
        return recording
    }
}
