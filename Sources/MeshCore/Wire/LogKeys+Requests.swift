/// Has another key sign the ledger's checkpoints from now on.
public struct RotateLogKey: WriteRequest {
    @Field("The new key: `nextLogKey` of `GET /v1/node`.") public var key: PublicKey
    @Field("When the owner signed, Unix milliseconds.") public var timestamp: Int64
    @Field("The owner's signature over `mesh-log-key-v1|<meshId>|<old key>|<new key>|<timestamp>`.")
    public var signature: Signature
    @Field("`nextLogKeyHeld` of `GET /v1/node`: the node's signature that it holds the key.") public var held: Signature
    public init(key: PublicKey, timestamp: Int64, signature: Signature, held: Signature) {
        self.key = key
        self.timestamp = timestamp
        self.signature = signature
        self.held = held
    }
    public static let declaration = RequestDeclaration(
        "rotate_log_key", "Change the key that signs the ledger's checkpoints; requires the mesh owner's signature.",
        needs: .admin, about: .ledger, http: .put("ledger/keys"), errors: [.badSignature])
    public typealias Answer = LogKeyList
    public init() {}
}

/// Asks for the keys that have signed the ledger's checkpoints.
public struct ListLogKeys: ReadRequest {
    public init() {}
    public static let declaration = RequestDeclaration(
        "list_log_keys", "List the keys that sign the ledger's checkpoints, each with the owner's signature for it.",
        needs: .observe, about: .ledger, http: .get("ledger/keys"), hints: .idempotent)
    public typealias Answer = LogKeyList
}

/// The keys that have signed the ledger's checkpoints, oldest first.
public struct LogKeyList: Reply, Declared {
    public static let type = "log_key_list"
    /// One key after the first.
    public struct Rotation: Declared, Hashable {
        @Field("The entry that introduced the key.") public var seq: Int64
        @Field("The owner's signed rotation.") public var rotation: LogKeyRotation
        /// Makes one.
        public init(seq: Int64, rotation: LogKeyRotation) {
            self.seq = seq
            self.rotation = rotation
        }
        public init() {}
    }
    @Field("The key of entry 0: the node's key when the mesh was created.") public var first: PublicKey
    @Field("The keys after it.") public var rotations: [Rotation]
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
    public init() {}
}
