public import MeshCore

/// A run, written down: what it was made from, the chain, the metrics of each tick, and some states to go on from.
///
/// JSON lines: a header, then one line a tick. Whoever has the same rules can make the run again and compare every hash.
public struct SimRecording: Sendable {
    /// What the run was made from.
    public struct Header: Codable, Sendable, Hashable {
        /// The model.
        public var model: String
        /// The version of its rules.
        public var rulesVersion: Int
        /// The seed, decimal: it may be larger than what JSON numbers hold.
        public var seed: String
        /// The parameters.
        public var parameters: JSON
        /// The domains, in the order of their hashes.
        public var domains: [String]
        /// The run that this one was forked from, and where.
        public var forkedFrom: String?
        /// The tick at which it was forked.
        public var forkedAt: Int64?
    }

    /// One tick.
    public struct Tick: Codable, Sendable, Hashable {
        /// Which.
        public var tick: Int64
        /// The chain's hash, hex.
        public var chain: String
        /// The domains' hashes, hex.
        public var domains: [String]
        /// What was measured: an object of numbers, in the model's order.
        public var metrics: JSON
        /// The state, when this is a checkpoint.
        public var state: JSON?
    }

    /// What it was made from.
    public var header: Header
    /// Ascending by tick, from 0.
    public var ticks: [Tick] = []

    /// The lines.
    public func lines() throws -> [UInt8] {
        var bytes = try JSONCoder.encode(header).bytes() + [0x0A]
        for tick in ticks { bytes += try JSONCoder.encode(tick).bytes() + [0x0A] }
        return bytes
    }

    /// Reads a recording. Fails with the line that cannot be read.
    public static func parse(_ bytes: [UInt8]) throws(SimError) -> SimRecording {
        let lines = bytes.split(separator: 0x0A)
        func read<Value: Decodable>(_ number: Int, _ type: Value.Type) throws(SimError) -> Value {
            do throws(JSONError) {
                let json = try JSON.parse(Array(lines[number]), limits: JSONLimits(maxBytes: 1 << 30, maxDepth: 64))
                return try JSONCoder.decode(type, from: json)
            } catch { throw SimError("line \(number + 1) of the recording cannot be read: \(error)") }
        }
        guard !lines.isEmpty else { throw SimError("the recording is empty") }
        var recording = SimRecording(header: try read(0, Header.self))
        for number in lines.indices.dropFirst() { recording.ticks.append(try read(number, Tick.self)) }
        return recording
    }
}

/// What is wrong with a run or its record.
public struct SimError: Error, Sendable, Hashable, CustomStringConvertible {
    /// For people.
    public var description: String
    /// Makes an error.
    public init(_ description: String) { self.description = description }
}

/// Where two runs part.
public struct Divergence: Sendable, Hashable, CustomStringConvertible {
    /// The first tick that differs.
    public var tick: Int64
    /// The domains that differ there; empty when only the chain does.
    public var domains: [String]
    /// For people.
    public var description: String {
        domains.isEmpty
            ? "tick \(tick): the chain differs, the state does not: an earlier part of the record was changed"
            : "tick \(tick): \(domains.joined(separator: ", ")) differ\(domains.count == 1 ? "s" : "")"
    }
}

/// Makes, records, repeats and forks runs.
public enum SimRun {
    /// Runs a model and writes it down, with a state every `checkpointEvery` ticks (0: only the first).
    public static func record<Model: SimModel>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64, checkpointEvery: Int64 = 0,
        progress: (Int64) -> Void = { _ in }
    ) throws -> SimRecording {
        let json = try JSONCoder.encode(parameters)
        var recording = SimRecording(
            header: .init(
                model: Model.name, rulesVersion: Model.rulesVersion, seed: String(seed), parameters: json,
                domains: Model.domains))
        var model = Model(parameters, seed: seed)
        var chain = SimChain(name: Model.name, seed: seed, parameters: json)
        for tick in 0...ticks {
            if tick > 0 { model.step() }
            let isCheckpoint = tick == 0 || (checkpointEvery > 0 && tick % checkpointEvery == 0)
            recording.ticks.append(try entry(model, &chain, isCheckpoint))
            progress(tick)
        }
        return recording
    }

    /// Makes a recorded run again, from its beginning or from a checkpoint, and gives the first difference; nil when there
    /// is none. Fails when it is of another model or of other rules, or has no such checkpoint.
    public static func verify<Model: SimModel>(
        _ recording: SimRecording, as type: Model.Type, from checkpoint: Int64 = 0
    ) throws -> Divergence? {
        var (model, chain) = try start(recording, type, checkpoint)
        var expected = recording.ticks.drop { $0.tick <= checkpoint }
        if checkpoint == 0, let first = recording.ticks.first {
            var begin = try beginning(recording, type)
            let made = try entry(model, &begin, false)
            if let difference = compare(made, first, recording) { return difference }
            chain = begin
        }
        while let next = expected.popFirst() {
            model.step()
            if let difference = compare(try entry(model, &chain, false), next, recording) { return difference }
        }
        return nil
    }

    /// A new run that goes on from a recorded state with other luck: the seed from there on is the new one's.
    public static func fork<Model: SimModel & SimReseedable>(
        _ recording: SimRecording, as type: Model.Type, at tick: Int64, seed: UInt64, ticks: Int64
    ) throws -> SimRecording {
        var (model, _) = try start(recording, type, tick)
        model.reseed(seed)
        var fork = SimRecording(header: recording.header)
        fork.header.seed = String(seed)
        fork.header.forkedFrom = recording.ticks.first { $0.tick == tick }?.chain
        fork.header.forkedAt = tick
        var chain = SimChain(name: Model.name, seed: seed, parameters: recording.header.parameters)
        fork.ticks.append(try entry(model, &chain, true))
        for _ in 0..<ticks {
            model.step()
            fork.ticks.append(try entry(model, &chain, false))
        }
        return fork
    }

    /// Where two records of the same ticks part; nil when they do not.
    public static func difference(_ one: SimRecording, _ other: SimRecording) -> Divergence? {
        for (left, right) in zip(one.ticks, other.ticks) where left.tick == right.tick {
            let changed = zip(one.header.domains, zip(left.domains, right.domains)).filter { $0.1.0 != $0.1.1 }.map(\.0)
            if !changed.isEmpty { return Divergence(tick: left.tick, domains: changed) }
        }
        return nil
    }

    private static func beginning<Model: SimModel>(_ recording: SimRecording, _ type: Model.Type) throws -> SimChain {
        SimChain(
            name: Model.name, seed: UInt64(recording.header.seed) ?? 0, parameters: recording.header.parameters)
    }

    private static func start<Model: SimModel>(
        _ recording: SimRecording, _ type: Model.Type, _ checkpoint: Int64
    ) throws -> (Model, SimChain) {
        let header = recording.header
        guard header.model == Model.name else {
            throw SimError("this is a run of \(header.model), not of \(Model.name)")
        }
        guard header.rulesVersion == Model.rulesVersion else {
            throw SimError("this run has rules \(header.rulesVersion), here are rules \(Model.rulesVersion)")
        }
        guard let seed = UInt64(header.seed) else { throw SimError("the seed \(header.seed) is no number") }
        if checkpoint == 0, header.forkedAt == nil {
            let parameters = try JSONCoder.decode(Model.Parameters.self, from: header.parameters)
            return (Model(parameters, seed: seed), try beginning(recording, type))
        }
        guard let tick = recording.ticks.first(where: { $0.tick == checkpoint }), let state = tick.state,
            let bytes = Hex.decode(tick.chain), let head = Digest(bytes: bytes)
        else {
            let known = recording.ticks.filter { $0.state != nil }.map { String($0.tick) }
            throw SimError("tick \(checkpoint) is no checkpoint; those are \(known.joined(separator: ", "))")
        }
        return (try JSONCoder.decode(Model.self, from: state), SimChain(head: head))
    }

    private static func entry<Model: SimModel>(
        _ model: Model, _ chain: inout SimChain, _ isCheckpoint: Bool
    ) throws -> SimRecording.Tick {
        let domains = model.domainHashes
        chain.add(tick: model.tick, rulesVersion: Model.rulesVersion, domains: domains)
        return SimRecording.Tick(
            tick: model.tick, chain: chain.head.hex, domains: domains.map(\.hex),
            metrics: .object(JSONObject(model.metrics.map { ($0.name, .double($0.value)) })),
            state: isCheckpoint ? try JSONCoder.encode(model) : Optional<JSON>.none)
    }

    private static func compare(
        _ made: SimRecording.Tick, _ expected: SimRecording.Tick, _ recording: SimRecording
    ) -> Divergence? {
        let changed = zip(recording.header.domains, zip(made.domains, expected.domains)).filter { $0.1.0 != $0.1.1 }
        if !changed.isEmpty { return Divergence(tick: expected.tick, domains: changed.map(\.0)) }
        if made.chain != expected.chain || made.tick != expected.tick {
            return Divergence(tick: expected.tick, domains: [])
        }
        return nil
    }
}

/// A model whose later luck can be another.
public protocol SimReseedable {
    /// Draws from another seed from now on.
    mutating func reseed(_ seed: UInt64)
}
