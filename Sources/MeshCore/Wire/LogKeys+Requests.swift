/// Has another key sign the ledger's checkpoints from now on.
public struct RotateLogKey: Request {
    /// The new key: the broker's `nextLogKey`.
    public var key: PublicKey
    /// When the owner signed, Unix milliseconds.
    public var timestamp: Int64
    /// The owner's signature over `mesh-log-key-v1|meshId|old key|new key|timestamp`.
    public var signature: Signature
    /// The node's signature over `mesh-log-key-held-v1|key|node`: it holds the key.
    public var held: Signature
    /// Makes a request.
    public init(key: PublicKey, timestamp: Int64, signature: Signature, held: Signature) {
        self.key = key
        self.timestamp = timestamp
        self.signature = signature
        self.held = held
    }
    public static let type = "rotate_log_key"
    public static let permission = Permission.admin
    public static let kind = RequestKind.write
    public static let help = "Have another key sign the ledger's checkpoints; the mesh's owner must have signed for it."
    public static let fields = [
        "key": "The new key: `nextLogKey` of `GET /v1/node`.", "timestamp": "When the owner signed, Unix milliseconds.",
        "signature": "The owner's, over `mesh-log-key-v1|<meshId>|<old key>|<new key>|<timestamp>`.",
        "held": "`nextLogKeyHeld` of `GET /v1/node`: the node's signature that it holds the key.",
    ]
    public typealias Answer = LogKeyList
}

/// Asks for the keys that have signed the ledger's checkpoints.
public struct ListLogKeys: Request {
    /// Makes a request.
    public init() {}
    public static let type = "list_log_keys"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "The keys that sign the ledger's checkpoints, each with the owner's signature for it."
    public static let fields: [String: String] = [:]
    public typealias Answer = LogKeyList
}

/// The keys that have signed the ledger's checkpoints, oldest first.
public struct LogKeyList: Reply {
    public static let type = "log_key_list"
    /// One key after the first.
    public struct Rotation: Codable, Sendable, Hashable {
        /// The entry that admitted it.
        public var seq: Int64
        /// The owner's word.
        public var rotation: LogKeyRotation
        /// Makes one.
        public init(seq: Int64, rotation: LogKeyRotation) {
            self.seq = seq
            self.rotation = rotation
        }
    }
    /// The key of entry 0: the node's when the mesh was made.
    public var first: PublicKey
    /// The keys after it.
    public var rotations: [Rotation]
    /// Makes a list.
    public init(first: PublicKey, rotations: [Rotation]) {
        self.first = first
        self.rotations = rotations
    }

    /// The keys, once every rotation is found to be signed by the owner. Fails with the entry that is not.
    public func verified(meshID: String, owner: PublicKey, node: PublicKey) throws(LedgerFault) -> LogKeys {
        guard first == node else { throw LedgerFault(0, "its log key is \(first.shortHex)…, not \(node.shortHex)…") }
        var keys = LogKeys(meshID: meshID, owner: owner, node: node)
        for one in rotations { try keys.take(one.rotation, at: one.seq) }
        return keys
    }
}
