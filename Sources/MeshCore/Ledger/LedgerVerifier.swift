/// Verifies an exported ledger line by line, offline and without the broker's code or keys: form, order, hash chain,
/// Merkle roots, the owner's claim, the node's signatures.
public struct LedgerVerifier: Sendable {
    /// What was verified.
    public struct Report: Sendable, Hashable {
        /// Number of entries.
        public var entries: Int64
        /// The Merkle root over them.
        public var root: Digest
        /// The leaf hash of the last one.
        public var head: Digest
        /// Number of valid signed checkpoints.
        public var checkpoints: Int
        /// Number of entries, from the first, covered by the largest of them; 0 without one.
        public var signed: Int64
        /// The owner named in entry 0, whose claim is valid.
        public var owner: PublicKey
        /// The key that signs checkpoints: the node's, or the last one that the owner admitted.
        public var node: NoteKey
        /// `chain`, `chain and root` or `chain, root and signature`.
        public var level: String
    }

    private var tree = MerkleTree()
    private var head = Digest.zero
    private var timestamp: Int64 = 0
    private var origin: String?
    private var owner: PublicKey?
    private var keys: LogKeys?
    private var lines: Int64 = 0
    private var notes: [String] = []
    // Roots at every size are stored as the trees they come from: a checkpoint may be for any of them.
    private var frontiers: [Int64: Digest] = [:]
    private var wanted: Set<Int64> = []

    /// Makes a verifier that has read nothing.
    public init() {}

    /// Verifies a whole export.
    public static func verify(export bytes: [UInt8], owner: PublicKey?) throws(LedgerFault) -> Report {
        var verifier = LedgerVerifier()
        var fault: LedgerFault?
        bytes.withUnsafeBytes { bytes in
            do throws(LedgerFault) {
                let mark = Array("{\"checkpoint\":".utf8)
                let lines = Self.lines(bytes)
                // Checkpoints first: their sizes decide which roots to keep.
                for line in lines where bytes[line].starts(with: mark) { try verifier.add(line: Array(bytes[line])) }
                for line in lines where !bytes[line].starts(with: mark) {
                    try verifier.add(entry: UnsafeRawBufferPointer(rebasing: bytes[line]))
                }
            } catch { fault = error }
        }
        if let fault { throw fault }
        return try verifier.finish(owner: owner)
    }

    private static func lines(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for place in bytes.indices where bytes[place] == 0x0A {
            lines.append(start..<place)
            start = place + 1
        }
        if start < bytes.count { lines.append(start..<bytes.count) }
        return lines
    }

    /// Takes a line: an entry's stored bytes, or an object with a `checkpoint` note.
    public mutating func add(line: [UInt8]) throws(LedgerFault) {
        if line.starts(with: Array("{\"checkpoint\":".utf8)) { return try add(checkpoint: line) }
        var fault: LedgerFault?
        line.withUnsafeBytes { bytes in
            do throws(LedgerFault) { try add(entry: bytes) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    /// Takes an entry's stored bytes.
    private mutating func add(entry bytes: UnsafeRawBufferPointer) throws(LedgerFault) {
        let expected = lines
        // The first entry identifies the ledger, and needs a full parse.
        if expected > 0, let plain = EntryScanner(bytes) {
            let isOurs = origin.map { bytes[plain.origin].elementsEqual($0.utf8) } ?? false
            try check(plain.seq, plain.previous, plain.timestamp)
            guard isOurs else {
                throw LedgerFault(
                    expected,
                    "it belongs to \(String(decoding: bytes[plain.origin], as: UTF8.self)), this ledger is \(origin ?? "")"
                )
            }
            timestamp = plain.timestamp
        } else {
            let entry: LedgerEntry
            do throws(LedgerFault) { entry = try LedgerEntry.parse(Array(bytes)) } catch {
                throw LedgerFault(expected, error.message)
            }
            try check(entry.seq, entry.previous, entry.timestamp)
            if expected == 0 {
                try begin(entry)
            } else if entry.origin != origin {
                throw LedgerFault(expected, "it belongs to \(entry.origin), this ledger is \(origin ?? "")")
            }
            if entry.kind == LogKeyRotation.kind {
                guard let rotation = LogKeyRotation(attributes: entry.publicAttributes) else {
                    throw LedgerFault(expected, "it is not a rotation of the log key")
                }
                try keys?.take(rotation, at: expected)
            }
            timestamp = entry.timestamp
        }
        head = MerkleTree.leafHash(bytes)
        tree.append(leaf: head)
        lines += 1
        if wanted.contains(lines) { frontiers[lines] = tree.root }
    }

    /// Whether an entry continues the chain.
    private func check(_ seq: Int64, _ previous: Digest, _ time: Int64) throws(LedgerFault) {
        let expected = lines
        guard seq == expected else {
            throw LedgerFault(
                expected, seq > expected ? "it is missing: entry \(seq) follows" : "entry \(seq) stands in its place")
        }
        guard previous == head else {
            throw LedgerFault(
                max(0, expected - 1),
                "it does not have the hash that entry \(expected) names: it was altered, or entry \(expected) was")
        }
        guard time >= timestamp else { throw LedgerFault(expected, "its time lies before the entry before it") }
    }

    /// Ends the verification. With an owner given, the ledger must be that owner's.
    public func finish(owner pinned: PublicKey?) throws(LedgerFault) -> Report {
        guard let owner, let keys else { throw LedgerFault(nil, "the ledger is empty") }
        if let pinned, pinned != owner { throw LedgerFault(0, "its owner is \(owner.hex), not \(pinned.hex)") }
        var signed = 0 as Int64
        for note in notes {
            let checkpoint = try keys.verify(note: note)
            signed = max(signed, checkpoint.size)
            guard checkpoint.size <= lines else {
                throw LedgerFault(
                    lines,
                    "it is missing: the signed checkpoint covers \(checkpoint.size) entries, the ledger ends after \(lines)"
                )
            }
            guard frontiers[checkpoint.size] ?? (checkpoint.size == lines ? tree.root : nil) == checkpoint.root else {
                throw LedgerFault(
                    max(0, checkpoint.size - 1),
                    "the entries up to it do not have the root that was signed at size \(checkpoint.size)")
            }
        }
        return Report(
            entries: lines, root: tree.root, head: head, checkpoints: notes.count, signed: signed, owner: owner,
            node: keys.key(atSize: lines), level: notes.isEmpty ? "chain" : "chain, root and signature")
    }

    private mutating func add(checkpoint line: [UInt8]) throws(LedgerFault) {
        let json: JSON
        do throws(JSONError) { json = try JSON.parse(line) } catch {
            throw LedgerFault(nil, "a checkpoint line cannot be read: \(error)")
        }
        guard let note = json["checkpoint"]?.stringValue else {
            throw LedgerFault(nil, "a checkpoint line has no note")
        }
        let size = try Checkpoint.parse(note: note).size
        wanted.insert(size)
        if size == lines { frontiers[size] = tree.root }
        notes.append(note)
    }

    /// Entry 0 names the owner and the node, signed by the owner.
    private mutating func begin(_ entry: LedgerEntry) throws(LedgerFault) {
        let attributes = entry.publicAttributes
        guard entry.kind == "mesh.created", entry.origin.hasPrefix("mesh/"),
            let owner = PublicKey(hex: attributes["owner"]?.stringValue ?? ""),
            let node = PublicKey(hex: attributes["node"]?.stringValue ?? ""),
            let slug = attributes["slug"]?.stringValue,
            let created = attributes["created"]?.integerValue,
            let claim = Signature(hex: attributes["claim"]?.stringValue ?? "")
        else { throw LedgerFault(0, "it is not the creation of a mesh") }
        let meshID = String(entry.origin.dropFirst(5))
        let text = SignedText.meshCreation(
            meshID: meshID, slug: slug, owner: owner, node: node, timestamp: created)
        guard owner.verifiesStored(claim, of: text) else {
            throw LedgerFault(0, "the owner did not sign this creation")
        }
        origin = entry.origin
        self.owner = owner
        keys = LogKeys(meshID: meshID, owner: owner, node: node)
    }
}
