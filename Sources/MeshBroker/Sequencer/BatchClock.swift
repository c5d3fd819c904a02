/// Stamps batches: never backwards, steady while the wall clock jumps. It follows the monotonic clock and lets the
/// difference to the wall clock shrink by at most a tenth of the time that passes.
package struct BatchClock: Sendable {
    private var last: Int64
    private var anchor: (stamp: Int64, monotonic: Int64)?

    /// Continues after the last stamp that a mesh has seen, Unix milliseconds.
    package init(last: Int64) { self.last = last }

    /// The time of the next batch, from the wall clock (Unix milliseconds) and the monotonic one (milliseconds).
    package mutating func stamp(wall: Int64, monotonic: Int64) -> Int64 {
        guard let anchor else {
            last = max(last, wall)
            self.anchor = (last, monotonic)
            return last
        }
        let elapsed = max(0, monotonic - anchor.monotonic)
        let steady = anchor.stamp + elapsed
        let limit = elapsed / 10
        let correction = min(max(wall - steady, -limit), limit)
        last = max(last, steady + correction)
        self.anchor = (last, monotonic)
        return last
    }
}
