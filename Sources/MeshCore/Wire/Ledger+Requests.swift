/// Asks where the ledger ends.
public struct GetLedgerHead: Request {
    /// Makes a request.
    public init() {}
    public static let type = "ledger_head"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The ledger's size, root, last entry and newest signed checkpoint."
    public static let fields: [String: String] = [:]
    public typealias Answer = LedgerHead
}

/// Where the ledger ends.
public struct LedgerHead: Reply {
    public static let type = "ledger_head_result"
    /// The origin, `mesh/<meshId>`.
    public var origin: String
    /// How many entries.
    public var size: Int64
    /// The Merkle root, hex.
    public var root: String
    /// The last entry's leaf hash, hex.
    public var head: String
    /// The owner's public key: what verifiers pin.
    public var owner: PublicKey
    /// The newest signed checkpoint, or absent before the first.
    public var checkpoint: String?
    /// Its size.
    public var checkpointSize: Int64?
    /// How many outside witnesses signed it. Without any, a broker could show two histories.
    public var witnesses: Int
    /// Makes an answer.
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
}

/// Fetches entries as they are stored.
public struct ExportLedger: Request {
    /// The first entry.
    public var from: Int64?
    /// At most this many, 1 to 1,000; 1,000 when absent.
    public var limit: Int?
    /// Makes a request.
    public init(from: Int64? = nil, limit: Int? = nil) {
        self.from = from
        self.limit = limit
    }
    public static let type = "ledger_export"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Entries as they are stored, by number."
    public static let fields = ["from": "The first entry, 0 when absent.", "limit": "1 to 1,000; 1,000 when absent."]
    public typealias Answer = LedgerPage
}

/// Entries as they are stored.
public struct LedgerPage: Reply {
    public static let type = "ledger_entries"
    /// The number of the first entry.
    public var from: Int64
    /// The stored bytes, one text each.
    public var entries: [String]
    /// How many entries the ledger has.
    public var size: Int64
    /// The newest checkpoint at or below the end of this page's ledger.
    public var checkpoint: String?
    /// Makes an answer.
    public init(from: Int64, entries: [String], size: Int64, checkpoint: String?) {
        self.from = from
        self.entries = entries
        self.size = size
        self.checkpoint = checkpoint
    }
}

/// Asks for a proof that an entry is in the ledger.
public struct ProveEntry: Request {
    /// The entry's number.
    public var seq: Int64?
    /// Or the message whose acceptance to prove.
    public var messageId: String?
    /// Makes a request.
    public init(seq: Int64? = nil, messageId: String? = nil) {
        self.seq = seq
        self.messageId = messageId
    }
    public static let type = "ledger_prove"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "A proof file that an entry is in the ledger, against the newest checkpoint."
    public static let fields = ["seq": "The entry's number.", "messageId": "Or a message whose acceptance to prove."]
    public typealias Answer = LedgerProof
}

/// A proof that an entry is in the ledger.
public struct LedgerProof: Reply {
    public static let type = "ledger_proof"
    /// The entry's number.
    public var seq: Int64
    /// The entry's stored bytes.
    public var entry: String
    /// The proof in the C2SP `tlog-proof` form, with the signed checkpoint.
    public var proof: String
    /// The owner's public key.
    public var owner: PublicKey
    /// The signer's key in note form.
    public var nodeKey: String
    /// Makes an answer.
    public init(seq: Int64, entry: String, proof: String, owner: PublicKey, nodeKey: String) {
        self.seq = seq
        self.entry = entry
        self.proof = proof
        self.owner = owner
        self.nodeKey = nodeKey
    }
}

/// Asks for a proof that an earlier ledger is the beginning of a later one.
public struct ProveConsistency: Request {
    /// How many entries the earlier one has.
    public var old: Int64
    /// How many the later one has.
    public var new: Int64?
    /// Makes a request.
    public init(old: Int64, new: Int64? = nil) {
        self.old = old
        self.new = new
    }
    public static let type = "ledger_consistency"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "A proof (RFC 6962, 2.1.2) that nothing of an earlier ledger was changed or taken away."
    public static let fields = [
        "old": "How many entries the earlier ledger has, 1 or more.",
        "new": "How many the later one has; the newest checkpoint's when absent.",
    ]
    public typealias Answer = ConsistencyProof
}

/// A proof that an earlier ledger is the beginning of a later one.
public struct ConsistencyProof: Reply {
    public static let type = "ledger_consistency_proof"
    /// How many entries the earlier one has.
    public var old: Int64
    /// How many the later one has.
    public var new: Int64
    /// The hashes, base64.
    public var proof: [String]
    /// The newest signed checkpoint.
    public var checkpoint: String
    /// Makes an answer.
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
}

/// Fetches a tile of the ledger's tree, as C2SP `tlog-tiles` cuts it.
public struct GetTile: Request {
    /// The level; absent means the entries themselves.
    public var level: Int?
    /// The tile's number.
    public var number: Int64
    /// How many of its 256 places.
    public var width: Int?
    /// Makes a request.
    public init(level: Int?, number: Int64, width: Int? = nil) {
        self.level = level
        self.number = number
        self.width = width
    }
    public static let type = "ledger_tile"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "A tile of the ledger's tree; `GET /v1/meshes/<id>/log/tile/…` gives its bytes."
    public static let fields = [
        "level": "0 to 7; absent: the entries themselves, each behind its length in two bytes.",
        "number": "The tile's number.", "width": "1 to 256; 256 when absent.",
    ]
    public typealias Answer = LedgerTile
}

/// A tile of the ledger's tree.
public struct LedgerTile: Reply {
    public static let type = "ledger_tile_result"
    /// Its bytes, base64.
    public var data: String
    /// Makes an answer.
    public init(data: String) { self.data = data }
}
