import MeshCore

extension Roster {
    /// The member of the mesh that a name, a key or a unique prefix of a key (8 digits or more) means. Fails when there
    /// is none, with the nearest names, and when the prefix begins several keys.
    func present(_ text: String) throws(MeshError) -> Member {
        var found = PublicKey(hex: text).flatMap { member(key: $0) } ?? member(name: text)
        if found == nil, (8..<64).contains(text.utf8.count) {
            let matches = memberOrder.compactMap { members[$0] }.filter { $0.keyHex.hasPrefix(text) }
            if matches.count > 1 { throw MeshError(.ambiguousTarget, "\(text) begins more than one key") }
            found = matches.first
        }
        if let found, found.revokedAt == nil { return found }
        let names = members.values.filter { $0.revokedAt == nil }.map(\.name).sorted()
        let near = Nearest.names(to: text, among: names, limit: 3)
        throw MeshError(
            .notFound, "no member is called \(text.prefix(64))",
            hint: near.isEmpty ? "mesh-cli member list" : "did you mean \(near.joined(separator: " or "))?")
    }
}
