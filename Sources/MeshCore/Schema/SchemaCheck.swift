/// Checks JSON values against their declarations. The decoder refuses wrong types and missing members; this checks
/// bounds, and undeclared members.
extension ObjectSchema {
    /// Fails with `invalid_argument` or `too_large` for the first member outside its bounds.
    public func check(_ object: JSONObject) throws(MeshError) { try check(object, path: "") }

    /// Fails with `invalid_argument` when the object has an undeclared member; `allowed` are others that it may have.
    public func checkNames(_ object: JSONObject, allowed: Set<String> = []) throws(MeshError) {
        for (name, _) in object where self[name] == nil && !allowed.contains(name) {
            let known = members.map(\.name)
            let near = Nearest.names(to: name, among: known, limit: 1).first
            throw .argument(
                String(name.prefix(64)), "there is no such field",
                hint: near.map { "did you mean \($0)?" }
                    ?? (known.isEmpty ? "it has no fields" : "its fields: \(known.joined(separator: ", "))"))
        }
    }

    func check(_ object: JSONObject, path: String) throws(MeshError) {
        for member in members {
            guard let value = object[member.name], !value.isNull || member.value.kind == .any else { continue }
            try member.value.check(value, path: path.isEmpty ? member.name : "\(path).\(member.name)")
        }
    }
}

extension ValueSchema {
    func check(_ value: JSON, path: String) throws(MeshError) {
        try bounds.check(value, path: path)
        switch (kind, value) {
        case (.object(let schema), .object(let object)): try schema.check(object, path: path)
        case (.array(let element), .array(let values)):
            var element = element
            if let each = bounds.element { element.bounds = element.bounds.overridden(by: each) }
            // Numbers and booleans without bounds need no check of each of them.
            guard element != ValueSchema(element.kind) || element.object != nil else { return }
            for (place, value) in values.enumerated() { try element.check(value, path: "\(path)[\(place)]") }
        default: break
        }
    }
}

extension Bounds {
    func check(_ value: JSON, path: String) throws(MeshError) {
        switch value {
        case .string(let text): try check(text, path: path)
        case .integer(let number):
            guard minimum.map({ Self.isLess($0, than: number) }) != false,
                maximum.map({ Self.isMore($0, than: number) }) != false
            else { throw .argument(path, "\(words), not \(number)") }
        case .double(let number):
            guard minimum?.doubleValue.map({ $0 <= number }) != false,
                maximum?.doubleValue.map({ $0 >= number }) != false
            else { throw .argument(path, "\(words), not \(number)") }
        case .array(let elements):
            if let count, !count.contains(elements.count) {
                throw .argument(path, "\(words), not \(elements.count)")
            }
        default: break
        }
        if let jsonBytes {
            let size = value.bytes().count
            guard size <= jsonBytes else {
                throw MeshError(
                    .tooLarge, "\(path): the value has \(Self.grouped(Int64(size))) bytes, \(words)",
                    details: ["field": .string(path)])
            }
        }
    }

    private func check(_ text: String, path: String) throws(MeshError) {
        if let bytes, !bytes.contains(text.utf8.count) {
            throw .argument(path, "\(words), not \(Self.grouped(Int64(text.utf8.count))) bytes")
        }
        if let characters, !characters.contains(text.unicodeScalars.count) {
            throw .argument(path, "\(words), not \(Self.grouped(Int64(text.unicodeScalars.count))) characters")
        }
        try format?.check(text, field: path)
    }

    private static func isLess(_ bound: JSON, than number: Int64) -> Bool {
        if case .integer(let whole) = bound { return whole <= number }
        return bound.doubleValue.map { $0 <= Double(number) } ?? true
    }

    private static func isMore(_ bound: JSON, than number: Int64) -> Bool {
        if case .integer(let whole) = bound { return whole >= number }
        return bound.doubleValue.map { $0 >= Double(number) } ?? true
    }
}
