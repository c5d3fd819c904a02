/// Decides when each tick may begin. A value without a clock: its host passes the time, in monotonic milliseconds.
public struct Pacer: Sendable {
    /// When a tick may begin.
    public enum Start: Sendable, Hashable {
        /// Now; the tick counts as begun. The lag behind real time, in milliseconds.
        case now(lagMillis: Int64)
        /// Not before this time.
        case at(Int64)
        /// Not until the pace changes.
        case paused
    }
    /// The pace.
    public private(set) var pacing: Pacing
    /// What happens when it cannot be kept.
    public let overrun: OverrunPolicy
    /// The next tick with a known event, for `eventSkip`; nil: unknown, so every tick may have events.
    public var nextEvent: Int64?
    /// The lag of the last tick behind real time, in milliseconds; 0 at other paces.
    public private(set) var lagMillis: Int64 = 0
    /// The total time added by slowing down, in milliseconds.
    public private(set) var slippedMillis: Int64 = 0
    /// The tick and time from which real time is counted; nil: from the next tick.
    private var anchor: (tick: Int64, time: Int64)?
    private var stepsLeft: Int64 = 0

    /// Makes a pacer. Fails when a number is out of range.
    public init(_ pacing: Pacing, overrun: OverrunPolicy = .bestEffort) throws(SimError) {
        if case .hardLimit(let milliseconds) = overrun, milliseconds < 0 {
            throw SimError("a hard limit of \(milliseconds) ms; give 0 or more")
        }
        self.pacing = pacing
        self.overrun = overrun
        try change(to: pacing)
    }

    /// Changes the pace during a run. Real time is counted from the next tick: no lag is caught up. Fails
    /// when a number is out of range; the pace is then unchanged.
    public mutating func change(to pacing: Pacing) throws(SimError) {
        try pacing.check()
        self.pacing = pacing
        anchor = nil
        lagMillis = 0
        if case .step(let ticks) = pacing { stepsLeft = ticks } else { stepsLeft = 0 }
    }

    /// Whether a tick waits for its barrier; otherwise it is sealed with what has arrived.
    public func waitsForBarrier(_ tick: Int64) -> Bool {
        switch pacing {
        case .asFastAsPossible: false
        case .eventSkip: nextEvent.map { tick >= $0 } ?? true
        case .paused, .step, .realTime, .barrier: true
        }
    }

    /// Asks to begin a tick. Fails when the lag exceeds the hard limit; the run is then stopped.
    public mutating func begin(_ tick: Int64, now: Int64) throws(SimError) -> Start {
        switch pacing {
        case .paused: return .paused
        case .step:
            guard stepsLeft > 0 else {
                pacing = .paused
                return .paused
            }
            stepsLeft -= 1
            return .now(lagMillis: 0)
        case .asFastAsPossible, .barrier, .eventSkip: return .now(lagMillis: 0)
        case .realTime(let times, let tickMillis): return try beginInRealTime(tick, now, times, tickMillis)
        }
    }

    private mutating func beginInRealTime(
        _ tick: Int64, _ now: Int64, _ times: Double, _ tickMillis: Int64
    ) throws(SimError) -> Start {
        let start = anchor ?? (tick, now)
        anchor = start
        // From the anchor, not from tick to tick, so that rounding errors do not accumulate.
        let since = (Double(tick &- start.tick) * Double(tickMillis) / times).rounded(.down)
        let due = start.time &+ (Int64(exactly: since) ?? .max / 4)
        guard now >= due else { return .at(due) }
        let lag = now - due
        if case .hardLimit(let limit) = overrun, lag > limit {
            throw SimError(
                "tick \(tick) is \(lag) ms behind real time, \(limit) are allowed; slow the pace or raise the limit")
        }
        lagMillis = lag
        if case .slowDown = overrun, lag > 0 {
            anchor = (tick, now)
            slippedMillis += lag
        }
        return .now(lagMillis: lag)
    }
}
