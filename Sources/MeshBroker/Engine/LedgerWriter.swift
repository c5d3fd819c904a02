package import MeshCore
import MeshStore

/// Appends to the ledger inside the transaction of the command, and maintains the Merkle tree's tiles: 256 hashes each,
/// as in C2SP `tlog-tiles`, so that a proof reads a few rows.
struct LedgerWriter {
    private let database: Database
    let origin: String
    /// Number of entries.
    private(set) var size: Int64 = 0
    /// The last entry's leaf hash; zeros before the first.
    private(set) var head = Digest.zero
    private var timestamp: Int64 = 0
    /// The hashes of the unfinished tile of each level.
    private var open: [[Digest]] = [[]]
    /// The trees over those: each inner node is hashed once, when its second half is complete.
    private var trees = [MerkleTree()]
    private var buffer: [UInt8] = []
    /// The buffer for entries whose size is known in advance; it is never emptied.
    private var scratch: [UInt8] = []

    /// Entries of a tile.
    static let tileWidth: Int64 = 256

    /// Reads the tail of the ledger.
    init(database: Database, origin: String) throws {
        self.database = database
        self.origin = origin
        size = (try database.prepare("SELECT MAX(seq) FROM ledger").first { $0.isNull(0) ? -1 : $0.int(0) } ?? -1) + 1
        guard size > 0 else { return }
        try loadTiles()
        if let bytes = try entry(size - 1) {
            head = MerkleTree.leafHash(bytes)
            timestamp = try LedgerEntry.parse(bytes).timestamp
        }
    }

    /// The Merkle root over all entries.
    var root: Digest {
        var root: Digest?
        for tree in trees { root = tree.root(before: root) }
        return root ?? MerkleTree.emptyRoot
    }

    /// Appends an entry and stores it. Fails with a store error, which undoes the batch.
    mutating func append(
        kind: String, actor: String, object: String?, attributes: JSONObject, commitments: [String: String],
        at now: Int64
    ) throws {
        timestamp = max(timestamp, now)
        let entry = LedgerEntry(
            origin: origin, seq: size, timestamp: timestamp, previous: head, actor: actor, kind: kind, object: object,
            publicAttributes: attributes, commitments: commitments)
        buffer.removeAll(keepingCapacity: true)
        entry.encode(into: &buffer)
        try store(kind)
    }

    /// Appends an entry whose parts are in canonical form.
    mutating func append(
        kind: String, actor: String, object: String?, attributes: CanonicalObject, commitments: CanonicalObject,
        at now: Int64
    ) throws {
        timestamp = max(timestamp, now)
        buffer.removeAll(keepingCapacity: true)
        LedgerEntry.write(
            to: &buffer, origin: origin, seq: size, timestamp: timestamp, previous: head, actor: actor, kind: kind,
            object: object, publicAttributes: attributes, commitments: commitments)
        try store(kind)
    }

    /// The position fields of an entry.
    struct Place {
        var seq: Int64
        /// Unix milliseconds, never less than in the entry before.
        var timestamp: Int64
        /// The leaf hash of the entry before.
        var previous: Digest
    }

    /// Appends an entry; `write` writes all its bytes in canonical form: at most `memory` of them.
    mutating func append(memory: Int, at now: Int64, _ write: (inout RawWriter, Place) -> Void) throws {
        timestamp = max(timestamp, now)
        let place = Place(seq: size, timestamp: timestamp, previous: head)
        var room: [UInt8] = []
        swap(&room, &scratch)
        if room.count < memory { room = [UInt8](repeating: 0, count: 2 * memory) }
        defer { swap(&room, &scratch) }
        try room.withUnsafeMutableBytes { memory in
            var writer = RawWriter(memory)
            write(&writer, place)
            guard let bytes = writer.bytes else {
                throw MeshError(.internalError, "a ledger entry is larger than its writer said")
            }
            try store(bytes, "that size")
        }
    }

    /// Stores the entry in the buffer.
    private mutating func store(_ kind: String) throws {
        let entry = buffer
        try entry.withUnsafeBytes { try store($0, kind) }
    }

    private mutating func store(_ entry: UnsafeRawBufferPointer, _ kind: String) throws {
        guard entry.count <= 65_535 else {
            throw MeshError(.tooLarge, "the ledger entry of \(kind) would have \(entry.count) bytes, at most 65,535")
        }
        try database.prepare(hot: "INSERT INTO ledger (seq, bytes) VALUES (?, ?)").run { (row) throws(StoreError) in
            try row.bind(1, size)
            try row.lend(2, blob: entry)
        }
        let leaf = MerkleTree.leafHash(entry)
        try add(leaf, level: 0)
        head = leaf
        size += 1
    }

    /// The stored bytes of an entry.
    func entry(_ seq: Int64) throws -> [UInt8]? {
        try database.prepare("SELECT bytes FROM ledger WHERE seq = ?").first(seq) { $0.blob(0) }
    }

    /// Hashes `from..<to` of a level (0 leaves, 1 tiles of 256 leaves, …) of the tree of all entries.
    func hash(level: Int, index: Int64) throws -> Digest? {
        let tile = index / Self.tileWidth
        let place = Int(index % Self.tileWidth)
        if level < open.count, tile == finishedTiles(level) {
            return place < open[level].count ? open[level][place] : nil
        }
        return try database.prepare("SELECT hashes FROM ledger_tile WHERE level = ? AND number = ?")
            .first(Int64(level), tile) { row in
                let hashes = row.blob(0)
                return Digest(bytes: Array(hashes[place * 32..<place * 32 + 32]))
            } ?? nil
    }

    private func finishedTiles(_ level: Int) -> Int64 {
        var count = size
        for _ in 0...level { count /= Self.tileWidth }
        return count
    }

    private mutating func add(_ hash: Digest, level: Int) throws {
        if level == open.count {
            open.append([])
            trees.append(MerkleTree())
        }
        open[level].append(hash)
        trees[level].append(leaf: hash)
        guard open[level].count == Int(Self.tileWidth) else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32 * open[level].count)
        for hash in open[level] { hash.withBytes { bytes.append(contentsOf: $0) } }
        var number = size
        for _ in 0...level { number /= Self.tileWidth }
        try database.prepare("INSERT INTO ledger_tile (level, number, hashes) VALUES (?, ?, ?)")
            .run(Int64(level), number, bytes)
        let root = trees[level].root
        trees[level] = MerkleTree()
        open[level].removeAll(keepingCapacity: true)
        try add(root, level: level + 1)
    }

    /// Rebuilds the unfinished tiles and the tree from the stored ones.
    private mutating func loadTiles() throws {
        var level = 0
        open = []
        var count = size
        repeat {
            let finished = count / Self.tileWidth
            var hashes: [Digest] = []
            if level == 0 {
                hashes = try database.prepare("SELECT bytes FROM ledger WHERE seq >= ? ORDER BY seq")
                    .rows(finished * Self.tileWidth) { MerkleTree.leafHash($0.blob(0)) }
            } else {
                for index in (finished * Self.tileWidth)..<count {
                    hashes.append(try tileRoot(level: level - 1, number: index))
                }
            }
            open.append(hashes)
            count = finished
            level += 1
        } while count > 0
        trees = open.map { hashes in
            var tree = MerkleTree()
            for hash in hashes { tree.append(leaf: hash) }
            return tree
        }
    }

    private func tileRoot(level: Int, number: Int64) throws -> Digest {
        let bytes =
            try database.prepare("SELECT hashes FROM ledger_tile WHERE level = ? AND number = ?")
            .first(Int64(level), number) { $0.blob(0) } ?? []
        guard bytes.count == 32 * Int(Self.tileWidth) else {
            throw MeshError(.storageFailed, "the ledger's tile \(level)/\(number) is missing or damaged")
        }
        var subtree = MerkleTree()
        for start in stride(from: 0, to: bytes.count, by: 32) {
            if let hash = Digest(bytes: Array(bytes[start..<start + 32])) { subtree.append(leaf: hash) }
        }
        return subtree.root
    }
}

extension EngineState {
    /// Number of entries in the ledger.
    package var ledgerSize: Int64 { ledger.size }

    /// The root that the ledger had at a size: the roots of its complete subtrees, joined from the right.
    package func root(at size: Int64) throws -> Digest {
        var tree = MerkleTree()
        var start: Int64 = 0
        var rest = size
        var level = 0
        var width: Int64 = 1
        while width * LedgerWriter.tileWidth <= rest {
            width *= LedgerWriter.tileWidth
            level += 1
        }
        while rest > 0 {
            while width > rest {
                width /= LedgerWriter.tileWidth
                level -= 1
            }
            guard let hash = try ledger.hash(level: level, index: start / width) else {
                throw MeshError(.storageFailed, "the ledger's tile of level \(level) is missing or damaged")
            }
            tree.append(subtree: hash, levels: 8 * level)
            start += width
            rest -= width
        }
        return tree.root
    }
}
