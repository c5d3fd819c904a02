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
