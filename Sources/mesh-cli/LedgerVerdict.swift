import MeshCore

extension LedgerVerifier.Report {
    /// The report for people: the verdict, then what it rests on.
    func text(isOwnerPinned: Bool, _ colour: Colour) -> String {
        let isWhole = isSigned && isOwnerPinned
        let word = isWhole ? colour("OK:", .green) : colour("OK, but", .yellow)
        return """
            \(word) \
            \(verdict(isOwnerPinned: isOwnerPinned))
            entries:   \(entries), each naming the hash of the one before
            root:      \(root.hex)
            level:     \(level)\(isSigned ? "" : " (no checkpoint is signed yet, or the file has none)")
            signed by: \(node.text)
            owner:     \(owner.hex) (\(isOwnerPinned ? "as expected" : "as the file says: pin it with --owner"))
            witnesses: 0 (only the broker signs it; see --help)
            """
    }

    private var isSigned: Bool { checkpoints > 0 }

    /// What was found, in one sentence.
    private func verdict(isOwnerPinned: Bool) -> String {
        let all = entries == 1 ? "the only entry is" : "all \(entries) entries are"
        let rest = signed < entries ? "; the last \(entries - signed) not yet signed" : ""
        switch (isSigned, isOwnerPinned) {
        case (true, true):
            return "\(all) unchanged, in order, and signed by the broker\(rest)"
        case (true, false): return "only if this is the owner's key: \(all) unchanged, in order, and signed\(rest)"
        case (false, _): return "unsigned: \(all) unchanged and in order; no checkpoint says so"
        }
    }
}
