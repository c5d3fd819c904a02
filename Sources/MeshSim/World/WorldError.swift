/// Why a world refused an operation. Nothing has changed.
public struct WorldError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case unknownType, unknownEntity, unknownAttribute, unknownZone, unknownNetwork
        case wrongKind, outOfRange, invalidName, exists, full, limit
        case notConnected, notPlaced, notLinked, noSpace, occupied, selfLink
        case invalidSchema, invalidSnapshot, invalidJournal
    }
    /// The kind.
    public var code: Code
    /// What is wrong, what is valid, and what to do.
    public var description: String

    /// Makes an error.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

extension WorldError {
    /// A name shortened for messages: a peer may have sent a long one.
    static func short(_ name: String) -> String { name.utf8.count <= 64 ? name : "\(name.prefix(48))…" }

    /// Lists the valid names, up to a limit.
    static func list(_ names: [String]) -> String {
        if names.isEmpty { return "there are none" }
        let shown = names.prefix(12).joined(separator: ", ")
        return names.count > 12 ? "there are \(shown) and \(names.count - 12) more" : "there are \(shown)"
    }

    static func unknownEntity(_ id: EntityID) -> WorldError {
        WorldError(.unknownEntity, "there is no entity \(short(id.rawValue)); it may have been removed")
    }

    static func unknownZone(_ name: String, _ graph: ZoneGraph) -> WorldError {
        WorldError(.unknownZone, "there is no zone \(short(name)); \(list(graph.names))")
    }

    static func unknownAttribute(_ name: String, _ type: EntityType) -> WorldError {
        WorldError(
            .unknownAttribute, "\(type.name) has no attribute \(short(name)); \(list(type.attributes.map(\.name)))")
    }

    /// Refuses a name that is empty, too long, or has control characters.
    static func checkName(
        _ name: String, of what: String, maxLength: Int = 128, code: Code = .invalidSchema
    ) throws(WorldError) {
        let length = name.utf8.count
        guard length >= 1, length <= maxLength, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw WorldError(
                code,
                "the name \"\(short(name))\" of \(what) is not valid: 1 to \(maxLength) bytes, no control characters")
        }
    }
}
