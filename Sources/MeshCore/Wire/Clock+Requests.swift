/// Makes the simulation clock run at a speed.
public struct SetClock: Request {
    /// Times real time.
    public var speed: Double
    /// Simulated milliseconds of a tick.
    public var tickMillis: Int64?
    /// Makes a request.
    public init(speed: Double, tickMillis: Int64? = nil) {
        self.speed = speed
        self.tickMillis = tickMillis
    }
    public static let type = "set_clock"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Set the speed of the simulation clock; the first time makes it and lets it run."
    public static let fields = [
        "speed": "1 to 100 times real time, in steps of a thousandth.",
        "tickMillis":
            "Simulated milliseconds of a tick, 1,000 to 86,400,000; 60,000 when absent; fixed when it is made.",
    ]
    public typealias Answer = ClockStatus
}

/// Stops the simulation clock.
public struct PauseClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "pause_clock"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Stop the simulation clock."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// Lets the simulation clock run on.
public struct ResumeClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "resume_clock"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Let the simulation clock run on."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// Adds one tick to a clock that is paused.
public struct StepClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "step_clock"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Add one tick to a simulation clock that is paused."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock.
public struct GetClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "get_clock"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The simulation clock as of the mesh's last change; with no clock speed 0, paused, tick 0."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// Reads the simulation clock, and gets every tick and change from then on.
public struct WatchClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "watch_clock"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help = "As `get_clock`, then a `tick` event for each tick and `clock_changed` for each change."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// Ends the connection's watch of the clock.
public struct UnwatchClock: Request {
    /// Makes a request.
    public init() {}
    public static let type = "unwatch_clock"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help = "End the connection's watch of the clock."
    public static let fields: [String: String] = [:]
    public typealias Answer = ClockStatus
}

/// The simulation clock.
public struct ClockStatus: Reply, Hashable {
    public static let type = "clock_status"
    /// Times real time; 0 when there is no clock.
    public var speed: Double
    /// Whether it stands.
    public var paused: Bool
    /// Why it stands: `asked` or `empty`.
    public var pausedBy: String?
    /// Ticks that have begun.
    public var tick: Int64
    /// Simulated time, ISO 8601.
    public var simTime: String
    /// When simulated time began, ISO 8601.
    public var startedAt: String
    /// Simulated milliseconds of a tick.
    public var tickMillis: Int64

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
}
