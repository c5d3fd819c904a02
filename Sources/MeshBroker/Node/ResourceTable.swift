import MeshCore
import MeshEngine

/// The HTTP paths of requests below `/v1/meshes/{mesh}/`, from their declarations: `PUT state/{key}` and so on.
struct ResourceTable: Sendable {
    /// A request and the segments of its path.
    struct Place: Sendable {
        let row: CapabilityTable.Row
        let segments: [HTTPResource.Segment]
        var resource: HTTPResource { row.declaration.resource }

        /// The fields that a path gives, as they appear in it; nil when the path does not match.
        func match(_ path: [String]) -> [String: String]? {
            guard path.count == segments.count else { return nil }
            var fields: [String: String] = [:]
            for (segment, text) in zip(segments, path) {
                switch segment {
                case .fixed(let word): if !word.isSame(as: text) { return nil }
                case .field(let name):
                    if text.isEmpty { return nil }
                    fields[name] = text
                }
            }
            return fields
        }

        /// Number of literal segments: the path with most of them is meant.
        var words: Int { segments.count { if case .fixed = $0 { true } else { false } } }
    }

    /// In the order of types.
    let places: [Place]

    init(_ table: CapabilityTable) {
        places = table.rows.values.filter { !$0.declaration.resource.method.isEmpty }
            .sorted { $0.declaration.type < $1.declaration.type }
            .map { Place(row: $0, segments: $0.declaration.resource.segments) }
    }

    /// The paths that may match, those with most literals first. The segments are those after the mesh, decoded one by
    /// one, so that a name may hold a slash.
    func places(at path: [String]) -> [(place: Place, fields: [String: String])] {
        let found = places.compactMap { place in place.match(path).map { (place: place, fields: $0) } }
        let most = found.map(\.place.words).max() ?? 0
        return found.filter { $0.place.words == most }
    }
}

/// Turns the parts of an HTTP request into the fields of a request of the protocol.
enum ResourceFields {
    /// The fields that path, query and body give. Fails with `invalid_argument` for what is not declared, appears
    /// twice, or is not of its type.
    static func read(
        _ place: ResourceTable.Place, path: [String: String], query: String?, body: JSON
    ) throws(MeshError) -> JSONObject {
        let object = place.row.object
        var fields: JSONObject
        if place.resource.takesQuery {
            guard case .object(let given) = body, given.count == 0 else {
                throw MeshError(
                    .invalidArgument, "\(place.resource.method) takes no body", hint: "put the fields into the query")
            }
            fields = try parameters(query ?? "", of: object)
        } else {
            guard query == nil || query == "" else {
                throw MeshError(
                    .invalidArgument, "\(place.resource.method) takes no query", hint: "put the fields into the body")
            }
            guard case .object(let given) = body else {
                throw MeshError(.invalidArgument, "the body is \(body.typeName)", hint: "send one JSON object")
            }
            fields = given
        }
        for name in place.resource.fields {
            guard let text = path[name], let member = object[name] else { continue }
            let value = try value(text, of: member)
            if let said = fields[name], said != value {
                throw .argument(name, "the path says \(text.prefix(80)), and the rest of the request something else")
            }
            fields[name] = value
        }
        try object.checkNames(fields)
        return fields
    }

    private static func parameters(_ query: String, of object: ObjectSchema) throws(MeshError) -> JSONObject {
        var fields = JSONObject()
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(parts[0]),
                let text = decoded(parts.count > 1 ? parts[1] : parts[0][..<parts[0].startIndex])
            else {
                throw MeshError(.invalidArgument, "the query is not percent-encoded UTF-8")
            }
            guard fields[name] == nil else { throw .argument(String(name.prefix(64)), "stands twice in the query") }
            // The check of names reports an undeclared name.
            fields[name] =
                try object[name].map { (member) throws(MeshError) in try value(text, of: member) } ?? .string(text)
        }
        return fields
    }

    /// A text of a path or a query as a value of its field's type.
    private static func value(_ text: String, of member: ObjectSchema.Member) throws(MeshError) -> JSON {
        func refuse(_ expected: String) -> MeshError { .argument(member.name, "\(expected), not \(text.prefix(64))") }
        switch member.value.kind {
        case .integer:
            guard let number = Int64(text) else { throw refuse("an integer") }
            return .integer(number)
        case .number:
            guard let number = Double(text), number.isFinite else { throw refuse("a number") }
            return .double(number)
        case .boolean:
            guard text == "true" || text == "false" else { throw refuse("true or false") }
            return .bool(text == "true")
        default: return .string(text)
        }
    }

    /// Decodes percent codes, and a plus as a space; nil when the result is not UTF-8.
    static func decoded(_ text: some Collection<UInt8>, plusIsSpace: Bool = true) -> String? {
        let spaced = text.map { plusIsSpace && $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return RequestRules.decodedPath(String(decoding: spaced, as: UTF8.self))
    }
}
