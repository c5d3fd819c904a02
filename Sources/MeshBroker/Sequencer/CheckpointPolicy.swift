package import MeshStore

/// When the node signs the tree: a second after an entry was added, so at most one signature a second.
package struct CheckpointPolicy {
    private var signed: Int64
    private var isScheduled = false

    /// Reads the size of the newest signed checkpoint.
    package init(database: Database) throws {
        signed = try database.prepare("SELECT MAX(size) FROM checkpoint").first { $0.int(0) } ?? 0
    }

    /// Whether to schedule a signature now that the ledger has a size.
    mutating func shouldSchedule(size: Int64) -> Bool {
        guard size > signed, !isScheduled else { return false }
        isScheduled = true
        return true
    }

    /// The size to sign; nil when it is signed already.
    func due(size: Int64) -> Int64? { size > signed ? size : nil }

    /// A checkpoint was stored.
    mutating func made(size: Int64) {
        signed = size
        isScheduled = false
    }

    /// A checkpoint could not be stored; the next batch tries again.
    mutating func failed() { isScheduled = false }
}
