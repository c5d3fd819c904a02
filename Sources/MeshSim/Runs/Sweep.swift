public import MeshCore

/// Runs a plan, several runs at once.
public enum Sweep {
    /// The maximum number of concurrent runs.
    public static let parallelismLimit = 256

    /// The result of one run.
    public struct Outcome: Sendable, Hashable {
        /// The sampled ticks, ascending, the last one included.
        public var samples: [SweepRow.Sample]
        /// The chain's last hash, hex.
        public var chain: String
        /// Makes an outcome.
        public init(samples: [SweepRow.Sample], chain: String) {
            self.samples = samples
            self.chain = chain
        }
    }

    /// Makes the runs of a plan. The result does not depend on `parallelism` or on which run ends first. A run that
    /// fails is in the result with its error; the others go on. When `isCancelled` says so, or the task is cancelled, no
    /// run begins any more, those under way end early, and what is finished is kept.
    ///
    /// Fails when the plan cannot be made, or `parallelism` is not 1 to 256.
    ///
    /// - Parameters:
    ///   - model: the model's name, for the result.
    ///   - rulesVersion: of its rules, for the result.
    ///   - parallelism: how many runs at once.
    ///   - progress: told how many runs are finished, of how many.
    ///   - body: makes one run; fails with `CancellationError` when it ended early.
    public static func run(
        _ plan: SweepPlan, model: String, rulesVersion: Int, parallelism: Int = 1,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false },
        body: @escaping @Sendable (SweepPlan.Run, JSON) async throws -> Outcome
    ) async throws -> SweepResult {
        guard (1...parallelismLimit).contains(parallelism) else {
            throw SimError("\(parallelism) runs at once: 1 to \(parallelismLimit)")
        }
        let runs = try plan.runs()
        var rows = [SweepRow?](repeating: nil, count: runs.count)
        await withTaskGroup(of: SweepRow?.self) { group in
            var waiting = runs.makeIterator()
            func beginNext() {
                guard !isCancelled(), !Task.isCancelled, let run = waiting.next() else { return }
                group.addTask { await row(run, plan, body) }
            }
            for _ in 0..<parallelism { beginNext() }
            var done = 0
            while let row = await group.next() {
                if let row {
                    rows[row.run.number] = row
                    done += 1
                    progress(done, runs.count)
                }
                beginNext()
            }
        }
        return SweepResult(
            header: .init(model: model, rulesVersion: rulesVersion, plan: plan), rows: rows.compactMap { $0 })
    }

    /// Makes the runs of a plan with a model that nobody acts in.
    public static func run<Model: SimModel>(
        _ plan: SweepPlan, of type: Model.Type, parallelism: Int = 1,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) async throws -> SweepResult {
        let sampled = Set(plan.sampleTicks + [plan.ticks])
        return try await run(
            plan, model: Model.name, rulesVersion: Model.rulesVersion, parallelism: parallelism, progress: progress,
            isCancelled: isCancelled
        ) { run, parameters in
            let parameters = try JSONCoder.decode(Model.Parameters.self, from: parameters)
            var runner = try SimRunner<Model>(parameters, seed: run.seed)
            var outcome = Outcome(samples: [], chain: "")
            try SimRun.lines(&runner, ticks: plan.ticks, checkpointEvery: 0) { line in
                if isCancelled() || Task.isCancelled { throw CancellationError() }
                if sampled.contains(line.tick) { outcome.samples.append(.init(tick: line.tick, metrics: line.metrics)) }
                outcome.chain = line.chain
                return true
            }
            return outcome
        }
    }

    /// Makes one run; nil when it ended early.
    private static func row(
        _ run: SweepPlan.Run, _ plan: SweepPlan, _ body: (SweepPlan.Run, JSON) async throws -> Outcome
    ) async -> SweepRow? {
        do {
            let outcome = try await body(run, try plan.parameters(of: run))
            return SweepRow(run: run, samples: outcome.samples, chain: outcome.chain)
        } catch is CancellationError {
            return nil
        } catch {
            return SweepRow(run: run, samples: [], error: "\(error)")
        }
    }
}
