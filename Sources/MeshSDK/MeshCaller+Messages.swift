public import MeshCore

/// Messages: what became of those that were sent.
extension MeshCaller {
    /// What happened to a message, for each recipient. Its sender and its recipients may ask.
    public func messageStatus(_ id: String) async throws(MeshError) -> MessageStatus {
        try await call(GetMessageStatus(messageId: id))
    }

    /// This member's messages that expired or were refused, newest first.
    public func deadLetters(limit: Int = 50) async throws(MeshError) -> [DeadLetters.Letter] {
        try await call(ListDeadLetters(limit: limit)).letters
    }
}

/// The ledger, as the broker tells it: `MeshAPI` has the calls that verify.
extension MeshCaller {
    /// Its size, root, last entry and newest signed checkpoint.
    public func ledgerHead() async throws(MeshError) -> LedgerHead { try await call(GetLedgerHead()) }

    /// Entries as they are stored, from a number on; a page holds up to 1,000.
    public func ledgerEntries(from: Int64 = 0, limit: Int = 1_000) async throws(MeshError) -> LedgerPage {
        try await call(ExportLedger(from: from, limit: limit))
    }

    /// A proof (RFC 6962, 2.1.2) that nothing of an earlier ledger was changed: `ConsistencyProof.verifies` checks it.
    public func ledgerConsistency(old: Int64, new: Int64? = nil) async throws(MeshError) -> ConsistencyProof {
        try await call(ProveConsistency(old: old, new: new))
    }

    /// A tile of the ledger's tree, in base64; without a level the entries themselves.
    public func ledgerTile(level: Int?, number: Int64, width: Int? = nil) async throws(MeshError) -> String {
        try await call(GetTile(level: level, number: number, width: width)).data
    }
}
