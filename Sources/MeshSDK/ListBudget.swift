import MeshCore

/// How much a list may take that a broker gives page by page: it decides itself when it ends.
struct ListBudget: Sendable {
    /// More bytes than any list within the limits of a mesh has.
    static let maximumBytes = 128 << 20
    private var spent = 0

    /// Counts a page. Fails with `internal_error` when the list has grown beyond all limits.
    mutating func spend(_ bytes: Int) throws(MeshError) {
        spent += bytes
        guard spent <= Self.maximumBytes else {
            throw MeshError(
                .internalError, "the broker gives more pages than a list can have, and would go on for ever",
                details: ["answer": "endless"])
        }
    }
}
