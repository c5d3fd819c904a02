import MeshCore

/// A model whose steps are not repeatable.
public struct SyncFault: Codable, Sendable, Hashable, CustomStringConvertible {
    /// Where it was seen.
    public enum Stage: String, Codable, Sendable, Hashable {
        /// What was read back is not what was saved: a part of the state is hashed but not saved.
        case restore
        /// The second step gave another result: the step depends on something outside the state and the seal.
        case step
    }
    /// Where it was seen.
    public var stage: Stage
    /// The first tick that differs, and its domains.
    public var divergence: Divergence

    /// Makes a fault.
    public init(stage: Stage, divergence: Divergence) {
        self.stage = stage
        self.divergence = divergence
    }

    /// As text for people.
    public var description: String {
        switch stage {
        case .restore: "read back from what was saved, \(divergence)"
        case .step: "stepped again from what was saved, \(divergence)"
        }
    }
}

/// The sync test: at every tick save, step, restore, step again, compare. It finds clocks, system
/// randomness, unordered iteration and state that is not saved, in one process and at the tick where they act.
///
/// What stays the same within a process, as an address that is reused, is left to `SimRun.verify` in another one.
public enum SyncTest {
    /// Tests a run without seats, or with the seals given (by tick; others step without one). Nil when nothing differs.
    /// Fails when the model refuses parameters or a seal, or its state cannot be written and read.
    public static func run<Model: SimModel>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64, seals: [Seal] = [],
        progress: (Int64) -> Void = { _ in }
    ) throws -> SyncFault? {
        var model = try SimRunner<Model>(parameters, seed: seed).model
        let byTick = Dictionary(seals.map { ($0.tick, $0) }) { $1 }
        for _ in stride(from: 0, to: ticks, by: 1) {
            if let fault = try step(&model, byTick[model.tick + 1]) { return fault }
            progress(model.tick)
        }
        return nil
    }

    /// Tests a recorded run from its beginning, with what came from outside as it was sealed.
    public static func run<Model: SimModel>(
        _ recording: SimRecording, as type: Model.Type, progress: (Int64) -> Void = { _ in }
    ) throws -> SyncFault? {
        var model = try SimRunner<Model>(recording).model
        let begin = model.tick
        for line in recording.ticks where line.tick > begin {
            if let fault = try step(&model, line.seal) { return fault }
            progress(model.tick)
        }
        return nil
    }

    /// Makes a step twice, from the state and from what is read back of it; nil when both give the same.
    static func step<Model: SimModel>(_ model: inout Model, _ seal: Seal?) throws -> SyncFault? {
        // Through text: what a file loses is lost here too.
        let saved = try JSON.parse(try JSONCoder.encode(model).bytes(), limits: .recording)
        var again = try JSONCoder.decode(Model.self, from: saved)
        if let fault = compare(model, again, .restore) { return fault }
        if let seal {
            try model.advance(seal)
            try again.advance(seal)
        } else {
            model.step()
            again.step()
        }
        return compare(model, again, .step)
    }

    private static func compare<Model: SimModel>(_ one: Model, _ other: Model, _ stage: SyncFault.Stage) -> SyncFault? {
        let changed = zip(Model.domains, zip(one.domainHashes, other.domainHashes)).filter { $0.1.0 != $0.1.1 }
        guard !changed.isEmpty || one.tick != other.tick else { return nil }
        let domains = changed.isEmpty ? ["tick"] : changed.map(\.0)
        return SyncFault(stage: stage, divergence: Divergence(tick: one.tick, domains: domains))
    }
}
