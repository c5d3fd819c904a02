/// A key that signs notes, in the form of C2SP signed notes: a name and an ed25519 key.
public struct NoteKey: Sendable, Hashable {
    /// Without spaces and plus signs.
    public var name: String
    /// The key.
    public var key: PublicKey
    private static let ed25519: UInt8 = 1

    /// Makes a key.
    public init(name: String, key: PublicKey) {
        self.name = name
        self.key = key
    }

    /// The first four bytes of SHA-256 over name, line feed, type and key.
    public var id: [UInt8] {
        Array(Hashing.sha256(Array(name.utf8) + [0x0A, Self.ed25519] + key.bytes).prefix(4))
    }

    /// `name+id+key`, the id in hex, type and key in base64.
    public var text: String { "\(name)+\(Hex.encode(id))+\(Base64.encode([Self.ed25519] + key.bytes))" }

    /// Parses the text; nil when the id does not match name and key.
    public init?(text: String) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.first == Self.ed25519,
            let key = PublicKey(bytes: bytes.dropFirst()), !parts[0].isEmpty
        else { return nil }
        self.init(name: parts[0], key: key)
        guard Hex.encode(id) == parts[1] else { return nil }
    }
}

/// The state of a ledger at a size: C2SP `tlog-checkpoint`, signed as a note.
public struct Checkpoint: Sendable, Hashable {
    /// `mesh/<meshId>`.
    public var origin: String
    /// Number of entries.
    public var size: Int64
    /// The Merkle root over them.
    public var root: Digest

    /// Makes a checkpoint.
    public init(origin: String, size: Int64, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The three lines that are signed.
    public var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

    /// The signed note.
    public func sign(with key: SigningKey, name: String) -> String {
        let signature = key.sign(Array(text.utf8))
        let id = NoteKey(name: name, key: key.publicKey).id
        return "\(text)\n\u{2014} \(name) \(Base64.encode(id + signature.bytes))\n"
    }

    /// Parses a note without verifying its signatures.
    public static func parse(note: String) throws(LedgerFault) -> Checkpoint { try split(note).checkpoint }

    /// Verifies a note: the text's form, every signature by a known key, and at least one of those. Unknown keys are
    /// ignored.
    public static func verify(note: String, keys: [NoteKey]) throws(LedgerFault) -> Checkpoint {
        let (checkpoint, lines) = try split(note)
        var good = 0
        for line in lines {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, parts[0] == "\u{2014}", let blob = Base64.decode(parts[2]), blob.count > 4 else {
                throw LedgerFault(nil, "the checkpoint has a line that is no signature")
            }
            guard let key = keys.first(where: { $0.name == parts[1] && $0.id == Array(blob.prefix(4)) }) else {
                continue
            }
            guard let signature = Signature(bytes: Array(blob.dropFirst(4))),
                key.key.verifiesStored(signature, of: Array(checkpoint.text.utf8))
            else { throw LedgerFault(nil, "the checkpoint's signature by \(parts[1]) is wrong") }
            good += 1
        }
        guard good > 0 else { throw LedgerFault(nil, "the checkpoint is not signed by a known key") }
        return checkpoint
    }

    private static func split(_ note: String) throws(LedgerFault) -> (checkpoint: Checkpoint, signatures: [String]) {
        // By bytes: a carriage return before the line feed must not count as one character.
        let lines = note.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard lines.count >= 6, lines[lines.count - 1].isEmpty, lines[3].isEmpty, !note.utf8.contains(0x0D) else {
            throw LedgerFault(nil, "the checkpoint must be three lines, an empty line and signatures, each ended by LF")
        }
        guard !lines[0].isEmpty, let size = Int64(lines[1]), size >= 0, String(size) == lines[1],
            let bytes = Base64.decode(lines[2]), let root = Digest(bytes: bytes)
        else { throw LedgerFault(nil, "the checkpoint's origin, size or root cannot be read") }
        return (Checkpoint(origin: lines[0], size: size, root: root), Array(lines[4..<lines.count - 1]))
    }
}

/// A proof that an entry is in a ledger: C2SP `tlog-proof`, with the entry's bytes as its extra data.
public struct InclusionProofFile: Sendable, Hashable {
    /// The entry's number.
    public var index: Int64
    /// From the leaf up.
    public var hashes: [Digest]
    /// The signed note.
    public var checkpoint: String
    /// The entry's bytes; not part of the proof.
    public var extra: [UInt8]?
    /// The first line of such a file.
    public static let header = "c2sp.org/tlog-proof@v1"

    /// Makes a proof.
    public init(index: Int64, hashes: [Digest], checkpoint: String, extra: [UInt8]?) {
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
        self.extra = extra
    }

    /// The file contents.
    public var text: String {
        var text = Self.header + "\n"
        if let extra { text += "extra \(Base64.encode(extra))\n" }
        text += "index \(index)\n"
        for hash in hashes { text += Base64.encode(hash.bytes) + "\n" }
        return text + "\n" + checkpoint
    }

    /// Parses a file.
    public static func parse(_ text: String) throws(LedgerFault) -> InclusionProofFile {
        let bytes = Array(text.utf8)
        guard let end = bytes.indices.dropFirst().first(where: { bytes[$0] == 0x0A && bytes[$0 - 1] == 0x0A }) else {
            throw LedgerFault(nil, "the proof has no empty line before its checkpoint")
        }
        var lines = bytes[..<(end - 1)].split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }[...]
        guard lines.popFirst() == header else { throw LedgerFault(nil, "the first line of a proof is \(header)") }
        var extra: [UInt8]?
        if let line = lines.first, line.hasPrefix("extra ") {
            extra = Base64.decode(String(line.dropFirst(6)))
            guard extra != nil else { throw LedgerFault(nil, "the proof's extra data is not base64") }
            lines.removeFirst()
        }
        guard let line = lines.popFirst(), line.hasPrefix("index "), let index = Int64(line.dropFirst(6)), index >= 0,
            String(index) == line.dropFirst(6)
        else { throw LedgerFault(nil, "the proof has no index") }
        var hashes: [Digest] = []
        for line in lines {
            guard let bytes = Base64.decode(line), let hash = Digest(bytes: bytes) else {
                throw LedgerFault(index, "the proof has a line that is no hash")
            }
            hashes.append(hash)
        }
        return InclusionProofFile(
            index: index, hashes: hashes, checkpoint: String(decoding: bytes[(end + 1)...], as: UTF8.self), extra: extra
        )
    }

    /// Verifies that the entry is in the ledger that a known key signed. Returns the checkpoint.
    @discardableResult
    public func verify(entry: [UInt8], keys: [NoteKey]) throws(LedgerFault) -> Checkpoint {
        let signed = try Checkpoint.verify(note: checkpoint, keys: keys)
        guard
            MerkleProof.verifyInclusion(
                leaf: MerkleTree.leafHash(entry), index: index, size: signed.size, proof: hashes, root: signed.root)
        else { throw LedgerFault(index, "the proof does not lead from the entry to the signed root") }
        return signed
    }
}
