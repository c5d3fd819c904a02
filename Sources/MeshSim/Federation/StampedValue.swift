public import MeshCore

/// A value in the state, with the tick at which it was written, so that values of two ticks are not mistaken for
/// those of one.
public struct StampedValue: Codable, Sendable, Hashable {
    /// The tick that wrote it. A value that does not change keeps its tick.
    public var tick: Int64
    /// Counts the key's changes, from 1.
    public var rev: Int64
    /// SHA-256 of the value's RFC 8785 form, hex.
    public var hash: String
    /// The domain that wrote it.
    public var owner: String
    /// The value.
    public var value: JSON

    /// Stamps a value. Fails when it has a number that JSON lacks, or is larger than 64 KiB with its stamp.
    public init(tick: Int64, rev: Int64, owner: String, value: JSON) throws(FederationError) {
        try FederationLimits.checkTick(tick)
        guard value.isFinite else {
            throw FederationError(.invalid, "a value has a number that is not finite, which JSON does not know")
        }
        self.tick = tick
        self.rev = rev
        self.owner = owner
        self.value = value
        hash = Self.hash(of: value).hex
        let size = try json.bytes().count
        guard size <= FederationLimits.valueBytes else {
            throw FederationError(
                .limit,
                "the value has \(size) bytes with its stamp; at most \(FederationLimits.valueBytes) are valid: split it "
                    + "into several keys")
        }
    }

    /// Reads a value. Fails when it is none, is too large, or its hash is not that of its value.
    public init(json: JSON) throws(FederationError) {
        do throws(JSONError) { self = try JSONCoder.decode(Self.self, from: json) } catch {
            throw FederationError(.invalid, "this is no stamped value: \(error)")
        }
        try FederationLimits.checkTick(tick)
        guard rev >= 1, value.isFinite, hash == Self.hash(of: value).hex else {
            throw FederationError(.invalid, "a stamped value's hash is not that of its value, or its rev is below 1")
        }
        guard json.bytes().count <= FederationLimits.valueBytes else {
            throw FederationError(.limit, "a stamped value has more than \(FederationLimits.valueBytes) bytes")
        }
    }

    /// Its form in the state.
    public var json: JSON {
        get throws(FederationError) {
            do throws(JSONError) { return try JSONCoder.encode(self) } catch {
                throw FederationError(.invalid, "the value is no JSON: \(error)")
            }
        }
    }

    /// The hash of a value.
    static func hash(of value: JSON) -> Digest {
        var hasher = StateHasher()
        hasher.add(value.canonicalBytes())
        return hasher.finish()
    }
}

extension JSON {
    /// Whether all its numbers are finite.
    var isFinite: Bool {
        switch self {
        case .double(let value): value.isFinite
        case .array(let elements): elements.allSatisfy(\.isFinite)
        case .object(let object): object.allSatisfy { $0.value.isFinite }
        default: true
        }
    }
}

/// A change of the state: a key and its value, nil when it is removed.
public struct StateChange: Sendable, Hashable {
    /// The key.
    public var key: String
    /// The value.
    public var value: JSON?

    /// Makes a change.
    public init(key: String, value: JSON?) {
        self.key = key
        self.value = value
    }
}
