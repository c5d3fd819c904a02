import MeshCore

/// Runs a simulation for peers: what comes in (messages, time, ticks of a clock, values of other domains) goes to the host, and
/// what is to be sent, published and recorded comes out. A value without a clock, a task or a socket: the same inputs at the
/// same times give the same outputs.
public struct ControllerMachine<Rules: Scenario>: Sendable {
    /// What is to be done, in this order.
    public enum Output: Sendable {
        /// A message to a peer.
        case send(SimMessage, to: String)
        /// A line of the record.
        case record(SimRecording.Tick)
        /// Changes of the mesh's state; the last one is the tick's manifest.
        case publish([StateChange])
        /// What the scenario's rules could not do.
        case fault(String)
        /// The run is over.
        case ended(SimEnd)
    }

    /// The simulation.
    public private(set) var host: SimHost<Rules>
    /// How fast.
    public private(set) var pacer: Pacer
    /// Ticks that have begun behind real time, and by how much at most, in milliseconds.
    public private(set) var overruns: (count: Int64, maximumLagMillis: Int64) = (0, 0)
    /// When there is something to do although nothing comes, in milliseconds of the clock that is handed in.
    public private(set) var nextWake: Int64?
    /// Whether the run is over.
    public private(set) var isEnded = false

    private let settings: ControllerSettings
    private let agents: [LocalAgent]
    private var holders: [String: Holder] = [:]
    /// Seats that were handed over and wait for their new mind: whose member may take them, or anybody's when nil.
    private var vacant: [String: String?] = [:]
    /// The pace to go back to after a pause.
    private var resumePacing: Pacing
    private var clockTicks: Int64 = 0
    private var inputs: DomainInputs
    private var publisher: TickPublisher?
    private var sealedExports = SealedExports()
    private var stopReason: String?
    private var seatNumber: Int64 = 0

    /// Who plays a seat from outside.
    private struct Holder: Sendable {
        var address: String
        var member: String
        var generation: Int64
        var isGone = false
    }

    /// Makes a machine; the agents' seats are taken. Fails when a setting makes no sense.
    public init(
        _ host: SimHost<Rules>, agents: [LocalAgent] = [], settings: ControllerSettings = ControllerSettings()
    ) throws {
        self.host = host
        self.agents = agents
        self.settings = settings
        pacer = try Pacer(settings.pacing, overrun: settings.overrun)
        resumePacing = settings.pacing == .paused ? .barrier : settings.pacing
        inputs = DomainInputs(settings.inputs)
        if settings.publishes { publisher = try TickPublisher(domain: host.domain) }
        try self.host.seat(agents)
    }

    /// A machine that goes on from a checkpoint of a record: with the seats, and with who holds them.
    public init(
        resuming recording: SimRecording, budget: ObservationBudget = .none, agents: [LocalAgent] = [],
        settings: ControllerSettings = ControllerSettings()
    ) throws {
        try self.init(
            try SimHost(resuming: recording, budget: budget), agents: agents, settings: settings)
        let tick = host.tick
        let held = recording.ticks.first { $0.tick == tick }?.holders ?? .array([])
        do {
            for one in try JSONCoder.decode([HeldSeat].self, from: held) {
                holders[one.seat] = Holder(address: one.address, member: one.member, generation: one.generation)
            }
        } catch { throw SimError("who holds the seats of tick \(tick) cannot be read: \(error)") }
    }

    /// Who holds a seat, as a checkpoint has it.
    private struct HeldSeat: Codable {
        var seat: String
        var address: String
        var member: String
        var generation: Int64
    }

    private var heldSeats: [HeldSeat] {
        host.collector.seats.upcoming.compactMap { seat in
            holders[seat.name].map {
                HeldSeat(seat: seat.name, address: $0.address, member: $0.member, generation: $0.generation)
            }
        }
    }

    // MARK: What comes in

    /// The first line of the record, and what there is to see before the first tick.
    public mutating func begin(now: Int64) throws -> [Output] {
        guard host.tick == 0 else {
            // It goes on: what was recorded is recorded, and each seat is told where it is.
            return drive(now: now)
        }
        let line = try host.begin()
        var outputs: [Output] = [.record(line)]
        outputs += try publish(line)
        return outputs + drive(now: now)
    }

    /// A message of a peer. `address` is where answers go, `member` who it is.
    public mutating func receive(_ message: SimMessage, from address: String, member: String, now: Int64) -> [Output] {
        guard !isEnded else { return [.send(.end(end(reason: stopReason ?? "the run is over")), to: address)] }
        var outputs: [Output] = []
        switch message {
        case .join(let join): outputs = admit(join, address, member)
        case .action(let action): outputs = act(action, address, now)
        case .ack(let ack):
            if holders[ack.seat]?.address == address { host.acknowledge(ack) }
        case .leave(let leave):
            if holders[leave.seat]?.address == address, holders[leave.seat]?.generation == leave.generation {
                holders[leave.seat] = nil
                // A seat that was taken and not begun can be given up as well; anything else was given up already.
                try? host.giveUp(leave.seat)
            }
        case .command(let command): outputs = order(command, address, member, now)
        case .welcome, .observation, .result, .end, .error: break
        }
        return outputs + drive(now: now)
    }

    /// A peer's connection is lost for good: its seats do nothing until it comes back.
    public mutating func lost(_ address: String, now: Int64) -> [Output] {
        for seat in host.collector.seats.upcoming.map(\.name) where holders[seat]?.address == address {
            holders[seat]?.isGone = true
            host.fail(seat, reason: "its connection was lost")
        }
        return drive(now: now)
    }

    /// The mesh's clock has reached a tick.
    public mutating func clock(_ tick: Int64, now: Int64) -> [Output] {
        clockTicks = max(clockTicks, tick)
        return drive(now: now)
    }

    /// Another domain has sealed a tick.
    public mutating func imported(_ values: SealedImport, now: Int64) -> [Output] {
        inputs.add(values)
        return drive(now: now)
    }

    /// Time has gone on, or the run is to stop.
    public mutating func time(_ now: Int64, stop: String? = nil) -> [Output] {
        if let stop { stopReason = stopReason ?? stop }
        return drive(now: now)
    }

    // MARK: Seats

    private mutating func admit(_ join: SimJoin, _ address: String, _ member: String) -> [Output] {
        do throws(SimError) {
            let name = join.name ?? freeName(join.role)
            if let held = holders[name] {
                guard held.member == member, held.isGone || held.address == address || join.resume == held.generation
                else { throw SimError("\(name) is held by \(held.member); take another name, or none") }
                if held.address == address, !held.isGone, join.resume == nil,
                    let seat = host.collector.seats.upcoming.first(where: { $0.name == name })
                {
                    // Asked twice: the same answer.
                    return [.send(.welcome(host.welcome(seat, generation: held.generation)), to: address)]
                }
                return try resume(name, join, address, member)
            }
            if host.collector.seats.upcoming.contains(where: { $0.name == name }) {
                // Nobody but whom it was handed over to: it is an agent's, or another's who was asked to take it.
                guard let heir = vacant[name], heir == nil || heir == member else {
                    throw SimError("\(name) is held; take another name, or none")
                }
                return try resume(name, join, address, member)
            }
            guard holders.values.count(where: { $0.member == member }) < settings.seatsPerMember else {
                throw SimError(
                    "\(member) holds \(settings.seatsPerMember) seats, the most that one may; leave one first")
            }
            guard let seat = settings.admit(name, join) else {
                let roles = settings.roles.joined(separator: ", ")
                throw SimError("no seat for the role \(join.role ?? "none"); there are \(roles)")
            }
            let generation = try host.take(seat)
            holders[name] = Holder(address: address, member: member, generation: generation)
            return [.send(.welcome(host.welcome(seat, generation: generation)), to: address)]
        } catch {
            return [.send(.error(SimFault(code: "no_seat", message: error.description)), to: address)]
        }
    }

    /// The same body for whoever held it and comes back, or for whom it was handed over to.
    private mutating func resume(
        _ name: String, _ join: SimJoin, _ address: String, _ member: String
    ) throws(SimError) -> [Output] {
        let generation = try host.handOver(name, to: join.mind)
        holders[name] = Holder(address: address, member: member, generation: generation)
        vacant[name] = nil
        // It was perhaps not waited for any more; it is again. Who was not demoted need not be readmitted.
        try? host.readmit(name)
        guard let seat = host.collector.seats.upcoming.first(where: { $0.name == name }) else { return [] }
        return [.send(.welcome(host.welcome(seat, generation: generation)), to: address)]
    }

    private mutating func freeName(_ role: String?) -> String {
        repeat {
            seatNumber += 1
        } while host.collector.seats.upcoming.contains {
            $0.name == "\(role ?? "seat")-\(seatNumber)"
        }
        return "\(role ?? "seat")-\(seatNumber)"
    }

    private mutating func act(_ action: SimAction, _ address: String, _ now: Int64) -> [Output] {
        guard holders[action.seat]?.address == address else {
            let fault = SimFault(
                code: "not_your_seat", message: "\(action.seat) is not your seat", hint: "join first: sim_join")
            return [.send(.error(fault), to: address)]
        }
        let receipt = host.submit(action.submission, now: now)
        // What is judged is told with its tick; only what was not taken, or was judged before, is answered at once.
        guard receipt.status != .pending else { return [] }
        let result = SimResult(
            seat: action.seat, generation: action.generation, results: [SimActionResult(receipt)])
        return [.send(.result(result), to: address)]
    }

    // MARK: Orders

    private mutating func order(
        _ command: SimCommand, _ address: String, _ member: String, _ now: Int64
    ) -> [Output] {
        func refuse(_ code: String, _ message: String, _ hint: String?) -> [Output] {
            [.send(.error(SimFault(code: code, message: message, hint: hint)), to: address)]
        }
        guard settings.mayCommand(member) else {
            return refuse(
                "forbidden", "\(member) may not command this simulation", "ask whoever runs it to allow you")
        }
        do {
            switch try SimOrder(command) {
            case .pause:
                remember(pacer.pacing)
                try pacer.change(to: .paused)
            case .resume: if pacer.pacing == .paused { try pacer.change(to: resumePacing) }
            case .step(let ticks):
                remember(pacer.pacing)
                try pacer.change(to: .step(ticks: ticks))
            case .pace(let pacing):
                try pacer.change(to: pacing)
                remember(pacing)
            case .stop(let reason): stopReason = reason ?? "stopped by \(member)"
            case .handOver(let seat, let mind, let heir):
                _ = try host.handOver(seat, to: mind)
                holders[seat] = nil
                // An agent of the scenario's own takes its seat back by itself.
                let isAgents = mind == .coded && heir == nil && agents.contains { $0.seat.name == seat }
                vacant[seat] = isAgents ? nil : .some(heir)
            case .readmit(let seat): try host.readmit(seat)
            case .act(let action, let arguments):
                let receipt = host.command(
                    Command(issuer: member, sequence: command.sequence, action: action, arguments: arguments), now: now)
                if receipt.status == .refused { return refuse("refused", receipt.reason ?? "not taken", nil) }
                commanders[member] = address
            }
            return []
        } catch let error as SimProtocolError {
            return [.send(error.answer, to: address)]
        } catch {
            return refuse("refused", "\(error)", nil)
        }
    }

    /// Keeps the pace to go back to: some steps and a pause are none.
    private mutating func remember(_ pacing: Pacing) {
        switch pacing {
        case .paused, .step: break
        default: resumePacing = pacing
        }
    }

    /// Where the results of somebody's commands go; looked up, never walked through.
    private var commanders: [String: String] = [:]

    // MARK: Ticks

    /// Goes as far as it can without anything more coming in.
    private mutating func drive(now: Int64) -> [Output] {
        var outputs: [Output] = []
        nextWake = nil
        do {
            // Bounded: a run without a barrier would never let its host look at what comes.
            for _ in 0..<settings.ticksAtOnce {
                if isEnded { return outputs }
                // Whoever stops a run does not wait for its seats: the open tick is never sealed.
                if let stopReason { return outputs + finish(stopReason) }
                if !host.collector.isOpen {
                    if let ticks = settings.ticks, host.tick >= ticks {
                        return outputs + finish("the scenario's last tick")
                    }
                    guard try beginTick(now, &outputs) else { return outputs }
                }
                guard !pacer.waitsForBarrier(host.collector.tick) || host.collector.isReady(now: now) else {
                    nextWake = host.collector.nextDeadline
                    return outputs
                }
                try sealTick(now, &outputs)
            }
            nextWake = now
        } catch {
            outputs.append(.fault("\(error)"))
            outputs += finish("\(error)", isFailure: true)
        }
        return outputs
    }

    private mutating func beginTick(_ now: Int64, _ outputs: inout [Output]) throws -> Bool {
        let tick = host.collector.tick
        if settings.followsClock, tick > clockTicks { return false }
        if host.tick == 0, holders.count < settings.minimumSeats { return false }
        guard inputs.values(for: tick) != nil else { return false }
        switch try pacer.begin(tick, now: now) {
        case .paused: return false
        case .at(let time):
            nextWake = time
            return false
        case .now(let lag):
            if lag > 0 { overruns = (overruns.count + 1, max(overruns.maximumLagMillis, lag)) }
        }
        try host.open(now: now)
        for seat in host.collector.seats.current.map(\.name) where holders[seat]?.isGone == true {
            host.fail(seat, reason: "its connection was lost")
        }
        let deadline = host.collector.rules.barrier.deadlineMillis
        if !holders.isEmpty {
            for observation in host.observations(of: { holders[$0] != nil }, deadlineMillis: deadline) {
                guard let holder = holders[observation.seat], !holder.isGone else { continue }
                outputs.append(.send(.observation(observation), to: holder.address))
            }
        }
        let (held, vacant) = (holders, vacant)
        host.act(agents, seed: settings.agentSeed, now: now) { held[$0] != nil || vacant[$0] != nil }
        return true
    }

    private mutating func sealTick(_ now: Int64, _ outputs: inout [Output]) throws {
        let tick = host.collector.tick
        let isCheckpoint = settings.checkpointEvery > 0 && tick % settings.checkpointEvery == 0
        let sealed = try host.seal(now: now, imports: inputs.values(for: tick) ?? [], checkpoint: isCheckpoint)
        inputs.forget(before: tick)
        var line = sealed.line
        if line.seats != nil { line.holders = try JSONCoder.encode(heldSeats) }
        outputs.append(.record(line))
        outputs += sealed.faults.map(Output.fault)
        for result in sealed.results {
            if let holder = holders[result.seat], holder.generation == result.generation {
                outputs.append(.send(.result(result), to: holder.address))
            }
        }
        for result in sealed.commands {
            if let address = commanders[result.seat] { outputs.append(.send(.result(result), to: address)) }
        }
        outputs += try publish(sealed.line, sealed.exports)
        if pacer.pacing == .eventSkip { pacer.nextEvent = Rules.nextEvent(host.model.turn) }
    }

    private mutating func publish(
        _ line: SimRecording.Tick, _ exports: [(key: String, value: JSON)]? = nil
    ) throws -> [Output] {
        guard publisher != nil, let chain = Digest(hex: line.chain) else { return [] }
        let exports = exports ?? Rules.exports(host.model.turn)
        sealedExports.add(tick: line.tick, exports)
        var values = exports.map { (name: $0.key, value: $0.value) }
        values.append((SealedExports.key, sealedExports.json(run: settings.run)))
        values.append((ControllerSettings.metricsKey, line.metrics))
        values.append((ControllerSettings.viewKey, WorldView.json(of: host.model.world)))
        let changes =
            try publisher?.publish(tick: line.tick, values: values, chain: chain, stateRoot: line.stateRoot) ?? []
        return changes.isEmpty ? [] : [.publish(changes)]
    }

    // MARK: The end

    private func end(reason: String) -> SimEnd {
        SimEnd(sim: host.sim, tick: host.tick, chain: host.run.chain.head.hex, reason: reason)
    }

    private mutating func finish(_ reason: String, isFailure: Bool = false) -> [Output] {
        isEnded = true
        nextWake = nil
        stopReason = reason
        var end = end(reason: reason)
        if isFailure { end.failed = true }
        let seats = host.collector.seats.upcoming.map(\.name)
        return seats.compactMap { seat in holders[seat].map { Output.send(.end(end), to: $0.address) } } + [.ended(end)]
    }
}
