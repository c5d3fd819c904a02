public import MeshCore
public import MeshSim

/// What a run is to be made from.
public struct RecordRequest: Sendable, Hashable {
    /// The parameters, all of them.
    public var parameters: JSON
    /// The seed.
    public var seed: UInt64
    /// Steps.
    public var ticks: Int64
    /// Ticks between recorded states; 0: only the first.
    public var checkpointEvery: Int64
    /// A folder for the tables that the scenario collects; nil: none are collected.
    public var dataFolder: String?

    /// Makes a request.
    public init(
        parameters: JSON, seed: UInt64, ticks: Int64, checkpointEvery: Int64 = 0, dataFolder: String? = nil
    ) {
        self.parameters = parameters
        self.seed = seed
        self.ticks = ticks
        self.checkpointEvery = checkpointEvery
        self.dataFolder = dataFolder
    }
}

/// Where a recorded run continues with another seed.
public struct ForkRequest: Sendable, Hashable {
    /// The recording's file.
    public var path: String
    /// The checkpoint.
    public var tick: Int64
    /// The new seed.
    public var seed: UInt64
    /// Steps after the checkpoint.
    public var ticks: Int64
    /// Ticks between recorded states; 0: only the first.
    public var checkpointEvery: Int64

    /// Makes a request.
    public init(path: String, tick: Int64, seed: UInt64, ticks: Int64, checkpointEvery: Int64 = 0) {
        self.path = path
        self.tick = tick
        self.seed = seed
        self.ticks = ticks
        self.checkpointEvery = checkpointEvery
    }
}

/// How a sweep is to be made.
public struct SweepRequest: Sendable {
    /// The plan.
    public var plan: SweepPlan
    /// Runs at once.
    public var parallelism: Int
    /// Told how many runs are finished, of how many.
    public var progress: @Sendable (Int, Int) -> Void
    /// Whether to end.
    public var isCancelled: @Sendable () -> Bool

    /// Makes a request.
    public init(
        _ plan: SweepPlan, parallelism: Int = 1, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.plan = plan
        self.parallelism = parallelism
        self.progress = progress
        self.isCancelled = isCancelled
    }
}

/// Something a program can run, whatever its type: a name, what it is made from, and what can be done with it.
///
/// `SimScenario.model` makes one of a model that steps by itself; the initializer is for others, as those in which peers act.
public struct SimScenario: Sendable {
    /// Parameters with a name.
    public struct Preset: Sendable, Hashable {
        /// The name, for `--preset`.
        public var name: String
        /// All parameters, an object.
        public var parameters: JSON
        /// Makes a preset.
        public init(name: String, parameters: JSON) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// The name on the command line.
    public var name: String
    /// What it is, in one line.
    public var summary: String
    /// The model's name in recordings.
    public var model: String
    /// The version of the model's rules.
    public var rulesVersion: Int
    /// The model's domains.
    public var domains: [String]
    /// What it can be made from; the first is the default.
    public var presets: [Preset]
    /// Steps when nothing else is asked for.
    public var ticks: Int64
    /// Whether `record` heeds a request's folder for data.
    public var collectsData = false
    /// Makes a run and gives each line to the observer; ends early when the observer is cancelled.
    public var record: @Sendable (RecordRequest, RunObserver) async throws -> Void
    /// Makes the run of a file again, from a checkpoint or from its beginning, and compares.
    public var verify: @Sendable (_ path: String, _ from: Int64?, RunObserver) async throws -> Verification
    /// Goes on from a recorded state with another seed.
    public var fork: @Sendable (ForkRequest, RunObserver) async throws -> Void
    /// Makes many runs.
    public var sweep: @Sendable (SweepRequest) async throws -> SweepResult
    /// Runs it on a mesh, where peers take its seats; nil when there are none to take.
    public var serve: (@Sendable (ServeRequest, RunObserver) async throws -> SimEnd)?

    /// Makes a scenario.
    public init(
        name: String, summary: String, model: String, rulesVersion: Int, domains: [String], presets: [Preset],
        ticks: Int64, record: @escaping @Sendable (RecordRequest, RunObserver) async throws -> Void,
        verify: @escaping @Sendable (_ path: String, _ from: Int64?, RunObserver) async throws -> Verification,
        fork: @escaping @Sendable (ForkRequest, RunObserver) async throws -> Void,
        sweep: @escaping @Sendable (SweepRequest) async throws -> SweepResult
    ) {
        self.name = name
        self.summary = summary
        self.model = model
        self.rulesVersion = rulesVersion
        self.domains = domains
        self.presets = presets
        self.ticks = ticks
        self.record = record
        self.verify = verify
        self.fork = fork
        self.sweep = sweep
    }

    /// A scenario of a model that steps by itself. The name is the model's; the first preset is the default.
    ///
    /// Parameters that cannot be written as JSON, a NaN for example, leave their preset out.
    public static func model<Model: SimModel & SimReseedable>(
        _ type: Model.Type, summary: String, presets: [(name: String, parameters: Model.Parameters)], ticks: Int64
    ) -> SimScenario {
        SimScenario(
            name: Model.name, summary: summary, model: Model.name, rulesVersion: Model.rulesVersion,
            domains: Model.domains,
            presets: presets.compactMap { preset in
                (try? JSONCoder.encode(preset.parameters)).map { Preset(name: preset.name, parameters: $0) }
            }, ticks: ticks,
            record: { request, observer in
                try SimRun.record(
                    type, try JSONCoder.decode(Model.Parameters.self, from: request.parameters), seed: request.seed,
                    ticks: request.ticks, checkpointEvery: request.checkpointEvery, to: observer)
            },
            verify: { try SimRun.verify(file: $0, as: type, from: $1, to: $2) },
            fork: { request, observer in
                try SimRun.fork(
                    try SimRecording.read(request.path).recording, as: type, at: request.tick, seed: request.seed,
                    ticks: request.ticks, checkpointEvery: request.checkpointEvery, to: observer)
            },
            sweep: { request in
                try await Sweep.run(
                    request.plan, of: type, parallelism: request.parallelism, progress: request.progress,
                    isCancelled: request.isCancelled)
            })
    }

    /// What it is, for programs.
    var json: JSON {
        [
            "name": .string(name), "summary": .string(summary), "model": .string(model),
            "rulesVersion": .integer(Int64(rulesVersion)), "ticks": .integer(ticks),
            "domains": .array(domains.map { .string($0) }),
            "presets": .object(JSONObject(presets.map { ($0.name, $0.parameters) })),
            "parameters": .object(JSONObject(parameters.values.map { ($0.name, $0.value) })),
        ]
    }

    /// The default parameters.
    var parameters: ParameterSet { ParameterSet(presets.first?.parameters ?? .object(JSONObject())) }

    /// Returns the parameters of a preset, changed by arguments `name=value`. Fails with what is valid.
    func parameters(preset name: String?, changed words: [String]) throws -> JSON {
        var parameters = parameters
        if let name {
            guard let preset = presets.first(where: { $0.name == name }) else {
                throw SimError(
                    "\(self.name) has no preset \(name); there are \(presets.map(\.name).joined(separator: ", "))")
            }
            parameters = ParameterSet(preset.parameters)
        }
        for word in words {
            guard let sign = word.firstIndex(of: "=") else {
                throw SimError("--set \(word): a parameter is set as name=value")
            }
            let value = try ParameterSet.value(of: String(word[word.index(after: sign)...]))
            try parameters.set(String(word[..<sign]), to: value)
        }
        return parameters.json
    }
}
