import MeshCore

/// Observes a run while it is made, and may end it early.
public struct RunObserver: Sendable {
    /// What the run is made from; comes first, once.
    public var begin: @Sendable (SimRecording.Header) throws -> Void
    /// Each line of the record, in order.
    public var line: @Sendable (SimRecording.Tick) throws -> Void
    /// Whether to end; asked after each line.
    public var isCancelled: @Sendable () -> Bool

    /// Makes an observer; by default it does nothing and never ends the run.
    public init(
        begin: @escaping @Sendable (SimRecording.Header) throws -> Void = { _ in },
        line: @escaping @Sendable (SimRecording.Tick) throws -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.begin = begin
        self.line = line
        self.isCancelled = isCancelled
    }

    /// Passes on a line; returns whether to continue.
    func accept(_ tick: SimRecording.Tick) throws -> Bool {
        try line(tick)
        return !isCancelled()
    }
}

// Runs line by line, so that nothing but the world is held in memory.
extension SimRun {
    /// Runs a model and passes lines to an observer, with a state every `checkpointEvery` ticks (0: only the first).
    /// Fails when the model refuses the parameters, or the observer fails.
    public static func record<Model: SimModel>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64, checkpointEvery: Int64 = 0,
        to observer: RunObserver
    ) throws {
        var run = try SimRunner<Model>(parameters, seed: seed)
        try observer.begin(.init(type, parameters, seed: seed))
        try lines(&run, ticks: ticks, checkpointEvery: checkpointEvery, each: observer.accept)
    }

    /// Continues from a recorded state with another seed, as `fork` does, and passes each line to an observer.
    public static func fork<Model: SimModel & SimReseedable>(
        _ recording: SimRecording, as type: Model.Type, at tick: Int64, seed: UInt64, ticks: Int64,
        checkpointEvery: Int64 = 0, to observer: RunObserver
    ) throws {
        _ = try SimRunner<Model>(recording, from: tick)
        try observer.begin(forkHeader(recording, at: tick, seed: seed))
        try forkLines(
            recording, as: type, at: tick, seed: seed, ticks: ticks, checkpointEvery: checkpointEvery,
            each: observer.accept)
    }

    static func forkHeader(_ recording: SimRecording, at tick: Int64, seed: UInt64) -> SimRecording.Header {
        var header = recording.header
        header.seed = String(seed)
        header.forkedFrom = recording.ticks.first { $0.tick == tick }?.chain
        header.forkedAt = tick
        return header
    }

    static func forkLines<Model: SimModel & SimReseedable>(
        _ recording: SimRecording, as type: Model.Type, at tick: Int64, seed: UInt64, ticks: Int64,
        checkpointEvery: Int64, each: (SimRecording.Tick) throws -> Bool
    ) throws {
        var model = try SimRunner<Model>(recording, from: tick).model
        model.reseed(seed)
        var run = SimRunner(
            model: model, chain: SimChain(name: Model.name, seed: seed, parameters: recording.header.parameters))
        let seals = Dictionary(recording.ticks.map { ($0.tick, $0.seal) }) { $1 }
        try lines(&run, ticks: ticks, checkpointEvery: checkpointEvery, seal: { seals[$0] ?? nil }, each: each)
    }

    /// The first line and those of so many ticks after it, until `each` wants no more.
    static func lines<Model: SimModel>(
        _ run: inout SimRunner<Model>, ticks: Int64, checkpointEvery: Int64, seal: (Int64) -> Seal? = { _ in nil },
        each: (SimRecording.Tick) throws -> Bool
    ) throws {
        let (last, overflows) = run.model.tick.addingReportingOverflow(max(0, ticks))
        guard !overflows else { throw SimError("\(ticks) more ticks than \(run.model.tick) are too many") }
        guard try each(try run.begin()) else { return }
        while run.model.tick < last {
            let next = run.model.tick + 1
            let isCheckpoint = checkpointEvery > 0 && next % checkpointEvery == 0
            let line = try run.advance(seal(next), checkpoint: isCheckpoint)
            guard line.tick == next else {
                throw SimError("\(Model.name) stepped from tick \(next - 1) to \(line.tick): a step is one tick")
            }
            guard try each(line) else { return }
        }
    }
}
