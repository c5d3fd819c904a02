import Logging
import MeshCore
public import MeshSDK
public import MeshSim
import MeshSimLive

/// What a run on a mesh is made from.
public struct ServeRequest: Sendable {
    /// The run itself.
    public var run: RecordRequest
    /// The client of the mesh; it is running.
    public var client: MeshClient
    /// The simulation's name, for its seats.
    public var sim: String
    /// The domain that it is.
    public var domain: String
    /// How ticks are collected.
    public var rules: TickRules
    /// How it is run.
    public var settings: ControllerSettings
    /// Whether the scenario's own agents play, too.
    public var withAgents: Bool
    /// How much a seat is sent at once.
    public var budget: ObservationBudget
    /// A record to go on from.
    public var resuming: SimRecording?
}

extension SimScenario {
    /// A scenario in which seats act. Its agents play it in one process at native speed; on a mesh they play beside the peers
    /// that take seats. The name is the rules'; the first preset is the default.
    public static func scenario<Rules: Scenario>(
        _ rules: Rules.Type, summary: String, presets: [(name: String, parameters: Rules.Parameters)], ticks: Int64,
        agents: @escaping @Sendable (Rules.Parameters) -> [LocalAgent]
    ) -> SimScenario {
        var scenario = SimScenario.model(
            ScenarioModel<Rules>.self, summary: summary, presets: presets, ticks: ticks)
        @Sendable func host(_ request: RecordRequest) throws -> SimHost<Rules> {
            let parameters = try JSONCoder.decode(Rules.Parameters.self, from: request.parameters)
            return try SimHost(sim: Rules.name, parameters: parameters, seed: request.seed)
        }
        scenario.record = { request, observer in
            let host = try host(request)
            var play = try LocalPlay(host, agents: agents(host.model.parameters))
            try Self.record(&play, request, observer)
        }
        scenario.collectsData = true
        scenario.sweep = { request in
            let plan = request.plan
            let sampled = Set(plan.sampleTicks + [plan.ticks])
            return try await Sweep.run(
                plan, model: Rules.name, rulesVersion: Rules.rulesVersion, parallelism: request.parallelism,
                progress: request.progress, isCancelled: request.isCancelled
            ) { run, parameters in
                let host = try host(RecordRequest(parameters: parameters, seed: run.seed, ticks: plan.ticks))
                var play = try LocalPlay(host, agents: agents(host.model.parameters))
                var outcome = Sweep.Outcome(samples: [], chain: "")
                try play.run(ticks: plan.ticks) { line in
                    if request.isCancelled() || Task.isCancelled { throw CancellationError() }
                    if sampled.contains(line.tick) {
                        outcome.samples.append(.init(tick: line.tick, metrics: line.metrics))
                    }
                    outcome.chain = line.chain
                    return true
                }
                return outcome
            }
        }
        scenario.serve = { request, observer in
            let controller: SimController<Rules>
            if let recorded = request.resuming {
                let host = try SimHost<Rules>(resuming: recorded)
                try observer.begin(recorded.header)
                for line in recorded.ticks where line.tick <= host.tick { try observer.line(line) }
                controller = try SimController(
                    resuming: recorded, budget: request.budget, client: request.client,
                    agents: request.withAgents ? agents(host.model.parameters) : [], settings: request.settings)
            } else {
                let parameters = try JSONCoder.decode(Rules.Parameters.self, from: request.run.parameters)
                var host = try SimHost<Rules>(
                    sim: request.sim, domain: request.domain, parameters: parameters, seed: request.run.seed,
                    rules: request.rules)
                host.budget = request.budget
                try observer.begin(.init(ScenarioModel<Rules>.self, parameters, seed: request.run.seed))
                controller = try SimController(
                    host, client: request.client, agents: request.withAgents ? agents(parameters) : [],
                    settings: request.settings)
            }
            return try await withThrowingTaskGroup(of: SimEnd?.self) { tasks in
                defer { tasks.cancelAll() }
                // A signal sets a flag and tells nobody: it is looked at. Whoever is interrupted while a tick waits for its seats is not made to wait, too.
                tasks.addTask {
                    while !observer.isCancelled() { try await Task.sleep(for: .milliseconds(100)) }
                    controller.stop("interrupted")
                    return nil
                }
                tasks.addTask { try await controller.run { try observer.line($0) } }
                while let end = try await tasks.next() { if let end { return end } }
                throw CancellationError()
            }
        }
        return scenario
    }
}
