/// The owner's signed statement that another key signs the checkpoints from now on, as in the ledger.
public struct LogKeyRotation: Declared, Hashable {
    @Field("The key that signed until then.") public var old: PublicKey
    @Field("The key that signs after it.") public var new: PublicKey
    @Field("When the owner signed, Unix milliseconds.") public var timestamp: Int64
    @Field("The owner's signature.") public var signature: Signature

    public init() {}
    /// Makes a rotation.
    public init(old: PublicKey, new: PublicKey, timestamp: Int64, signature: Signature) {
        self.old = old
        self.new = new
        self.timestamp = timestamp
        self.signature = signature
    }

    /// The entry's kind.
    public static let kind = "ledger.key_rotated"

    /// The entry's public attributes.
    public var attributes: JSONObject {
        [
            "old": .string(old.hex), "new": .string(new.hex), "signed": .integer(timestamp),
            "claim": .string(signature.hex),
        ]
    }

    /// Parses an entry's public attributes; nil when they are no rotation.
    public init?(attributes: JSONObject) {
        guard let old = PublicKey(hex: attributes["old"]?.stringValue ?? ""),
            let new = PublicKey(hex: attributes["new"]?.stringValue ?? ""),
            let timestamp = attributes["signed"]?.integerValue,
            let signature = Signature(hex: attributes["claim"]?.stringValue ?? "")
        else { return nil }
        self.init(old: old, new: new, timestamp: timestamp, signature: signature)
    }

    /// Whether the owner signed it for a mesh.
    public func isSigned(by owner: PublicKey, meshID: String) -> Bool {
        owner.verifiesStored(
            signature, of: SignedText.logKeyRotation(meshID: meshID, old: old, new: new, timestamp: timestamp))
    }
}

/// The keys that sign a mesh's checkpoints, one after the other: the node's of entry 0, then those that the owner
/// admitted. A checkpoint is signed by the key of the newest rotation among its own entries, so a replaced key signs
/// nothing that comes after it.
public struct LogKeys: Sendable, Hashable {
    /// `mesh/<meshId>`.
    public let origin: String
    private let owner: PublicKey
    /// Each key with the number of the entry that admitted it.
    public private(set) var terms: [(seq: Int64, key: PublicKey)]

    /// The key that entry 0 names.
    public init(meshID: String, owner: PublicKey, node: PublicKey) {
        origin = "mesh/" + meshID
        self.owner = owner
        terms = [(0, node)]
    }

    /// The current signing key.
    public var current: PublicKey { terms[terms.count - 1].key }

    /// The key that signs a checkpoint of a size, in note form.
    public func key(atSize size: Int64) -> NoteKey {
        NoteKey(name: origin, key: (terms.last { $0.seq < size } ?? terms[0]).key)
    }

    /// Applies the rotation in an entry. Fails when it does not follow, or when the owner did not sign it.
    public mutating func take(_ rotation: LogKeyRotation, at seq: Int64) throws(LedgerFault) {
        guard seq > terms[terms.count - 1].seq else {
            throw LedgerFault(seq, "its rotation of the log key stands before an earlier one")
        }
        guard rotation.old == current else {
            throw LedgerFault(seq, "it gives up the log key \(rotation.old.shortHex)…, not \(current.shortHex)…")
        }
        guard !terms.contains(where: { $0.key == rotation.new }) else {
            throw LedgerFault(seq, "it admits the log key \(rotation.new.shortHex)… again, which was given up")
        }
        guard rotation.isSigned(by: owner, meshID: String(origin.dropFirst(5))) else {
            throw LedgerFault(seq, "the owner did not sign this rotation of the log key")
        }
        terms.append((seq, rotation.new))
    }

    /// Verifies a signed checkpoint of this ledger against the key of its size.
    public func verify(note: String) throws(LedgerFault) -> Checkpoint {
        let size = try Checkpoint.parse(note: note).size
        let checkpoint = try Checkpoint.verify(note: note, keys: [key(atSize: size)])
        guard checkpoint.origin == origin else {
            throw LedgerFault(nil, "a checkpoint is of \(checkpoint.origin), this ledger is \(origin)")
        }
        return checkpoint
    }

    public static func == (left: LogKeys, right: LogKeys) -> Bool {
        left.origin == right.origin && left.owner == right.owner
            && left.terms.elementsEqual(right.terms) { $0.seq == $1.seq && $0.key == $1.key }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(origin)
        hasher.combine(current)
    }
}
