/// The Merkle tree of RFC 6962, in the form needed for appending: the roots of its complete subtrees.
public struct MerkleTree: Sendable {
    /// Complete subtrees, largest first.
    private var subtrees: [(hash: Digest, levels: Int)] = []
    /// Number of leaves.
    public private(set) var size: Int64 = 0

    /// An empty tree.
    public init() {}

    /// The hash of a leaf's bytes: SHA-256 over a zero byte and the bytes.
    public static func leafHash(_ bytes: [UInt8]) -> Digest { Digest.sha256(prefix: 0, bytes) }

    /// The hash of a leaf's bytes in memory.
    package static func leafHash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        withUnsafeBytes(of: UInt8(0)) { Digest.sha256($0, bytes) }
    }

    /// The hash of an inner node: SHA-256 over a one byte and both halves.
    public static func nodeHash(_ left: Digest, _ right: Digest) -> Digest { Digest.sha256(prefix: 1, left, right) }

    /// The root of the empty tree: SHA-256 of nothing.
    public static let emptyRoot = Digest(bytes: Hashing.sha256([])) ?? .zero

    /// Adds a leaf by its hash.
    public mutating func append(leaf: Digest) { append(subtree: leaf, levels: 0) }

    /// Adds a complete subtree of 2^levels leaves. The size must be a multiple of that.
    public mutating func append(subtree: Digest, levels: Int) {
        size += 1 << Int64(levels)
        var hash = subtree
        var levels = levels
        while let last = subtrees.last, last.levels == levels {
            hash = Self.nodeHash(last.hash, hash)
            levels += 1
            subtrees.removeLast()
        }
        subtrees.append((hash, levels))
    }

    /// The root.
    public var root: Digest { root(before: nil) ?? Self.emptyRoot }

    /// The root when leaves with the root `rest` follow these, fewer than the smallest of these subtrees has. Nil when
    /// there are no leaves at all.
    package func root(before rest: Digest?) -> Digest? {
        var root = rest
        for subtree in subtrees.reversed() {
            root = root.map { Self.nodeHash(subtree.hash, $0) } ?? subtree.hash
        }
        return root
    }
}

/// Proofs from stored hashes: a provider gives the hash of any complete subtree of 256^level leaves.
public enum MerkleTiles {
    /// Returns the hash of the subtree `index` of 256^`level` leaves.
    public typealias Provider = (_ level: Int, _ index: Int64) throws -> Digest

    /// The sibling hashes on the path from a leaf to the root (RFC 6962, 2.1.1), from the leaf up.
    public static func inclusionProof(index: Int64, size: Int64, hash: Provider) throws -> [Digest] {
        guard index >= 0, index < size else { return [] }
        return try path(index, 0, size, hash)
    }

    /// The hashes that prove that a smaller tree is a prefix of a larger one (RFC 6962, 2.1.2).
    public static func consistencyProof(old: Int64, new: Int64, hash: Provider) throws -> [Digest] {
        guard old > 0, old < new else { return [] }
        return try subproof(old, 0, new, true, hash)
    }

    private static func path(_ index: Int64, _ start: Int64, _ end: Int64, _ hash: Provider) throws -> [Digest] {
        guard end - start > 1 else { return [] }
        let split = start + largestPower(below: end - start)
        return index < split
            ? try path(index, start, split, hash) + [try root(split, end, hash)]
            : try path(index, split, end, hash) + [try root(start, split, hash)]
    }

    private static func subproof(
        _ old: Int64, _ start: Int64, _ end: Int64, _ isWhole: Bool, _ hash: Provider
    ) throws -> [Digest] {
        if old == end - start { return isWhole ? [] : [try root(start, end, hash)] }
        let width = largestPower(below: end - start)
        if old <= width {
            return try subproof(old, start, start + width, isWhole, hash) + [try root(start + width, end, hash)]
        }
        return try subproof(old - width, start + width, end, false, hash) + [try root(start, start + width, hash)]
    }

    /// The root of the leaves `start..<end`, where `start` is aligned to the largest complete subtree inside.
    private static func root(_ start: Int64, _ end: Int64, _ hash: Provider) throws -> Digest {
        var tree = MerkleTree()
        var place = start
        while place < end {
            var width: Int64 = 1
            var level = 0
            while place % (width * 256) == 0, place + width * 256 <= end {
                width *= 256
                level += 1
            }
            tree.append(subtree: try hash(level, place / width), levels: 8 * level)
            place += width
        }
        return tree.root
    }

    static func largestPower(below count: Int64) -> Int64 {
        var power: Int64 = 1
        while power * 2 < count { power *= 2 }
        return power
    }
}

/// Verifies proofs (the algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2).
public enum MerkleProof {
    /// Whether a leaf is at an index of the tree with a root.
    public static func verifyInclusion(leaf: Digest, index: Int64, size: Int64, proof: [Digest], root: Digest) -> Bool {
        guard index >= 0, index < size else { return false }
        var node = index
        var last = size - 1
        var hash = leaf
        for step in proof {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                hash = MerkleTree.nodeHash(step, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = MerkleTree.nodeHash(hash, step)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }

    /// Whether the tree with the old root is a prefix of the one with the new root.
    public static func verifyConsistency(
        oldSize: Int64, oldRoot: Digest, newSize: Int64, newRoot: Digest, proof: [Digest]
    ) -> Bool {
        if oldSize == newSize { return proof.isEmpty && oldRoot == newRoot }
        if oldSize == 0 { return proof.isEmpty && oldRoot == MerkleTree.emptyRoot }
        guard oldSize > 0, oldSize < newSize else { return false }
        var steps = proof[...]
        if oldSize & (oldSize - 1) == 0 { steps = ([oldRoot] + proof)[...] }
        guard let first = steps.popFirst() else { return false }
        var node = oldSize - 1
        var last = newSize - 1
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var (old, new) = (first, first)
        for step in steps {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                old = MerkleTree.nodeHash(step, old)
                new = MerkleTree.nodeHash(step, new)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = MerkleTree.nodeHash(new, step)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && old == oldRoot && new == newRoot
    }
}
