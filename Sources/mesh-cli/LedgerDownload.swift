import MeshCore
import MeshSDK

/// Fetches a mesh's ledger page by page.
struct LedgerDownload: Sendable {
    /// Where from.
    var api: MeshAPI
    /// Which mesh.
    var meshID: String
    private static let pageSize = 1_000

    /// Gives every entry as a line, then the newest checkpoint that covers none but these. Returns how many entries
    /// and the checkpoint's size.
    func lines(_ take: ([UInt8]) throws -> Void) async throws -> (entries: Int64, checkpoint: Int64?) {
        let head = try await api.call(GetLedgerHead())
        var note = head.checkpoint
        let count = try await entries(upTo: head.size) { page, newest in
            var bytes: [UInt8] = []
            for entry in page { bytes += Array(entry.utf8) + [0x0A] }
            try take(bytes)
            // The ledger may have grown: a newer checkpoint is of use only when it covers no more than was fetched.
            if let newest, try Checkpoint.parse(note: newest).size <= head.size { note = newest }
        }
        guard let note else { return (count, nil) }
        try take(JSON.object(["checkpoint": .string(note)]).bytes() + [0x0A])
        return (count, try Checkpoint.parse(note: note).size)
    }

    /// Verifies everything up to the size that the broker names now; the root it names must be the one that follows.
    ///
    /// The broker signs what it has within a second: that is waited for. What came meanwhile may be unsigned.
    func verify(owner: PublicKey) async throws -> LedgerVerifier.Report {
        var first: Int64?
        let head = try await Polling.last(
            timeout: Span(milliseconds: 3_000), isDone: { ($0.checkpointSize ?? 0) >= (first ?? .max) }
        ) {
            let head = try await api.call(GetLedgerHead())
            first = first ?? head.size
            return head
        }
        var verifier = LedgerVerifier()
        // The checkpoint goes first: it says which root to keep.
        if let note = head.checkpoint {
            try verifier.add(line: JSON.object(["checkpoint": .string(note)]).bytes())
        }
        _ = try await entries(upTo: head.size) { page, _ in
            for entry in page { try verifier.add(line: Array(entry.utf8)) }
        }
        let report = try verifier.finish(owner: owner)
        guard report.root.hex == head.root else {
            throw LedgerFault(nil, "its entries have the root \(report.root.hex), the broker names \(head.root)")
        }
        return report
    }

    /// Whether a text is the entry of a number: what is no entry could be anything on a terminal or in a file.
    private func check(_ text: String, _ number: Int64) throws(LedgerFault) {
        let entry = try LedgerEntry.parse(Array(text.utf8))
        guard entry.seq == number else { throw LedgerFault(number, "the broker gives entry \(entry.seq) in its place") }
        guard entry.origin == "mesh/" + meshID else {
            throw LedgerFault(number, "the broker gives one of another mesh")
        }
    }

    /// Fetches the first entries, a page at a time.
    private func entries(
        upTo size: Int64, _ take: (_ page: ArraySlice<String>, _ checkpoint: String?) throws -> Void
    ) async throws -> Int64 {
        var count = 0 as Int64
        while count < size {
            let page = try await api.call(ExportLedger(from: count, limit: Self.pageSize))
            guard page.from == count, !page.entries.isEmpty else {
                throw LedgerFault(count, "it is missing: the broker names \(size) entries and gives \(count)")
            }
            let wanted = page.entries.prefix(Int(min(size - count, Int64(page.entries.count))))
            for (place, entry) in wanted.enumerated() { try check(entry, count + Int64(place)) }
            try take(wanted, page.checkpoint)
            count += Int64(wanted.count)
        }
        return count
    }
}

extension LedgerVerifier.Report {
    /// The report as it is printed for programs.
    func json(isOwnerPinned: Bool) -> JSONObject {
        [
            "verified": true, "entries": .integer(entries), "root": .string(root.hex), "head": .string(head.hex),
            "level": .string(level), "checkpoints": .integer(Int64(checkpoints)),
            "signed": .integer(signed), "owner": .string(owner.hex),
            "ownerPinned": .bool(isOwnerPinned), "node": .string(node.text), "witnesses": 0,
        ]
    }
}
