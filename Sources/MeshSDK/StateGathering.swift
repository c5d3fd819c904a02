import MeshCore

/// Puts a snapshot together that is too large for one answer: pages of a list, and the changes that came meanwhile. Each key
/// is as new as the newest of both says.
struct StateGathering: Sendable {
    /// The changes of one write.
    struct Write: Sendable, Hashable {
        var changes: [StateChanges.Change]
        var revision: Int64
        var updatedBy: StateUpdate.Author
        var updatedAt: String
    }

    /// Writes that are kept until the pages are there; beyond it the pages are read again.
    static let maximumWrites = 10_000

    private var writes: [Write] = []
    /// Whether more came than are kept.
    var isFull: Bool { writes.count >= Self.maximumWrites }

    /// Keeps a change.
    mutating func add(_ write: Write) { writes.append(write) }

    /// The snapshot, by key, and its revision.
    func snapshot(_ pages: StateList) -> (entries: [StateList.Entry], revision: Int64) {
        var entries: [[UInt8]: StateList.Entry] = [:]
        for entry in pages.entries { entries[Array(entry.key.utf8)] = entry }
        for write in writes {
            for change in write.changes {
                let key = Array(change.key.utf8)
                // A page that was read later has it already.
                if let known = entries[key], known.revision >= write.revision { continue }
                guard !change.deleted else {
                    entries[key] = nil
                    continue
                }
                var entry = StateList.Entry(
                    key: change.key, value: change.value, updatedBy: write.updatedBy.name, updatedAt: write.updatedAt,
                    version: change.version, revision: write.revision)
                entry.updatedByKey = write.updatedBy.key
                entries[key] = entry
            }
        }
        let sorted = entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        return (sorted, max(pages.revision, writes.last?.revision ?? 0))
    }
}
