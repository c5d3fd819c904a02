/// Remembers when the writer will run by itself, so that each time is scheduled once.
package struct WakeUp: Sendable {
    private var planned: Int64?
    /// A later wake-up than this is scheduled in steps: the wall clock may be set in between.
    static let longestMillis: Int64 = 3_600_000

    package init() {}

    /// The writer was woken. It may be slightly early by the mesh's clock, which is not the machine's: the time is then
    /// scheduled again.
    package mutating func woken() { planned = nil }

    /// The milliseconds until the writer must run for what is due; nil when that is already scheduled.
    package mutating func plan(due: Int64?, now: Int64) -> Int64? {
        // A scheduled time that has passed has had its run, or has it now.
        if let planned, planned <= now { self.planned = nil }
        guard let due else { return nil }
        let time = min(max(due, now + 1), now + Self.longestMillis)
        if let planned, planned <= time { return nil }
        planned = time
        return time - now
    }
}
