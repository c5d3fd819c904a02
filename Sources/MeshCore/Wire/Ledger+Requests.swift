/// Asks where the ledger ends.
public struct GetLedgerHead: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "ledger_head", "Get the ledger's size, root, last entry and newest signed checkpoint.", needs: .observe,
        about: .ledger, http: .get("ledger"), hints: .idempotent)
    public typealias Answer = LedgerHead
}

/// Where the ledger ends.
public struct LedgerHead: Reply, Declared {
    public static let type = "ledger_head_result"
    @Field("The origin, `mesh/<meshId>`.") public var origin: String
    @Field("The number of entries.") public var size: Int64
    @Field("The Merkle root, hex.") public var root: String
    @Field("The last entry's leaf hash, hex.") public var head: String
    @Field("The owner's public key: what verifiers pin.") public var owner: PublicKey
    @Field("The newest signed checkpoint, or absent before the first.") public var checkpoint: String?
    @Field("Its size.") public var checkpointSize: Int64?
    @Field("How many outside witnesses signed it. Without any, a broker could show two histories.")
    public var witnesses: Int
    public init(
        origin: String, size: Int64, root: String, head: String, owner: PublicKey, checkpoint: String?,
        checkpointSize: Int64?
    ) {
        self.origin = origin
        self.size = size
        self.root = root
        self.head = head
        self.owner = owner
        self.checkpoint = checkpoint
        self.checkpointSize = checkpointSize
        self.witnesses = 0
    }
    public init() {}
}

/// Fetches entries as they are stored.
public struct ExportLedger: ReadRequest {
    @Field("The first entry.", .atLeast(0), default: 0) public var from: Int64?
    @Field("The maximum number of rows.", .range(1...1_000), default: 1_000) public var limit: Int?
    public init(from: Int64? = nil, limit: Int? = nil) {
        self.from = from
        self.limit = limit
    }
    public static let declaration = RequestDeclaration(
        "ledger_export", "Export entries as stored, by number.", needs: .observe, about: .ledger,
        http: .get("ledger/entries"), hints: .idempotent)
    public typealias Answer = LedgerPage
    public init() {}
}

/// Entries as they are stored.
public struct LedgerPage: Reply, Declared {
    public static let type = "ledger_entries"
    @Field("The number of the first entry.") public var from: Int64
    @Field("The stored bytes, one text each.") public var entries: [String]
    @Field("The number of entries in the ledger.") public var size: Int64
    @Field("The newest checkpoint at or below the end of this page's ledger.") public var checkpoint: String?
    public init(from: Int64, entries: [String], size: Int64, checkpoint: String?) {
        self.from = from
        self.entries = entries
        self.size = size
        self.checkpoint = checkpoint
    }
    public init() {}
}

/// Asks for a proof that an entry is in the ledger.
public struct ProveEntry: ReadRequest {
    @Field("The entry's number.") public var seq: Int64?
    @Field("Alternatively, the message whose acceptance to prove.") public var messageId: String?
    public init(seq: Int64? = nil, messageId: String? = nil) {
        self.seq = seq
        self.messageId = messageId
    }
    public static let declaration = RequestDeclaration(
        "ledger_prove", "Get a proof that an entry is in the ledger, against the newest checkpoint.", needs: .observe,
        about: .ledger, http: .get("ledger/proof"), hints: .idempotent, errors: [.notFound, .ambiguousPrefix, .behind])
    public typealias Answer = LedgerProof
    public init() {}
}

/// A proof that an entry is in the ledger.
public struct LedgerProof: Reply, Declared {
    public static let type = "ledger_proof"
    @Field("The entry's number.") public var seq: Int64
    @Field("The entry's stored bytes.") public var entry: String
    @Field("The proof in the C2SP `tlog-proof` form, with the signed checkpoint.") public var proof: String
    @Field("The owner's public key.") public var owner: PublicKey
    @Field("The signer's key in note form.") public var nodeKey: String
    public init(seq: Int64, entry: String, proof: String, owner: PublicKey, nodeKey: String) {
        self.seq = seq
        self.entry = entry
        self.proof = proof
        self.owner = owner
        self.nodeKey = nodeKey
    }
    public init() {}
}

/// Asks for a proof that an earlier ledger is the beginning of a later one.
public struct ProveConsistency: ReadRequest {
    @Field("The number of entries in the earlier ledger.", .atLeast(1)) public var old: Int64
    @Field("The number of entries in the later ledger; the newest checkpoint's when absent.") public var new: Int64?
    public init(old: Int64, new: Int64? = nil) {
        self.old = old
        self.new = new
    }
    public static let declaration = RequestDeclaration(
        "ledger_consistency", "Get a proof (RFC 6962, 2.1.2) that nothing in an earlier ledger was changed or removed.",
        needs: .observe, about: .ledger, http: .get("ledger/consistency"), hints: .idempotent, errors: [.behind])
    public typealias Answer = ConsistencyProof
    public init() {}
}

/// A proof that an earlier ledger is the beginning of a later one.
public struct ConsistencyProof: Reply, Declared {
    public static let type = "ledger_consistency_proof"
    @Field("The number of entries in the earlier ledger.") public var old: Int64
    @Field("The number of entries in the later ledger.") public var new: Int64
    @Field("The hashes, base64.") public var proof: [String]
    @Field("The newest signed checkpoint.") public var checkpoint: String
    public init(old: Int64, new: Int64, proof: [String], checkpoint: String) {
        self.old = old
        self.new = new
        self.proof = proof
        self.checkpoint = checkpoint
    }

    /// Whether the tree with one root is the beginning of the one with the other.
    public func verifies(oldRoot: Digest, newRoot: Digest) -> Bool {
        let hashes = proof.compactMap { Base64.decode($0).flatMap { Digest(bytes: $0) } }
        guard hashes.count == proof.count else { return false }
        return MerkleProof.verifyConsistency(
            oldSize: old, oldRoot: oldRoot, newSize: new, newRoot: newRoot, proof: hashes)
    }
    public init() {}
}

/// Fetches a tile of the ledger's tree, as C2SP `tlog-tiles` cuts it.
public struct GetTile: ReadRequest {
    @Field("The level; absent: the entries themselves, each prefixed by its length in two bytes.", .range(0...7))
    public var level: Int?
    @Field("The tile's number.", .atLeast(0)) public var number: Int64
    @Field("The number of hashes or entries in the tile.", .range(1...256), default: 256) public var width: Int?
    public init(level: Int?, number: Int64, width: Int? = nil) {
        self.level = level
        self.number = number
        self.width = width
    }
    public static let declaration = RequestDeclaration(
        "ledger_tile", "Get a tile of the ledger's tree; `GET /v1/meshes/<id>/log/tile/…` returns its bytes.",
        needs: .observe, about: .ledger, http: .get("ledger/tiles/{number}"), hints: .idempotent,
        errors: [.notFound, .behind])
    public typealias Answer = LedgerTile
    public init() {}
}

/// A tile of the ledger's tree.
public struct LedgerTile: Reply, Declared {
    public static let type = "ledger_tile_result"
    @Field("Its bytes, base64.") public var data: String
    public init(data: String) { self.data = data }
    public init() {}
}
