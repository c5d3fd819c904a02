import MeshCore

/// A run in progress: a model, its chain, and one line of the record for each tick.
public struct SimRunner<Model: SimModel>: Sendable {
    /// The world as of the last tick.
    public var model: Model
    /// The chain as of the last tick.
    public private(set) var chain: SimChain

    /// The beginning of a run. Fails when the model refuses the parameters.
    public init(_ parameters: Model.Parameters, seed: UInt64) throws {
        try Model.validate(parameters)
        model = Model(parameters, seed: seed)
        chain = SimChain(name: Model.name, seed: seed, parameters: try JSONCoder.encode(parameters))
    }

    /// A run that goes on from a state with a chain of its own.
    init(model: Model, chain: SimChain) {
        self.model = model
        self.chain = chain
    }

    /// A recorded run as of one of its checkpoints, or before its first line when nil: then `begin` gives that line. Fails
    /// when it is of another model or of other rules, or has no such checkpoint.
    public init(_ recording: SimRecording, from checkpoint: Int64? = nil) throws {
        let header = recording.header
        guard header.model == Model.name else {
            throw SimError("this is a run of \(header.model), not of \(Model.name)")
        }
        guard header.rulesVersion == Model.rulesVersion else {
            throw SimError("this run has rules \(header.rulesVersion), here are rules \(Model.rulesVersion)")
        }
        guard let seed = UInt64(header.seed) else { throw SimError("the seed \(header.seed) is no number") }
        chain = SimChain(name: Model.name, seed: seed, parameters: header.parameters)
        if checkpoint == nil, header.forkedAt == nil {
            let parameters = try JSONCoder.decode(Model.Parameters.self, from: header.parameters)
            try Model.validate(parameters)
            model = Model(parameters, seed: seed)
            return
        }
        let wanted = checkpoint ?? header.forkedAt ?? 0
        guard let tick = recording.ticks.first(where: { $0.tick == wanted }), let state = tick.state,
            let head = Digest(hex: tick.chain)
        else {
            let known = recording.ticks.filter { $0.state != nil }.map { String($0.tick) }
            throw SimError("tick \(wanted) is no checkpoint; those are \(known.joined(separator: ", "))")
        }
        model = try JSONCoder.decode(Model.self, from: state)
        if checkpoint != nil { chain = SimChain(head: head) }
    }

    /// The line of the tick at which the run begins.
    public mutating func begin(checkpoint: Bool = true) throws -> SimRecording.Tick {
        try line(seal: nil, checkpoint: checkpoint)
    }

    /// Makes a step and gives its line: with a seal what the seal decides, without one the model's own. Fails when the
    /// seal is not the next tick's; then nothing has changed.
    public mutating func advance(_ seal: Seal? = nil, checkpoint: Bool = false) throws -> SimRecording.Tick {
        if let seal { try model.advance(seal) } else { model.step() }
        return try line(seal: seal, checkpoint: checkpoint)
    }

    private mutating func line(seal: Seal?, checkpoint: Bool) throws -> SimRecording.Tick {
        let domains = model.domainHashes
        chain.add(tick: model.tick, rulesVersion: Model.rulesVersion, domains: domains, seal: seal?.hash)
        return SimRecording.Tick(
            tick: model.tick, chain: chain.head.hex, domains: domains.map(\.hex), seal: seal,
            metrics: .object(JSONObject(model.metrics.map { ($0.name, Self.number($0.value)) })),
            state: checkpoint ? try JSONCoder.encode(model) : Optional<JSON>.none)
    }

    /// JSON has no NaN and no infinity: a metric that is one, as the mean of nobody, is null.
    private static func number(_ value: Double) -> JSON { value.isFinite ? .double(value) : .null }
}

extension SimRecording.Header {
    /// What a run of a model is made from.
    public init<Model: SimModel>(_ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64) throws {
        self.init(
            model: Model.name, rulesVersion: Model.rulesVersion, seed: seed,
            parameters: try JSONCoder.encode(parameters), domains: Model.domains)
    }
}
