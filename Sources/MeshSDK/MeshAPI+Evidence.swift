public import MeshCore

/// What a member can show to others later.
extension MeshAPI {
    /// The keys that sign the ledger's checkpoints, each admitted by the owner whom the credentials name. Fails with
    /// `bad_signature` when one is not.
    public func logKeys() async throws(MeshError) -> LogKeys {
        let list = try await call(ListLogKeys())
        do throws(LedgerFault) {
            return try list.verified(
                meshID: credentials.meshID, owner: credentials.owner, node: credentials.node)
        } catch {
            throw MeshError(.badSignature, "the broker names a log key that does not hold: \(error)")
        }
    }

    /// Has the broker sign its checkpoints with another key, one that it holds ready. The credentials must be the owner's.
    /// Fails with `forbidden` for others, and with `unknown_type` from a broker that has no such key.
    @discardableResult
    public func rotateLogKey(node: NodeInfo) async throws(MeshError) -> LogKeys {
        guard credentials.memberKey.publicKey == credentials.owner else {
            throw MeshError(
                .forbidden, "only the mesh's owner admits a log key",
                hint: "the owner is \(credentials.owner.shortHex)…")
        }
        guard let key = node.nextLogKey, let held = node.nextLogKeyHeld else {
            throw MeshError(.unknownType, "the broker holds no other log key ready", hint: "a newer broker does")
        }
        guard credentials.node.verifies(held, of: SignedText.logKeyPossession(key: key, node: credentials.node)) else {
            throw MeshError(
                .badSignature, "the broker does not show that it holds the key \(key.shortHex)…",
                hint: "somebody may be in between; nothing was signed")
        }
        try key.requireUsable(field: "nextLogKey", .badSignature)
        let old = try await logKeys().current
        let now = SystemCalls.now()
        let word = SignedText.logKeyRotation(meshID: credentials.meshID, old: old, new: key, timestamp: now)
        _ = try await call(
            RotateLogKey(key: key, timestamp: now, signature: credentials.memberKey.sign(word), held: held))
        return try await logKeys()
    }

    /// The signed proof that an entry is in the ledger, checked against the owner and the node that the credentials name
    /// and against what was asked for. Fails with `behind` while no checkpoint covers the entry: one does within seconds.
    /// With `isOwn` it must be of a message that this member has sent: its id is a broker's word.
    public func proof(
        _ request: ProveEntry, isOwn: Bool = false
    ) async throws -> (answer: LedgerProof, checkpoint: Checkpoint) {
        let answer = try await call(request)
        let sender = isOwn ? credentials.memberKey.publicKey : nil
        return (answer, try answer.verify(request, keys: try await logKeys(), sender: sender))
    }
}

extension LedgerProof {
    /// Checks that the proof leads from its entry to a checkpoint that one of the keys signed, and that it is of what was
    /// asked for: of a message its acceptance, from `sender` when one is given. Fails with `LedgerFault`.
    public func verify(
        _ request: ProveEntry, keys: LogKeys, sender: PublicKey? = nil
    ) throws(LedgerFault) -> Checkpoint {
        let bytes = Array(entry.utf8)
        let file = try InclusionProofFile.parse(proof)
        let size = try Checkpoint.parse(note: file.checkpoint).size
        let checkpoint = try file.verify(entry: bytes, keys: [keys.key(atSize: size)])
        let stored = try LedgerEntry.parse(bytes)
        guard stored.seq == file.index, stored.seq == seq, stored.origin == keys.origin,
            checkpoint.origin == keys.origin
        else { throw LedgerFault(seq, "the proof is of entry \(stored.seq) of \(stored.origin)") }
        guard request.seq == nil || request.seq == seq else {
            throw LedgerFault(request.seq, "the proof is of entry \(seq)")
        }
        if let message = request.messageId {
            // Other acts have the same object: that a message was rejected is no proof that it was accepted.
            guard stored.object == message, stored.kind == "message.accepted" else {
                throw LedgerFault(seq, "it is not the acceptance of the message \(message)")
            }
            guard sender == nil || stored.actor == sender?.hex else {
                throw LedgerFault(seq, "the message \(message) was accepted from somebody else")
            }
        }
        return checkpoint
    }
}
