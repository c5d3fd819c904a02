public import MeshCore

/// An agent in the controller's process: it sees only its scene, and returns moves.
public struct LocalAgent: Sendable {
    /// What an agent does.
    public struct Move: Sendable, Hashable {
        /// The action.
        public var action: String
        /// Its arguments.
        public var arguments: JSON
        /// The cost of deciding.
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
    /// Decides its moves from a scene; empty: does nothing. Its random stream does not affect the world's.
    public var decide: @Sendable (Scene, inout RandomStream) throws -> [Move]

    /// Makes an agent.
    public init(_ seat: Seat, decide: @escaping @Sendable (Scene, inout RandomStream) throws -> [Move]) {
        self.seat = seat
        self.decide = decide
    }
}

/// Plays agents in a host at native speed: no socket, no text, the same seats and seals as for peers.
public struct LocalPlay<Rules: Scenario>: Sendable {
    /// The simulation.
    public private(set) var host: SimHost<Rules>
    private let agents: [LocalAgent]
    private let seed: UInt64

    /// Takes the agents' seats; those that they hold in a host that goes on stay theirs. Fails when two want the same.
    /// `seed` is that of the agents' random numbers; the host's when nil.
    public init(_ host: SimHost<Rules>, agents: [LocalAgent], seed: UInt64? = nil) throws(SimError) {
        self.host = host
        self.agents = agents
        self.seed = seed ?? host.seed
        try self.host.seat(agents)
    }

    /// The line of the record with which it begins.
    public mutating func begin() throws -> SimRecording.Tick { try host.begin() }

    /// Makes a tick: every agent sees and acts, then it is sealed. `now` is the tick's number: no clock is read.
    public mutating func step(imports: [SealedImport] = [], checkpoint: Bool = false) throws -> SimHost<Rules>.Sealed {
        let now = host.tick + 1
        try host.open(now: now)
        host.act(agents, seed: seed, now: now)
        return try host.seal(now: now, imports: imports, checkpoint: checkpoint)
    }

    /// Plays a run from its beginning and emits its lines, with a state every `checkpointEvery` ticks (0: the first).
    /// Stops after the line for which `take` returns false.
    public mutating func run(
        ticks: Int64, checkpointEvery: Int64 = 0, take: (SimRecording.Tick) throws -> Bool
    ) throws {
        guard try take(try begin()) else { return }
        for tick in stride(from: 1, through: ticks, by: 1) {
            let isCheckpoint = checkpointEvery > 0 && tick % checkpointEvery == 0
            guard try take(try step(checkpoint: isCheckpoint).line) else { return }
        }
    }

    /// Plays a run from its beginning and records it.
    public mutating func record(ticks: Int64, checkpointEvery: Int64 = 0) throws -> SimRecording {
        var recording = SimRecording(
            header: try .init(ScenarioModel<Rules>.self, host.model.parameters, seed: host.seed))
        try run(ticks: ticks, checkpointEvery: checkpointEvery) {
            recording.ticks.append($0)
            return true
        }
        return recording
    }
}

extension SimHost {
    /// Takes the seats of agents, except those already held. Fails when two want the same.
    mutating func seat(_ agents: [LocalAgent]) throws(SimError) {
        let held = collector.seats.upcoming.map(\.name)
        for agent in agents where !held.contains(agent.seat.name) { _ = try take(agent.seat) }
    }

    /// Lets agents act in the open tick, those of whose seats somebody else is left out. One that fails does nothing; the
    /// others go on.
    mutating func act(
        _ agents: [LocalAgent], seed: UInt64, now: Int64, isElsewhere: (String) -> Bool = { _ in false }
    ) {
        let turn = model.turn
        for agent in agents where !isElsewhere(agent.seat.name) {
            guard let seat = collector.seats[agent.seat.name], let scene = scene(of: seat.name, turn) else { continue }
            var random = RandomStream(
                seed: seed, names: [Rules.name, "agent"], entity: seat.name, tick: UInt64(max(0, collector.tick)))
            do {
                // Derived from the tick, so that it continues after a checkpoint.
                let first = collector.tick &* Int64(Seat.pendingLimit)
                let moves = try agent.decide(scene, &random).prefix(Seat.pendingLimit)
                if moves.isEmpty { pass(seat.name, generation: seat.generation, tick: collector.tick) }
                for (place, move) in moves.enumerated() {
                    _ = submit(
                        Submission(
                            seat: seat.name, generation: seat.generation, sequence: first + Int64(place),
                            basedOn: scene.tick, action: move.action, arguments: move.arguments, cost: move.cost),
                        now: now)
                }
            } catch {
                fail(seat.name, reason: "\(error)")
            }
        }
    }
}
