import MeshCore
import MeshStore

/// Read access to the ledger: head, pages, proofs.
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
            var page = view.page()
            var entries: [String] = []
            try view.each("SELECT bytes FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?", from, limit) { row in
                guard row.withBlob(0, { page.takes($0.count + 16) }) else { return false }
                entries.append(String(decoding: row.blob(0), as: UTF8.self))
                return true
            }
            return LedgerPage(
                from: from, entries: entries, size: view.state.ledger.size, checkpoint: try newest(view.state)?.note)
        }
        Read(ProveEntry.self) { request, view in try prove(request, view) }
        Read(ProveConsistency.self) { request, view in try proveConsistency(request, view) }
        Read(GetTile.self) { request, view in try tile(request, view) }
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
        let proof = try MerkleTiles.inclusionProof(index: seq, size: checkpoint.size) { try hash($0, $1, state) }
        let file = InclusionProofFile(index: seq, hashes: proof, checkpoint: checkpoint.note, extra: bytes)
        return LedgerProof(
            seq: seq, entry: String(decoding: bytes, as: UTF8.self), proof: file.text, owner: state.facts.owner,
            nodeKey: try state.logKeys.key(atSize: checkpoint.size).text)
    }

    private static func proveConsistency(_ request: ProveConsistency, _ view: ReadView) throws -> ConsistencyProof {
        let state = view.state
        guard let checkpoint = try newest(state) else {
            throw MeshError(.behind, "no checkpoint is signed yet", hint: "try again in a second")
        }
        let new = request.new ?? checkpoint.size
        guard request.old <= new, new <= state.ledger.size else {
            throw MeshError(
                .invalidArgument,
                "this ledger has \(state.ledger.size) entries: old must be 1 to new, and new at most that; not \(request.old) and \(new)",
                details: ["size": .integer(state.ledger.size)])
        }
        let proof = try MerkleTiles.consistencyProof(old: request.old, new: new) { try hash($0, $1, state) }
        return ConsistencyProof(
            old: request.old, new: new, proof: proof.map { Base64.encode($0.bytes) }, checkpoint: checkpoint.note)
    }

    private static func hash(_ level: Int, _ index: Int64, _ state: EngineState) throws -> Digest {
        guard let hash = try state.ledger.hash(level: level, index: index) else {
            throw MeshError(.storageFailed, "the ledger's tile of level \(level) is missing or damaged")
        }
        return hash
    }

    /// C2SP `tlog-tiles`: 256 hashes of subtrees of 256^level entries, or 256 entries.
    private static func tile(_ request: GetTile, _ view: ReadView) throws -> LedgerTile {
        let state = view.state
        let (level, width) = (request.level ?? 0, Int64(request.width ?? 256))
        let missing = MeshError(.notFound, "the ledger has no such tile")
        guard request.number < 1 << 40 else { throw missing }
        var places = state.ledger.size
        for _ in 0..<level { places /= 256 }
        let first = request.number * 256
        guard first + width <= places else { throw missing }
        var data: [UInt8] = []
        if request.level == nil {
            let rows = try state.database.prepare("SELECT bytes FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?")
                .rows(first, width) { $0.blob(0) }
            for bytes in rows { data += [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes }
            view.meter.add(data.count * 2)
        } else {
            for index in first..<first + width { data += try hash(level, index, state).bytes }
        }
        return LedgerTile(data: Base64.encode(data))
    }

    private static func entry(of id: String, _ state: EngineState) throws -> Int64 {
        guard let seq = state.messageIDs.seq(id), let message = try StoredMessage.find(seq, state.database) else {
            throw MeshError(.notFound, "no message has the id \(id.prefix(64))")
        }
        return message.entry
    }
}
