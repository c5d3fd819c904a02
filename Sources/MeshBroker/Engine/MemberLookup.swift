import MeshCore

extension Roster {
    /// The member of the mesh that a name, a key or a unique prefix of a key (8 digits or more) identifies. Fails when
    /// there is none, listing the nearest names, and when the prefix matches several keys.
    func present(_ text: String) throws(MeshError) -> Member {
        var found = PublicKey(hex: text).flatMap { member(key: $0) } ?? member(name: text)
        if found == nil, (8..<64).contains(text.utf8.count) {
            let matches = members(keyPrefix: text).compactMap { members[$0] }
            if matches.count > 1 { throw MeshError(.ambiguousTarget, "\(text) begins more than one key") }
            found = matches.first
        }
        if let found, found.revokedAt == nil { return found }
        let near = nearest(to: text, limit: 8).filter { member(name: $0) != nil }.prefix(3)
        throw MeshError(
            .notFound, "no member is called \(text.prefix(64))",
            hint: near.isEmpty ? "mesh-cli member list" : "did you mean \(near.joined(separator: " or "))?")
    }
}
