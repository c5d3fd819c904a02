public import MeshCore

/// The simulation clock.
extension MeshCaller {
    /// The clock as of the mesh's last change.
    public func clock() async throws(MeshError) -> ClockStatus { try await call(GetClock()) }

    /// Sets the speed, 1 to 100 times real time; the first time makes the clock and lets it run.
    @discardableResult
    public func setClock(speed: Double, tickMillis: Int64? = nil) async throws(MeshError) -> ClockStatus {
        try await call(SetClock(speed: speed, tickMillis: tickMillis))
    }

    /// Stops the clock.
    @discardableResult
    public func pauseClock() async throws(MeshError) -> ClockStatus { try await call(PauseClock()) }

    /// Lets the clock run on.
    @discardableResult
    public func resumeClock() async throws(MeshError) -> ClockStatus { try await call(ResumeClock()) }

    /// Adds one tick to a clock that is paused.
    @discardableResult
    public func stepClock() async throws(MeshError) -> ClockStatus { try await call(StepClock()) }
}
