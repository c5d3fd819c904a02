import MeshCore
import MeshStore

/// The simulation clock: one per mesh, derived from the mesh's own time, with ticks for its subscribers.
enum Clock {
    static let tickTimer = TimerKind(rawValue: "clock.tick")
    static let channel = "clock"
    /// Ticks that are sent one by one when a broker is late; older ones are only counted.
    static let maximumAnnounced: Int64 = 1_000

    /// The clock, and the last tick that was sent.
    final class Memory: CapabilityMemory {
        var clock: SimulationClock?
        var announced: Int64 = 0
        init() {}
    }

    static let capability = Capability("clock") {
        Write(SetClock.self) { request, context in try set(request, context) }
        Write(PauseClock.self) { _, context in
            try change("clock.paused", context) { clock in clock.pause(.asked, at: context.now) }
        }
        Write(ResumeClock.self) { _, context in
            try change("clock.resumed", context) { clock in clock.resume(at: context.now) }
        }
        Write(StepClock.self) { _, context in
            try change("clock.stepped", context) { clock in
                guard clock.step() else {
                    throw MeshError(
                        .conflict, "the clock runs", hint: "pause it first: only a clock that stands is stepped")
                }
            }
        }
        Read(GetClock.self) { _, view in ClockStatus(view.state.memory(Memory.self).clock, at: view.now) }
        Watch(WatchClock.self) { _, watch in
            try watch.subscribe(channel: channel, prefix: "", name: "clock")
            return ClockStatus(watch.view.state.memory(Memory.self).clock, at: watch.view.now)
        }
        Watch(UnwatchClock.self) { _, watch in
            _ = watch.unsubscribe(channel: channel, name: "clock")
            return ClockStatus(watch.view.state.memory(Memory.self).clock, at: watch.view.now)
        }
        Timer(tickTimer) { _, context in try fire(context) }
        Load { state in
            let memory = state.memory(Memory.self)
            memory.clock = try MetaTable(state.database).text("clock").map {
                try JSONCoder.decode(SimulationClock.self, from: JSON.parse(Array($0.utf8), limits: .frame))
            }
            memory.announced = memory.clock?.tick(at: state.now) ?? 0
            if let due = memory.clock?.due(memory.announced + 1) { state.timers.arm(tickTimer, key: 0, due: due) }
        }
    }

    private static func set(_ request: SetClock, _ context: WriteContext) throws -> ClockStatus {
        let thousandths = (request.speed * 1_000).rounded()
        guard let speed = Int64(exactly: thousandths) else {
            throw MeshError(.internalError, "a speed that is not within its declared bounds: \(request.speed)")
        }
        let known = context.state.memory(Memory.self).clock
        if let length = request.tickMillis, let known, known.tickMillis != length {
            throw MeshError(
                .conflict, "this clock's ticks are \(known.tickMillis) ms long, and stay so",
                hint: "leave tickMillis out")
        }
        var clock =
            known
            ?? SimulationClock(
                speed: speed, tickMillis: request.tickMillis ?? SimulationClock.defaultTickMillis, at: context.now)
        clock.set(speed: speed, at: context.now)
        return try store(clock, "clock.set", context)
    }

    private static func change(
        _ kind: String, _ context: WriteContext, _ body: (inout SimulationClock) throws -> Void
    ) throws -> ClockStatus {
        guard var clock = context.state.memory(Memory.self).clock else {
            throw MeshError(.noClock, "this mesh has no simulation clock", hint: "make it: mesh-cli clock set 10")
        }
        try body(&clock)
        return try store(clock, kind, context)
    }

    /// Stores a changed clock, notifies its subscribers, and arms its next tick.
    private static func store(_ clock: SimulationClock, _ kind: String, _ context: WriteContext) throws -> ClockStatus {
        try MetaTable(context.state.database).set("clock", try JSONCoder.encode(clock).text)
        let memory = context.state.memory(Memory.self)
        memory.clock = clock
        let status = ClockStatus(clock, at: context.now)
        try context.record(
            kind, ["speed": .integer(clock.speed), "tick": .integer(status.tick), "paused": .bool(status.paused)])
        announceTicks(upTo: status.tick, clock, context)
        tell(
            "clock_changed", try JSONCoder.encode(status).objectValue ?? JSONObject(),
            id: "clock|\(context.state.ledger.size)", context)
        arm(clock, context)
        return status
    }

    /// Handles the start of a tick: notifies the subscribers or, when there are none, stops the clock.
    private static func fire(_ context: WriteContext) throws -> Bool {
        let memory = context.state.memory(Memory.self)
        guard var clock = memory.clock, clock.pause == nil else { return false }
        let tick = clock.tick(at: context.now)
        if tick > memory.announced {
            announceTicks(upTo: tick, clock, context)
            let isEmpty = !context.state.roster.sessionOrder.contains {
                context.state.roster.sessions[$0]?.isAnnounced == true
            }
            if isEmpty {
                clock.pause(.empty, at: context.now)
                _ = try store(clock, "clock.paused_empty", context)
                return true
            }
        }
        arm(clock, context)
        return true
    }

    private static func arm(_ clock: SimulationClock, _ context: WriteContext) {
        guard let due = clock.due(clock.tick(at: context.now) + 1) else { return }
        context.arm(tickTimer, key: 0, due: due)
    }

    /// Makes the event, the same for every subscriber: it has only what follows from the state.
    private static func announceTicks(upTo tick: Int64, _ clock: SimulationClock, _ context: WriteContext) {
        let memory = context.state.memory(Memory.self)
        guard tick > memory.announced else { return }
        for number in max(memory.announced + 1, tick - maximumAnnounced + 1)...tick {
            tell(
                "tick",
                [
                    "tick": .integer(number),
                    "simTime": .string(Timestamp.iso8601(clock.start + number * clock.tickMillis)),
                    "speed": .double(Double(clock.speed) / 1_000),
                ], id: "tick|\(number)", context)
        }
        memory.announced = tick
    }

    private static func tell(_ event: String, _ data: JSONObject, id: String, _ context: WriteContext) {
        let watchers = context.state.subscriptions.interests(in: channel)
        guard !watchers.isEmpty else { return }
        let mesh = context.state.facts.id
        let push = SharedPush(
            SystemEvent(
                event: event, data: data, id: Hex.encode(Hashing.sha256(Array("\(mesh)|\(id)".utf8)).prefix(16)),
                meshID: mesh, at: context.now))
        for watcher in watchers { context.push(push, to: watcher.connection, bytes: WriteContext.smallPush) }
    }
}
