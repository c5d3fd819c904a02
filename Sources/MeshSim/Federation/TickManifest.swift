public import MeshCore

/// What a tick of a domain consists of. It is published last: with the values that it names it is the complete tick.
public struct TickManifest: Codable, Sendable, Hashable {
    /// One value of the tick.
    public struct Entry: Codable, Sendable, Hashable {
        /// Its name, without the domain's prefix.
        public var name: String
        /// The tick that wrote it.
        public var tick: Int64
        /// Which change of it.
        public var rev: Int64

        /// Makes an entry.
        public init(name: String, tick: Int64, rev: Int64) {
            self.name = name
            self.tick = tick
            self.rev = rev
        }
    }
    /// The domain.
    public var domain: String
    /// The tick.
    public var tick: Int64
    /// The domain's chain as of this tick, hex.
    public var chain: String
    /// The hash of the domain's whole state, hex.
    public var stateRoot: String
    /// How many values.
    public var count: Int
    /// SHA-256 of names, ticks, revs and hashes of all values, hex.
    public var keysHash: String
    /// The values, by name.
    public var values: [Entry]

    /// Makes the manifest of a tick from its values, whose order does not matter.
    public init(
        domain: String, tick: Int64, chain: Digest, stateRoot: Digest, values: [(name: String, value: StampedValue)]
    ) {
        let sorted = values.sorted { $0.name.precedesInBytes($1.name) }
        self.domain = domain
        self.tick = tick
        self.chain = chain.hex
        self.stateRoot = stateRoot.hex
        count = values.count
        keysHash = Self.hash(of: sorted).hex
        self.values = sorted.map { Entry(name: $0.name, tick: $0.value.tick, rev: $0.value.rev) }
    }

    /// Reads a manifest. Fails when it is none, or contradicts itself.
    public init(json: JSON) throws(FederationError) {
        do throws(JSONError) { self = try JSONCoder.decode(Self.self, from: json) } catch {
            throw FederationError(.invalid, "this is no manifest of a tick: \(error)")
        }
        try FederationLimits.checkName(domain)
        try FederationLimits.checkTick(tick)
        let isOrdered = zip(values, values.dropFirst()).allSatisfy { $0.name.precedesInBytes($1.name) }
        let isPossible = values.allSatisfy { (0...tick).contains($0.tick) && $0.rev >= 1 }
        guard count == values.count, isOrdered, isPossible, Digest(hex: chain) != nil, Digest(hex: stateRoot) != nil,
            Digest(hex: keysHash) != nil
        else {
            throw FederationError(
                .invalid,
                "the manifest of \(domain) at \(tick) contradicts itself: its count, the order or the ticks of its values, "
                    + "or a hash is not valid")
        }
    }

    /// As it stands in the state. Fails when it is larger than 64 KiB.
    public var json: JSON {
        get throws(FederationError) {
            let json: JSON
            do throws(JSONError) { json = try JSONCoder.encode(self) } catch {
                throw FederationError(.invalid, "the manifest is no JSON: \(error)")
            }
            let size = json.bytes().count
            guard size <= FederationLimits.valueBytes else {
                throw FederationError(
                    .limit,
                    "the manifest of \(domain) has \(size) bytes for \(count) values; at most "
                        + "\(FederationLimits.valueBytes) are valid: put several values under one key, or split the domain"
                )
            }
            return json
        }
    }

    /// The hash of values in the order of their names.
    static func hash(of values: [(name: String, value: StampedValue)]) -> Digest {
        var hasher = StateHasher()
        for (name, value) in values {
            hasher.add(Array(name.utf8))
            hasher.add(value.tick)
            hasher.add(value.rev)
            hasher.add(Array(value.hash.utf8))
        }
        return hasher.finish()
    }
}

/// All values of a domain at one tick.
public struct WholeTick: Sendable {
    /// Its manifest.
    public var manifest: TickManifest
    /// The values, by name.
    public var values: [(name: String, value: StampedValue)]

    /// Makes a tick.
    public init(manifest: TickManifest, values: [(name: String, value: StampedValue)]) {
        self.manifest = manifest
        self.values = values
    }
}
