public import MeshCore

/// A recorded run: its header, the chain, the metrics of each tick, and checkpoints.
///
/// JSON lines: a header, then one line per tick. With the same rules the run can be repeated and every hash compared.
public struct SimRecording: Sendable {
    /// The header of the run.
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

        /// Makes a header.
        public init(model: String, rulesVersion: Int, seed: UInt64, parameters: JSON, domains: [String]) {
            self.model = model
            self.rulesVersion = rulesVersion
            self.seed = String(seed)
            self.parameters = parameters
            self.domains = domains
        }
    }

    /// One tick.
    public struct Tick: Codable, Sendable, Hashable {
        /// Which.
        public var tick: Int64
        /// The chain's hash, hex.
        public var chain: String
        /// The domains' hashes, hex.
        public var domains: [String]
        /// The external input; nil in a world without seats.
        public var seal: Seal?
        /// The metrics: an object of numbers, in the model's order.
        public var metrics: JSON
        /// The state, when this is a checkpoint.
        public var state: JSON?
        /// At a checkpoint of a world with seats: their holders, pending actions and acknowledgements. Only needed to
        /// resume the run, not to replay it; not part of the chain.
        public var seats: JSON?
        /// At such a checkpoint of a run on a mesh: the holders of the seats.
        public var holders: JSON?

        /// Makes a line of a run without seats and states of its own.
        public init(tick: Int64, chain: String, domains: [String], metrics: JSON) {
            self.init(tick: tick, chain: chain, domains: domains, seal: nil, metrics: metrics, state: nil)
        }

        init(tick: Int64, chain: String, domains: [String], seal: Seal?, metrics: JSON, state: JSON?) {
            self.tick = tick
            self.chain = chain
            self.domains = domains
            self.seal = seal
            self.metrics = metrics
            self.state = state
        }

        /// The hash of the whole state: SHA-256 of the domains' hashes.
        public var stateRoot: Digest {
            var hasher = StateHasher()
            for domain in domains { hasher.add(Hex.decode(domain) ?? []) }
            return hasher.finish()
        }
    }

    /// What it was made from.
    public var header: Header
    /// Ascending by tick, from 0.
    public var ticks: [Tick]

    /// Makes a recording.
    public init(header: Header, ticks: [Tick] = []) {
        self.header = header
        self.ticks = ticks
    }

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
                let json = try JSON.parse(Array(lines[number]), limits: .recording)
                return try JSONCoder.decode(type, from: json)
            } catch { throw SimError("line \(number + 1) of the recording cannot be read: \(error)") }
        }
        guard !lines.isEmpty else { throw SimError("the recording is empty") }
        var recording = SimRecording(header: try read(0, Header.self))
        for number in lines.indices.dropFirst() { recording.ticks.append(try read(number, Tick.self)) }
        return recording
    }
}

extension JSONLimits {
    /// A line of a recording: a state may be large.
    static let recording = JSONLimits(maxBytes: 1 << 30, maxDepth: 64)
}
