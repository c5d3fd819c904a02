import MeshCore

/// Runs a simulation for peers: input (messages, time, clock ticks, values of other domains) goes to the host, and
/// what to send, publish and record comes out. A value without clock, task or socket: the same inputs at the
/// same times give the same outputs.
public struct ControllerMachine<Rules: Scenario>: Sendable {
    /// The effects to carry out, in this order.
    public enum Output: Sendable {
        /// A message to a peer.
        case send(SimMessage, to: String)
        /// A line of the record.
        case record(SimRecording.Tick)
        /// Changes of the mesh's state; the last one is the tick's manifest.
        case publish([StateChange])
        /// A failure of the scenario's rules.
        case fault(String)
        /// The run is over.
        case ended(SimEnd)
    }

    /// The simulation.
    public internal(set) var host: SimHost<Rules>
    /// The pace.
    public internal(set) var pacer: Pacer
    /// The number of ticks that began behind real time, and the maximum lag in milliseconds.
    public internal(set) var overruns: (count: Int64, maximumLagMillis: Int64) = (0, 0)
    /// The time of the next timer, in milliseconds of the clock that is passed in.
    public internal(set) var nextWake: Int64?
    /// Whether the run is over.
    public internal(set) var isEnded = false

    let settings: ControllerSettings
    let agents: [LocalAgent]
    var holders: [String: Holder] = [:]
    /// Seats that were handed over and wait for their new mind: the key of the member who may take them, or nil when anybody
    /// may.
    var vacant: [String: PublicKey?] = [:]
    /// The pace to go back to after a pause.
    var resumePacing: Pacing
    var clockTicks: Int64 = 0
    var inputs: DomainInputs
    var publisher: TickPublisher?
    var sealedExports = SealedExports()
    /// Where the results of commands go, by the member's key in hex; looked up, never iterated.
    var commanders: [String: String] = [:]
    var stopReason: String?
    var seatNumber: Int64 = 0

    /// The peer that plays a seat.
    struct Holder: Sendable {
        var address: String
        /// The member's key; nil in records of older versions, which named members: then only the address counts.
        var member: PublicKey?
        var name: String
        var generation: Int64
        var isGone = false

        /// Reports whether a seat is this member's.
        func isHeld(by other: SimMember, at place: String) -> Bool {
            member.map { $0 == other.key } ?? (address == place)
        }
    }

    /// Reports whether a seat is played by this member from this address.
    func plays(_ member: SimMember, _ address: String, _ seat: String) -> Bool {
        holders[seat].map { $0.address == address && $0.isHeld(by: member, at: address) } ?? false
    }

    /// Makes a machine and takes the agents' seats. Fails when a setting is invalid.
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

    /// Restores a machine from a checkpoint of a record, with the seats and their holders.
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
                holders[one.seat] = Holder(
                    address: one.address, member: PublicKey(hex: one.member), name: one.name ?? one.member,
                    generation: one.generation)
            }
        } catch { throw SimError("who holds the seats of tick \(tick) cannot be read: \(error)") }
    }

    /// The holder of a seat in a checkpoint.
    struct HeldSeat: Codable {
        var seat: String
        var address: String
        /// The member's key in hex; in records of older versions its name.
        var member: String
        var name: String?
        var generation: Int64
    }

    var heldSeats: [HeldSeat] {
        host.collector.seats.upcoming.compactMap { seat in
            holders[seat.name].map {
                HeldSeat(
                    seat: seat.name, address: $0.address, member: $0.member?.hex ?? $0.name, name: $0.name,
                    generation: $0.generation)
            }
        }
    }

    // MARK: What comes in

    /// Starts: the first line of the record, and the state before the first tick.
    public mutating func begin(now: Int64) throws -> [Output] {
        guard host.tick == 0 else {
            // Resumed: the record continues, and each seat is notified.
            return drive(now: now)
        }
        let line = try host.begin()
        var outputs: [Output] = [.record(line)]
        outputs += try publish(line)
        return outputs + drive(now: now)
    }

    /// Handles a message of a peer. `address` is where answers go, `member` is the sender.
    public mutating func receive(
        _ message: SimMessage, from address: String, member: SimMember, now: Int64
    ) -> [Output] {
        guard !isEnded else { return [.send(.end(end(reason: stopReason ?? "the run is over")), to: address)] }
        var outputs: [Output] = []
        switch message {
        case .join(let join): outputs = admit(join, address, member)
        case .action(let action): outputs = act(action, address, member, now)
        case .ack(let ack):
            if plays(member, address, ack.seat) { host.acknowledge(ack) }
        case .leave(let leave):
            if plays(member, address, leave.seat), holders[leave.seat]?.generation == leave.generation {
                holders[leave.seat] = nil
                // A seat that was taken and not begun can be given up as well; anything else was given up already.
                try? host.giveUp(leave.seat)
            }
        case .command(let command): outputs = order(command, address, member, now)
        case .welcome, .observation, .result, .end, .error: break
        }
        return outputs + drive(now: now)
    }

    /// Handles a lost connection: the peer's seats do nothing until it comes back.
    public mutating func lost(_ address: String, now: Int64) -> [Output] {
        for seat in host.collector.seats.upcoming.map(\.name) where holders[seat]?.address == address {
            holders[seat]?.isGone = true
            host.fail(seat, reason: "its connection was lost")
        }
        return drive(now: now)
    }

    /// Handles a tick of the mesh's clock.
    public mutating func clock(_ tick: Int64, now: Int64) -> [Output] {
        clockTicks = max(clockTicks, tick)
        return drive(now: now)
    }

    /// Handles a sealed tick of another domain.
    public mutating func imported(_ values: SealedImport, now: Int64) -> [Output] {
        inputs.add(values)
        return drive(now: now)
    }

    /// Handles the passing of time, or a stop.
    public mutating func time(_ now: Int64, stop: String? = nil) -> [Output] {
        if let stop { stopReason = stopReason ?? stop }
        return drive(now: now)
    }
}
