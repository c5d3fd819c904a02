/// Makes the simulation clock run at a speed.
public struct SetClock: WriteRequest {
    @Field("The factor of real time, in steps of a thousandth.", .numbers(1...100)) public var speed: Double
    @Field(
        "Simulated milliseconds per tick; fixed at creation.", .range(1_000...86_400_000), default: 60_000)
    public var tickMillis: Int64?
    public init(speed: Double, tickMillis: Int64? = nil) {
        self.speed = speed
        self.tickMillis = tickMillis
    }
    public static let declaration = RequestDeclaration(
        "set_clock", "Set the speed of the simulation clock; the first call creates and starts it.", needs: .write,
        about: .clock, http: .put("clock"), hints: .idempotent, errors: [.conflict])
    public typealias Answer = ClockStatus
    public init() {}
}

/// Stops the simulation clock.
public struct PauseClock: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "pause_clock", "Stop the simulation clock.", needs: .write, about: .clock, http: .post("clock/pause"),
        hints: .idempotent, errors: [.noClock, .conflict])
    public typealias Answer = ClockStatus
}

/// Lets the simulation clock run on.
public struct ResumeClock: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "resume_clock", "Resume the simulation clock.", needs: .write, about: .clock, http: .post("clock/resume"),
        hints: .idempotent, errors: [.noClock, .conflict])
    public typealias Answer = ClockStatus
}

/// Adds one tick to a clock that is paused.
public struct StepClock: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "step_clock", "Advance a paused simulation clock by one tick.", needs: .write, about: .clock,
        http: .post("clock/step"), errors: [.noClock, .conflict])
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock.
public struct GetClock: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "get_clock", "Get the simulation clock as of the mesh's last change; without a clock: speed 0, paused, tick 0.",
        needs: .observe, about: .clock, http: .get("clock"), hints: .idempotent)
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock, and gets every tick and change from then on.
public struct WatchClock: WatchRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "watch_clock", "Get the clock, then a `tick` event for each tick and `clock_changed` for each change.",
        needs: .observe, about: .clock, http: .webSocketOnly, hints: .idempotent, errors: [.capacity])
    public static let updates: [any DeclaredPush.Type] = [SystemEvent.self]
    public typealias Answer = ClockStatus
}

/// Ends the connection's watch of the clock.
public struct UnwatchClock: WatchRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "unwatch_clock", "End the connection's watch of the clock.", needs: .observe, about: .clock,
        http: .webSocketOnly, hints: .idempotent)
    public static let updates: [any DeclaredPush.Type] = []
    public typealias Answer = ClockStatus
}

/// The simulation clock.
public struct ClockStatus: Reply, Declared, Hashable {
    public static let type = "clock_status"
    @Field("The factor of real time; 0 when there is no clock.") public var speed: Double
    @Field("Whether the clock is paused.") public var paused: Bool
    @Field("Why the clock is paused: `asked` or `empty`.") public var pausedBy: String?
    @Field("The number of ticks begun.") public var tick: Int64
    @Field("Simulated time, ISO 8601.") public var simTime: String
    @Field("When simulated time began, ISO 8601.") public var startedAt: String
    @Field("Simulated milliseconds per tick.") public var tickMillis: Int64

    /// The status of a clock, or of none.
    public init(_ clock: SimulationClock?, at now: Int64) {
        guard let clock else {
            (speed, paused, tick, tickMillis) = (0, true, 0, SimulationClock.defaultTickMillis)
            simTime = Timestamp.iso8601(now)
            startedAt = simTime
            return
        }
        speed = Double(clock.speed) / 1_000
        paused = clock.pause != nil
        pausedBy = clock.pause?.rawValue
        tick = clock.tick(at: now)
        simTime = Timestamp.iso8601(clock.simulated(at: now))
        startedAt = Timestamp.iso8601(clock.start)
        tickMillis = clock.tickMillis
    }
    public init() {}
}
