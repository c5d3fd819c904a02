import MeshCore
public import MeshSim

extension SimScenario {
    /// A federation in one process as a scenario: its record has a line for each merged tick, whose domains are those of the
    /// federation, whose hashes are their chains, and whose chain is the merged one. It is verified by making it again; it has
    /// no checkpoints, and nothing is forked from it.
    public static func federation<Parameters: Codable & Sendable>(
        _ name: String, summary: String, rulesVersion: Int = 1, presets: [(name: String, parameters: Parameters)],
        ticks: Int64, domains: [String] = [],
        make: @escaping @Sendable (Parameters, _ seed: UInt64) throws -> FederatedPlay
    ) -> SimScenario {
        @Sendable func lines(
            _ parameters: JSON, _ seed: UInt64, _ ticks: Int64, _ take: (SimRecording.Tick) throws -> Bool
        ) throws {
            var play = try make(try JSONCoder.decode(Parameters.self, from: parameters), seed)
            var measured: [Int64: [(domain: String, metrics: JSON)]] = [:]
            var events = try play.begin()
            while true {
                for event in events {
                    switch event {
                    case .sealed(let domain, let line):
                        measured[line.tick, default: []].append((domain, line.metrics))
                    case .merged(let tick):
                        let line = line(tick.link, measured.removeValue(forKey: tick.link.tick) ?? [])
                        guard try take(line) else { return }
                    }
                }
                guard play.tick < ticks else { return }
                events = try play.advance(upTo: ticks)
                if events.isEmpty { throw SimError("the domains wait for each other at tick \(play.tick)") }
            }
        }
        @Sendable func header(_ parameters: JSON, _ seed: UInt64) -> SimRecording.Header {
            .init(
                model: name, rulesVersion: rulesVersion, seed: seed, parameters: parameters, domains: domains)
        }
        return SimScenario(
            name: name, summary: summary, model: name, rulesVersion: rulesVersion, domains: domains,
            presets: presets.compactMap { preset in
                (try? JSONCoder.encode(preset.parameters)).map { Preset(name: preset.name, parameters: $0) }
            }, ticks: ticks,
            record: { request, observer in
                try observer.begin(header(request.parameters, request.seed))
                try lines(request.parameters, request.seed, request.ticks) { line in
                    try observer.line(line)
                    return !observer.isCancelled()
                }
            },
            verify: { path, from, observer in
                guard from == nil else { throw SimError("a federation's record has no checkpoints; leave --from out") }
                let (recording, torn) = try SimRecording.read(path)
                try observer.begin(recording.header)
                var result = Verification(model: name, tornLine: torn)
                guard let seed = UInt64(recording.header.seed), let last = recording.ticks.last else {
                    throw SimError("\(path) has no ticks, or no seed")
                }
                var rest = recording.ticks[...]
                try lines(recording.header.parameters, seed, last.tick) { made in
                    guard let recorded = rest.popFirst() else { return false }
                    result.divergence = Divergence(made: made, recorded: recorded, names: recording.header.domains)
                    result.ticks += 1
                    result.chain = recorded.chain
                    try observer.line(made)
                    return result.divergence == nil && !observer.isCancelled()
                }
                return result
            },
            fork: { _, _ in
                throw SimError("a federation is not forked; record its domains apart, and fork one of those")
            },
            sweep: { request in
                let sampled = Set(request.plan.sampleTicks + [request.plan.ticks])
                return try await Sweep.run(
                    request.plan, model: name, rulesVersion: rulesVersion, parallelism: request.parallelism,
                    progress: request.progress, isCancelled: request.isCancelled
                ) { run, parameters in
                    var outcome = Sweep.Outcome(samples: [], chain: "")
                    try lines(parameters, run.seed, request.plan.ticks) { line in
                        if request.isCancelled() || Task.isCancelled { throw CancellationError() }
                        if sampled.contains(line.tick) {
                            outcome.samples.append(.init(tick: line.tick, metrics: line.metrics))
                        }
                        outcome.chain = line.chain
                        return true
                    }
                    return outcome
                }
            })
    }

    /// A merged tick as a line: what each domain measured stands under `<domain>.<name>`.
    private static func line(
        _ link: MergedLink, _ measured: [(domain: String, metrics: JSON)]
    ) -> SimRecording.Tick {
        var metrics = JSONObject()
        for part in link.parts {
            for one in measured where one.domain == part.domain {
                for (name, value) in one.metrics.objectValue ?? JSONObject() {
                    metrics["\(part.domain).\(name)"] = value
                }
            }
        }
        return SimRecording.Tick(
            tick: link.tick, chain: link.hash?.hex ?? "", domains: link.parts.map(\.chain), metrics: .object(metrics))
    }
}
