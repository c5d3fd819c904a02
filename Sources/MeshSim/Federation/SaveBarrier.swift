public import MeshCore

/// A named save of a whole federation: all domains keep a checkpoint of the same tick. Only a complete save can be
/// resumed.
public struct SaveBarrier: Sendable, Hashable, Codable {
    /// A domain's part.
    public struct Part: Codable, Sendable, Hashable {
        /// The domain.
        public var domain: String
        /// The hash of its state at the tick, hex.
        public var stateRoot: String

        /// Makes a part.
        public init(domain: String, stateRoot: String) {
            self.domain = domain
            self.stateRoot = stateRoot
        }
    }

    /// Its state.
    public enum State: Sendable, Hashable, Codable {
        /// These domains have not kept their checkpoint yet.
        case incomplete(missing: [String])
        /// All have.
        case complete
        /// A domain was lost, or could not keep it; the save is unusable.
        case failed(reason: String)
    }

    /// Its name.
    public let name: String
    /// The tick that all keep.
    public let tick: Int64
    /// The domains, by name.
    public let domains: [String]
    /// What was kept, by name of domain.
    public private(set) var parts: [Part] = []
    private var failure: String?

    /// A save of all domains that take part, at a tick that none of them has gone beyond. Fails when one has, or the name
    /// is not valid.
    public init(_ name: String, at tick: Int64, of table: GrantTable) throws(FederationError) {
        try FederationLimits.checkName(name)
        try FederationLimits.checkTick(tick)
        for domain in table.present {
            let sealed = table.sealedTick(domain) ?? 0
            guard sealed <= tick else {
                throw FederationError(
                    .outOfOrder,
                    "\(domain) has sealed tick \(sealed), and a save at \(tick) is behind it; save at a later tick")
            }
        }
        self.name = name
        self.tick = tick
        domains = table.present
    }

    /// Its state.
    public var state: State {
        if let failure { return .failed(reason: failure) }
        let missing = domains.filter { parts.place(of: $0, by: \.domain) == nil }
        return missing.isEmpty ? .complete : .incomplete(missing: missing)
    }

    /// A domain has kept its checkpoint. A repetition is valid. Fails when the domain or the tick is another, when it kept
    /// another state before, or when the save has failed.
    public mutating func checkpointed(_ domain: String, at tick: Int64, stateRoot: Digest) throws(FederationError) {
        if let failure { throw FederationError(.outOfOrder, "the save \(name) has failed: \(failure)") }
        guard domains.contains(domain) else {
            throw FederationError(.unknown, "\(domain) has no part in the save \(name)")
        }
        guard tick == self.tick else {
            throw FederationError(.invalid, "the save \(name) is of tick \(self.tick), not \(tick)")
        }
        let place = parts.lowerBound(of: domain, by: \.domain)
        if place < parts.count, parts[place].domain == domain {
            guard parts[place].stateRoot == stateRoot.hex else {
                throw FederationError(.conflict, "\(domain) has kept another state of tick \(tick) for \(name)")
            }
            return
        }
        parts.insert(Part(domain: domain, stateRoot: stateRoot.hex), at: place)
    }

    /// A domain cannot keep its part. A save that is complete stays so.
    public mutating func fail(_ domain: String, _ reason: String) {
        guard state != .complete, failure == nil, domains.contains(domain) else { return }
        failure = "\(domain): \(reason)"
    }

    /// The save's hash: SHA-256 of name, tick, and each domain's name and state; nil until it is complete.
    public var hash: Digest? {
        guard state == .complete else { return nil }
        var hasher = StateHasher()
        hasher.add(Array(name.utf8))
        hasher.add(tick)
        for part in parts {
            hasher.add(Array(part.domain.utf8))
            hasher.add(Array(part.stateRoot.utf8))
        }
        return hasher.finish()
    }
}
