/// Makes the simulation clock run at a speed.
public struct SetClock: WriteRequest {
    @Field("Times real time, in steps of a thousandth.", .numbers(1...100)) public var speed: Double
    @Field(
        "Simulated milliseconds of a tick; fixed when the clock is made.", .range(1_000...86_400_000), default: 60_000)
    public var tickMillis: Int64?
    public init(speed: Double, tickMillis: Int64? = nil) {
        self.speed = speed
        self.tickMillis = tickMillis
    }
    public static let declaration = RequestDeclaration(
        "set_clock", "Set the speed of the simulation clock; the first time makes it and lets it run.", needs: .write,
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
        "resume_clock", "Let the simulation clock run on.", needs: .write, about: .clock, http: .post("clock/resume"),
        hints: .idempotent, errors: [.noClock, .conflict])
    public typealias Answer = ClockStatus
}

/// Adds one tick to a clock that is paused.
public struct StepClock: WriteRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "step_clock", "Add one tick to a simulation clock that is paused.", needs: .write, about: .clock,
        http: .post("clock/step"), errors: [.noClock, .conflict])
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock.
public struct GetClock: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "get_clock", "The simulation clock as of the mesh's last change; with no clock speed 0, paused, tick 0.",
        needs: .observe, about: .clock, http: .get("clock"), hints: .idempotent)
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock, and gets every tick and change from then on.
public struct WatchClock: WatchRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "watch_clock", "As `get_clock`, then a `tick` event for each tick and `clock_changed` for each change.",
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
    @Field("Times real time; 0 when there is no clock.") public var speed: Double
    @Field("Whether it stands.") public var paused: Bool
    @Field("Why it stands: `asked` or `empty`.") public var pausedBy: String?
    @Field("Ticks that have begun.") public var tick: Int64
    @Field("Simulated time, ISO 8601.") public var simTime: String
    @Field("When simulated time began, ISO 8601.") public var startedAt: String
    @Field("Simulated milliseconds of a tick.") public var tickMillis: Int64

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
