/// A mesh's simulated time: a pure function of the mesh's own clock and of the changes made to it.
///
/// simulated = anchor + floor(elapsed x speed / 1000); tick = floor((simulated - start) / tick length). Neither ever
/// goes back, as long as the times passed in do not.
public struct SimulationClock: Sendable, Hashable, Codable {
    /// The valid speeds, in thousandths of real time.
    public static let speeds: ClosedRange<Int64> = 1_000...100_000
    /// The valid tick lengths, in simulated milliseconds.
    public static let tickLengths: ClosedRange<Int64> = 1_000...86_400_000
    /// The tick length when none is given.
    public static let defaultTickMillis: Int64 = 60_000

    /// Why it is paused.
    public enum Pause: String, Sendable, Hashable, Codable {
        /// Somebody paused it.
        case asked
        /// No subscriber was there when a tick began.
        case empty
    }

    /// In thousandths of real time.
    public private(set) var speed: Int64
    /// Why it is paused; nil while it runs.
    public private(set) var pause: Pause?
    /// The tick length in simulated milliseconds.
    public let tickMillis: Int64
    /// The start of simulated time: Unix milliseconds, the time at which the clock was created.
    public let start: Int64
    private var anchorWall: Int64
    private var anchorSimulated: Int64

    /// Makes a clock that runs from now on. The speed and the tick length must be valid.
    public init(speed: Int64, tickMillis: Int64 = defaultTickMillis, at now: Int64) {
        self.speed = speed
        self.tickMillis = tickMillis
        start = now
        anchorWall = now
        anchorSimulated = now
    }

    /// Simulated Unix milliseconds at a time of the mesh's clock.
    public func simulated(at now: Int64) -> Int64 {
        guard pause == nil else { return anchorSimulated }
        let (product, overflow) = max(0, now - anchorWall).multipliedReportingOverflow(by: speed)
        return overflow ? .max / 2 : anchorSimulated + product / 1_000
    }

    /// Number of ticks that have begun.
    public func tick(at now: Int64) -> Int64 { (simulated(at: now) - start) / tickMillis }

    /// When a tick begins, by the mesh's clock; nil while it is paused.
    public func due(_ tick: Int64) -> Int64? {
        guard pause == nil else { return nil }
        let left = start + tick * tickMillis - anchorSimulated
        return anchorWall + max(0, (left * 1_000 + speed - 1) / speed)
    }

    /// Changes the speed from now on.
    public mutating func set(speed: Int64, at now: Int64) {
        anchor(at: now)
        self.speed = speed
    }

    /// Pauses it; a reason replaces another one.
    public mutating func pause(_ reason: Pause, at now: Int64) {
        anchor(at: now)
        pause = reason
    }

    /// Resumes it.
    public mutating func resume(at now: Int64) {
        anchor(at: now)
        pause = nil
    }

    /// Adds the length of one tick while it is paused; false while it runs.
    public mutating func step() -> Bool {
        guard pause != nil else { return false }
        anchorSimulated += tickMillis
        return true
    }

    private mutating func anchor(at now: Int64) {
        anchorSimulated = simulated(at: now)
        anchorWall = max(anchorWall, now)
    }
}
