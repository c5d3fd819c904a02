public import MeshCore

/// One domain's part in a merged tick.
public struct MergedPart: Codable, Sendable, Hashable {
    /// The domain.
    public var domain: String
    /// The tick of its values.
    public var tick: Int64
    /// How many ticks older than the merged tick they are; 0 when they are of that tick.
    public var stale: Int64
    /// The domain's chain as of its tick, hex.
    public var chain: String
    /// The hash of its whole state, hex.
    public var stateRoot: String

    /// Makes a part.
    public init(domain: String, tick: Int64, stale: Int64, chain: String, stateRoot: String) {
        self.domain = domain
        self.tick = tick
        self.stale = stale
        self.chain = chain
        self.stateRoot = stateRoot
    }
}

/// A merged tick as a link of the chain. It is also the proof of what each domain was: whoever knows the chain's hash of
/// the tick can check a domain's state root with it, and needs nothing of the other domains but their hashes.
public struct MergedLink: Codable, Sendable, Hashable {
    /// The tick.
    public var tick: Int64
    /// The hash of the link before, hex.
    public var previous: String
    /// The parts, by name of domain.
    public var parts: [MergedPart]

    /// Makes a link.
    public init(tick: Int64, previous: String, parts: [MergedPart]) {
        self.tick = tick
        self.previous = previous
        self.parts = parts
    }

    /// h(n) = SHA-256(h(n-1), n, and for each domain by name: name, chain, state root). Nil when a hash is not hex, or the
    /// parts are not in order.
    public var hash: Digest? {
        guard let previous = Digest(hex: previous),
            zip(parts, parts.dropFirst()).allSatisfy({ $0.domain.precedesInBytes($1.domain) })
        else { return nil }
        var hasher = StateHasher()
        hasher.add(previous.bytes)
        hasher.add(tick)
        for part in parts {
            guard let chain = Digest(hex: part.chain), let root = Digest(hex: part.stateRoot) else { return nil }
            hasher.add(Array(part.domain.utf8))
            hasher.add(chain.bytes)
            hasher.add(root.bytes)
        }
        return hasher.finish()
    }

    /// Whether this link, whose hash is known to be `head`, says that a domain had this chain and state.
    public func proves(_ domain: String, chain: Digest, stateRoot: Digest, head: Digest) -> Bool {
        hash == head
            && parts.contains { $0.domain == domain && $0.chain == chain.hex && $0.stateRoot == stateRoot.hex }
    }
}

/// The chain of a federation: each merged tick's hash holds all before it, and the roots of all domains.
public struct MergedChain: Sendable, Hashable {
    /// The last hash.
    public private(set) var head: Digest
    /// The last tick; nil before the first.
    public private(set) var tick: Int64?

    /// The beginning: SHA-256 of the federation's name.
    public init(federation: String) {
        var hasher = StateHasher()
        hasher.add(Array(federation.utf8))
        head = hasher.finish()
    }

    /// A chain that goes on from a known link's hash.
    public init(head: Digest, tick: Int64) {
        self.head = head
        self.tick = tick
    }

    /// Adds a tick. Parts may come in any order. Fails, and changes nothing, when the tick is not the next, a domain comes
    /// twice, or a hash is not valid.
    public mutating func add(tick: Int64, parts: [MergedPart]) throws(FederationError) -> MergedLink {
        let sorted = parts.sorted { $0.domain.precedesInBytes($1.domain) }
        let link = MergedLink(tick: tick, previous: head.hex, parts: sorted)
        try follow(link)
        return link
    }

    /// Goes on by a link that somebody else has made. Fails, and changes nothing, when it does not follow from this one.
    public mutating func follow(_ link: MergedLink) throws(FederationError) {
        try FederationLimits.checkTick(link.tick)
        if let tick, link.tick != tick + 1 {
            throw FederationError(.outOfOrder, "the chain is at tick \(tick); tick \(link.tick) is not the next")
        }
        guard link.previous == head.hex else {
            throw FederationError(.conflict, "the link of tick \(link.tick) follows another chain than this one")
        }
        guard let hash = link.hash else {
            throw FederationError(
                .invalid, "the link of tick \(link.tick) has a hash that is not valid, or domains not in order")
        }
        (head, tick) = (hash, link.tick)
    }

    /// Checks links one after another from this one. Fails at the first that does not follow.
    public func verify(_ links: [MergedLink]) throws(FederationError) -> MergedChain {
        var chain = self
        for link in links { try chain.follow(link) }
        return chain
    }
}
