import MeshCore

/// Makes, records, repeats and forks runs.
public enum SimRun {
    /// Runs a model and records it, with a state every `checkpointEvery` ticks (0: only the first).
    public static func record<Model: SimModel>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64, checkpointEvery: Int64 = 0,
        progress: (Int64) -> Void = { _ in }
    ) throws -> SimRecording {
        var run = try SimRunner<Model>(parameters, seed: seed)
        var recording = SimRecording(header: try .init(type, parameters, seed: seed))
        try lines(&run, ticks: ticks, checkpointEvery: checkpointEvery) {
            recording.ticks.append($0)
            progress($0.tick)
            return true
        }
        return recording
    }

    /// Repeats a recorded run, from its beginning (nil) or from a checkpoint, with the external input as it was
    /// sealed, and returns the first difference; nil when there is none. Fails when it is of another model or of other
    /// rules, or has no such checkpoint.
    public static func verify<Model: SimModel>(
        _ recording: SimRecording, as type: Model.Type, from checkpoint: Int64? = nil,
        progress: (Int64) -> Void = { _ in }
    ) throws -> Divergence? {
        var run = try SimRunner<Model>(recording, from: checkpoint)
        let names = recording.header.domains
        if checkpoint == nil, let first = recording.ticks.first,
            let difference = Divergence(try run.begin(checkpoint: false), first, names: names)
        {
            return difference
        }
        let begin = run.model.tick
        for next in recording.ticks where next.tick > begin {
            guard next.tick == run.model.tick + 1 else { return Divergence(missing: run.model.tick + 1) }
            if let difference = Divergence(try run.advance(next.seal), next, names: names) { return difference }
            progress(next.tick)
        }
        return nil
    }

    /// Makes a new run that continues from a recorded state with another seed. What came
    /// from outside in the recorded run is repeated as far as it was recorded, so that only the seed differs.
    public static func fork<Model: SimModel & SimReseedable>(
        _ recording: SimRecording, as type: Model.Type, at tick: Int64, seed: UInt64, ticks: Int64,
        checkpointEvery: Int64 = 0
    ) throws -> SimRecording {
        var fork = SimRecording(header: forkHeader(recording, at: tick, seed: seed))
        try forkLines(
            recording, as: type, at: tick, seed: seed, ticks: ticks, checkpointEvery: checkpointEvery
        ) {
            fork.ticks.append($0)
            return true
        }
        return fork
    }

    /// Returns where two records of the same ticks diverge; nil when they do not.
    public static func difference(_ one: SimRecording, _ other: SimRecording) -> Divergence? {
        let others = Dictionary(other.ticks.map { ($0.tick, $0) }) { $1 }
        for left in one.ticks {
            guard let right = others[left.tick] else { continue }
            let changed = zip(one.header.domains, zip(left.domains, right.domains)).filter { $0.1.0 != $0.1.1 }.map(\.0)
            // A fork begins with a state: what had come from outside until then is in the other record alone.
            let begins = left.tick == one.header.forkedAt || left.tick == other.header.forkedAt
            let seals = !begins && left.seal != right.seal
            if !changed.isEmpty || seals {
                return Divergence(tick: left.tick, domains: changed, isSealDifferent: seals)
            }
        }
        return nil
    }
}

/// A model whose seed can be changed.
public protocol SimReseedable {
    /// Uses another seed from now on.
    mutating func reseed(_ seed: UInt64)
}
