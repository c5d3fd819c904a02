import MeshCore
import MeshStore

/// The ledger as its readers see it: head, pages, proofs.
enum LedgerAccess {
    static let capability = Capability("ledger") {
        Read(GetLedgerHead.self) { _, view in
            let state = view.state
            let checkpoint = try newest(state)
            return LedgerHead(
                origin: state.facts.origin, size: state.ledger.size, root: state.ledger.root.hex,
                head: state.ledger.head.hex, owner: state.facts.owner, checkpoint: checkpoint?.note,
                checkpointSize: checkpoint?.size)
        }
        Read(ExportLedger.self) { request, view in
            let from = request.from ?? 0
            let limit = request.limit ?? 1_000
            guard from >= 0 else { throw MeshError.argument("from", "0 or more, not \(from)") }
            guard (1...1_000).contains(limit) else { throw MeshError.argument("limit", "1 to 1,000, not \(limit)") }
            let entries = try view.rows(
                "SELECT bytes FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?", from, limit
            ) { String(decoding: $0.blob(0), as: UTF8.self) }
            return LedgerPage(
                from: from, entries: entries, size: view.state.ledger.size, checkpoint: try newest(view.state)?.note)
        }
        Read(ProveEntry.self) { request, view in try prove(request, view) }
    }

    private static func newest(_ state: EngineState) throws -> (size: Int64, note: String)? {
        try state.database.prepare("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").first {
            ($0.int(0), $0.text(1))
        }
    }

    private static func prove(_ request: ProveEntry, _ view: ReadView) throws -> LedgerProof {
        let state = view.state
        guard (request.seq == nil) != (request.messageId == nil) else {
            throw MeshError.argument("seq", "give either seq or messageId")
        }
        guard let checkpoint = try newest(state) else {
            throw MeshError(.behind, "no checkpoint is signed yet", hint: "try again in a second")
        }
        let seq = try request.seq ?? entry(of: request.messageId ?? "", state)
        guard seq >= 0, seq < state.ledger.size, let bytes = try state.ledger.entry(seq) else {
            throw MeshError(.notFound, "the ledger has entries 0 to \(state.ledger.size - 1), not \(seq)")
        }
        guard seq < checkpoint.size else {
            throw MeshError(
                .behind, "entry \(seq) is not under a signed checkpoint yet", hint: "try again in a few seconds",
                details: ["checkpointSize": .integer(checkpoint.size)])
        }
        let proof = try MerkleTiles.inclusionProof(index: seq, size: checkpoint.size) { level, index in
            guard let hash = try state.ledger.hash(level: level, index: index) else {
                throw MeshError(.storageFailed, "the ledger's tile of level \(level) is missing or damaged")
            }
            return hash
        }
        let file = InclusionProofFile(index: seq, hashes: proof, checkpoint: checkpoint.note, extra: bytes)
        return LedgerProof(
            seq: seq, entry: String(decoding: bytes, as: UTF8.self), proof: file.text, owner: state.facts.owner,
            nodeKey: NoteKey(name: state.facts.origin, key: state.facts.node).text)
    }

    private static func entry(of id: String, _ state: EngineState) throws -> Int64 {
        guard let seq = state.messageIDs.seq(id), let message = try StoredMessage.find(seq, state.database) else {
            throw MeshError(.notFound, "no message has the id \(id.prefix(64))")
        }
        return message.entry
    }
}
