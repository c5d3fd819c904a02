/// Stamps batches: never backwards, steady while the wall clock jumps. It follows the monotonic clock and lets the
/// difference to the wall clock shrink by at most a tenth of the time that passes.
package struct BatchClock: Sendable {
    private var last: Int64
    private var anchor: (stamp: Int64, monotonic: Int64)?

    /// Continues after the last stamp that a mesh has seen, Unix milliseconds.
    package init(last: Int64) { self.last = last }

    /// The time of the next batch, from the wall clock (Unix milliseconds) and the monotonic one (milliseconds).
    package mutating func stamp(wall: Int64, monotonic: Int64) -> Int64 {
        last = time(wall: wall, monotonic: monotonic)
        // Not at each batch: a tenth of a few milliseconds rounds to nothing, and the clock would never be corrected.
        if anchor.map({ monotonic - $0.monotonic >= 50 }) ?? true { anchor = (last, monotonic) }
        return last
    }

    /// The mesh's current time; nothing is stamped.
    package func time(wall: Int64, monotonic: Int64) -> Int64 {
        guard let anchor else { return max(last, wall) }
        let elapsed = max(0, monotonic - anchor.monotonic)
        let steady = anchor.stamp + elapsed
        let limit = elapsed / 10
        return max(last, steady + min(max(wall - steady, -limit), limit))
    }
}
