public import MeshCore

/// A world that steps by itself: the next state follows from this one and the run's seed alone.
public protocol SimModel: Codable, Sendable {
    /// The parameters of a run.
    associatedtype Parameters: Codable & Sendable
    /// The model's name.
    static var name: String { get }
    /// Raised whenever the same parameters and seed give a different run.
    static var rulesVersion: Int { get }
    /// The parts of the state that are hashed separately, so that a difference can be located.
    static var domains: [String] { get }

    /// Validates parameters. Fails with the invalid parameter and what is valid. Whatever passes must not
    /// trap later.
    static func validate(_ parameters: Parameters) throws(SimError)
    /// Makes the world at tick 0 from valid parameters.
    init(_ parameters: Parameters, seed: UInt64)
    /// The number of steps made.
    var tick: Int64 { get }
    /// Makes a step without external input.
    mutating func step()
    /// Makes the step for a seal, for worlds with seats; the same as `step` for those that have no
    /// seats. Fails when the seal is not the next tick's.
    mutating func advance(_ seal: Seal) throws(SimError)
    /// Adds a domain's state, by its place in `domains`.
    func hash(domain: Int, into hasher: inout StateHasher)
    /// Returns the metrics, in a fixed order.
    var metrics: [(name: String, value: Double)] { get }
}

extension SimModel {
    public static func validate(_ parameters: Parameters) throws(SimError) {}

    public mutating func advance(_ seal: Seal) throws(SimError) {
        guard seal.tick == tick + 1 else { throw SimError("the seal is tick \(seal.tick)'s, the next is \(tick + 1)") }
        step()
    }

    /// The hash of each domain, in their order.
    public var domainHashes: [Digest] {
        Self.domains.indices.map { domain in
            var hasher = StateHasher()
            hash(domain: domain, into: &hasher)
            return hasher.finish()
        }
    }
}

/// The hash chain of a run: each tick's hash covers all before it.
///
/// h(n) = SHA-256(h(n-1), tick, rules version, hash of each domain, hash of the seal where there is one);
/// h(-1) = SHA-256 of name, seed and parameters.
public struct SimChain: Sendable, Hashable {
    /// The last hash.
    public private(set) var head: Digest

    /// The beginning of a run's chain.
    public init(name: String, seed: UInt64, parameters: JSON) {
        var hasher = StateHasher()
        hasher.add(Array(name.utf8))
        hasher.add(Int64(bitPattern: seed))
        hasher.add(parameters.canonicalBytes())
        head = hasher.finish()
    }

    /// Continues a chain from a known head.
    public init(head: Digest) { self.head = head }

    /// Adds a tick.
    public mutating func add(tick: Int64, rulesVersion: Int, domains: [Digest], seal: Digest? = nil) {
        var hasher = StateHasher()
        hasher.add(head.bytes)
        hasher.add(tick)
        hasher.add(Int64(rulesVersion))
        for domain in domains { hasher.add(domain.bytes) }
        if let seal { hasher.add(seal.bytes) }
        head = hasher.finish()
    }
}
