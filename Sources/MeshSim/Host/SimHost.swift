public import MeshCore

/// The state of a simulation: the world, the seats, their observations and submissions, and the record.
///
/// A value without clock, tasks or sockets. Its owner passes what arrived and when (in milliseconds of a monotonic
/// clock), and sends its output. A tick goes `open`, `observe`, `submit`…, `seal`. A checkpoint of its record holds
/// all state needed to resume, including pending actions and acknowledgements.
public struct SimHost<Rules: Scenario>: Sendable {
    /// The simulation's name, in every observation.
    public let sim: String
    /// The domain that it is, in a federation.
    public let domain: String
    /// The seed of its random numbers.
    public let seed: UInt64
    /// The world and its chain.
    public private(set) var run: SimRunner<ScenarioModel<Rules>>
    /// The seats and their submissions.
    public private(set) var collector: TickCollector
    /// The budget of an observation.
    public var budget: ObservationBudget
    /// Looked up by seat, never iterated.
    private var encoders: [String: ObservationEncoder] = [:]

    /// Begins a simulation. Fails when the scenario or its rules are invalid.
    public init(
        sim: String, domain: String = "world", parameters: Rules.Parameters, seed: UInt64,
        rules: TickRules = TickRules(), budget: ObservationBudget = .none
    ) throws {
        try SimName.check(sim, what: "name of a simulation")
        try SimName.check(domain, what: "name of a domain")
        self.sim = sim
        self.domain = domain
        self.budget = budget
        self.seed = seed
        run = try SimRunner(parameters, seed: seed)
        if let fault = run.model.faults.first { throw SimError(fault) }
        collector = try TickCollector(catalog: try Rules.catalog(), rules: rules)
    }

    /// The world as of the last sealed tick.
    public var model: ScenarioModel<Rules> { run.model }
    /// The last sealed tick.
    public var tick: Int64 { run.model.tick }

    // MARK: Seats

    /// Assigns a seat from the next tick on; returns its generation. Fails when it is held, or its name is invalid.
    public mutating func take(_ seat: Seat) throws(SimError) -> Int64 {
        encoders[seat.name] = nil
        return try collector.take(seat)
    }

    /// Hands a seat over to another mind: same body, next generation, from the next tick on.
    public mutating func handOver(_ seat: String, to mind: Mind) throws(SimError) -> Int64 {
        encoders[seat] = nil
        return try collector.handOver(seat, to: mind)
    }

    /// Frees a seat from the next tick on.
    public mutating func giveUp(_ seat: String) throws(SimError) {
        encoders[seat] = nil
        try collector.giveUp(seat)
    }

    /// Waits for a seat again that was silent too often.
    public mutating func readmit(_ seat: String) throws(SimError) { try collector.readmit(seat) }

    /// A seat's program failed, or its connection was lost: it does nothing in the open tick. Others are not touched.
    @discardableResult
    public mutating func fail(_ seat: String, generation: Int64? = nil, reason: String) -> Bool {
        collector.fail(seat, generation: generation, reason: reason)
    }

    /// A seat does nothing in a tick; it is not waited for.
    public mutating func pass(_ seat: String, generation: Int64, tick: Int64) {
        collector.pass(seat, generation: generation, tick: tick)
    }

    /// Returns the welcome for a seat that was taken.
    public func welcome(_ seat: Seat, generation: Int64) -> SimWelcome {
        SimWelcome(
            seat: seat.name, generation: generation, sim: sim, domain: domain, tick: collector.tick,
            actions: collector.catalog, latePolicy: seat.latePolicy, barrier: collector.rules.barrier)
    }

    // MARK: A tick

    /// The line of the record with which it begins.
    public mutating func begin() throws -> SimRecording.Tick { try run.begin() }

    /// Opens the next tick. A seat whose body is gone sees nothing and can do nothing: nobody waits for it.
    public mutating func open(now: Int64) throws(SimError) {
        try collector.open(collector.tick, now: now)
        let turn = run.model.turn
        for seat in collector.seats.current {
            if let body = turn.body(of: seat.name), turn.world.contains(body.entity) { continue }
            pass(seat.name, generation: seat.generation, tick: collector.tick)
        }
    }

    /// Returns what a seat sees of the last sealed tick; nil while it has no body.
    public func scene(of seat: String) -> Scene? { scene(of: seat, run.model.turn) }

    /// What the seats see, in their order: those that have a body, and of these the ones that are asked for.
    public func scenes(of isAsked: (String) -> Bool = { _ in true }) -> [(seat: Seat, scene: Scene)] {
        let turn = run.model.turn
        return collector.seats.current.compactMap { seat in
            isAsked(seat.name) ? scene(of: seat.name, turn).map { (seat, $0) } : nil
        }
    }

    func scene(of seat: String, _ turn: Turn<Rules>) -> Scene? {
        guard let body = turn.body(of: seat), turn.world.contains(body.entity) else { return nil }
        return Scene(
            of: turn.world, viewer: body.entity,
            visibility: Rules.visibility(role: body.role, turn.parameters), tick: tick,
            actions: Rules.available(to: body, turn))
    }

    /// The seats' next observations, in their order: each as a difference to what the seat has acknowledged.
    public mutating func observations(
        of isAsked: (String) -> Bool = { _ in true }, deadlineMillis: Int64? = nil
    ) -> [SimObservation] {
        let (first, budget) = (ObservationEncoder(sim: sim), budget)
        return scenes(of: isAsked).map { seat, scene in
            let observation = encoders[seat.name, default: first].encode(scene, budget: budget)
            return SimObservation(
                seat: seat.name, generation: seat.generation, tick: observation.tick,
                sequence: observation.sequence, base: observation.base, deadlineMillis: deadlineMillis,
                payload: observation.json)
        }
    }

    /// Handles an acknowledgement: a seat has an observation, or needs a full one.
    public mutating func acknowledge(_ ack: SimAck) {
        guard collector.seats[ack.seat]?.generation == ack.generation else { return }
        if ack.keyframe == true { encoders[ack.seat]?.requestKeyframe() }
        if let seen = ack.passAfter { pass(ack.seat, generation: ack.generation, tick: seen + 1) }
        _ = encoders[ack.seat]?.acknowledge(ack.sequence)
    }

    /// Accepts a seat's submission.
    public mutating func submit(_ submission: Submission, now: Int64) -> Receipt {
        collector.submit(submission, now: now)
    }

    /// Accepts a command from a member without a seat.
    public mutating func command(_ command: Command, now: Int64) -> Receipt { collector.command(command, now: now) }

    /// The results of a sealed tick.
    public struct Sealed: Sendable {
        /// The line of the record.
        public var line: SimRecording.Tick
        /// The results for the seats, by seat.
        public var results: [SimResult]
        /// The results of commands, whose issuers have no seat.
        public var commands: [SimResult]
        /// The exported values.
        public var exports: [(key: String, value: JSON)]
        /// Faults of the scenario's rules.
        public var faults: [String]
    }

    /// Seals the open tick and steps the world. Fails when no tick is open.
    public mutating func seal(
        now: Int64, imports: [SealedImport] = [], checkpoint: Bool = false
    ) throws -> Sealed {
        let seal = try collector.seal(now: now, imports: imports)
        var line = try run.advance(seal, checkpoint: checkpoint)
        if checkpoint { line.seats = try JSONCoder.encode(HostSeats(sim, domain, collector, encoders)) }
        let (results, commands) = results()
        return Sealed(
            line: line, results: results, commands: commands, exports: Rules.exports(run.model.turn),
            faults: run.model.faults)
    }

    /// The receipts of the last seal, with what the world made of those that reached it.
    private func results() -> (seats: [SimResult], commands: [SimResult]) {
        var outcomes: [String: ActionOutcome] = [:]
        func key(_ seat: String, _ generation: Int64, _ sequence: Int64) -> String {
            "\(generation)/\(sequence)/\(seat)"
        }
        for one in run.model.outcomes { outcomes[key(one.seat, one.generation, one.sequence)] = one }
        var seats: [SimResult] = []
        var commands: [SimResult] = []
        for receipt in collector.receipts {
            var result = SimActionResult(receipt)
            if result.accepted, let outcome = outcomes[key(receipt.seat, receipt.generation, receipt.sequence)] {
                result.accepted = outcome.accepted
                result.reason = outcome.reason
                result.effects = outcome.effects
            }
            // Generation 0 is nobody's: it marks commands.
            if receipt.generation == 0 {
                Self.add(result, of: receipt, to: &commands)
            } else {
                Self.add(result, of: receipt, to: &seats)
            }
        }
        return (seats, commands)
    }

    private static func add(_ result: SimActionResult, of receipt: Receipt, to list: inout [SimResult]) {
        if let last = list.last, last.seat == receipt.seat, last.generation == receipt.generation {
            list[list.count - 1].results.append(result)
        } else {
            list.append(SimResult(seat: receipt.seat, generation: receipt.generation, results: [result]))
        }
    }
}

/// The state of the seats in a checkpoint.
private struct HostSeats: Codable {
    struct Held: Codable {
        var seat: String
        var encoder: ObservationEncoder
    }
    var sim: String
    var domain: String
    var collector: TickCollector
    var encoders: [Held]

    init(_ sim: String, _ domain: String, _ collector: TickCollector, _ encoders: [String: ObservationEncoder]) {
        self.sim = sim
        self.domain = domain
        self.collector = collector
        self.encoders = collector.seats.current.compactMap { seat in
            encoders[seat.name].map { Held(seat: seat.name, encoder: $0) }
        }
    }
}

extension SimHost {
    /// Resumes a simulation from a checkpoint of its record: the last, or that of a tick. The seats are held as they
    /// were, and what was pending is. Fails when there is no such checkpoint, or it is of other rules.
    public init(resuming recording: SimRecording, at tick: Int64? = nil, budget: ObservationBudget = .none) throws {
        let checkpoints = recording.ticks.filter { $0.state != nil && $0.seats != nil }
        guard let line = tick == nil ? checkpoints.last : checkpoints.first(where: { $0.tick == tick }) else {
            let known = checkpoints.map { String($0.tick) }.joined(separator: ", ")
            throw SimError(
                known.isEmpty
                    ? "the recording has no checkpoint to go on from; record with checkpoints"
                    : "no checkpoint of tick \(tick ?? 0) has its seats; those of \(known) have")
        }
        run = try SimRunner(recording, from: line.tick)
        seed = UInt64(recording.header.seed) ?? 0
        let held: HostSeats
        do { held = try JSONCoder.decode(HostSeats.self, from: line.seats ?? .null) } catch {
            throw SimError("the seats of tick \(line.tick) cannot be read: \(error)")
        }
        guard held.collector.sealedTick == line.tick else {
            throw SimError("the seats of tick \(line.tick) are of tick \(held.collector.sealedTick)")
        }
        guard held.collector.catalog == (try Rules.catalog()) else {
            throw SimError("the run has other actions than these rules")
        }
        (sim, domain, collector) = (held.sim, held.domain, held.collector)
        self.budget = budget
        for one in held.encoders { encoders[one.seat] = one.encoder }
    }
}
