public import MeshCore

/// Parameters of a model as JSON, changed by name: the members of nested objects are joined by dots, `grass.regrowth`.
public struct ParameterSet: Sendable, Hashable {
    /// The parameters, an object.
    public private(set) var json: JSON
    private static let maxDepth = 16

    /// Makes a set of parameters.
    public init(_ json: JSON) { self.json = json }

    /// Every name that can be set with its value, in the order of the parameters. An array is one value.
    public var values: [(name: String, value: JSON)] {
        var found: [(String, JSON)] = []
        Self.collect(json, "", 0, &found)
        return found
    }

    /// The value of a name; nil when there is none.
    public subscript(name: String) -> JSON? {
        var value: JSON? = json
        for part in Self.parts(name) { value = value?[part] }
        return value
    }

    /// Sets a value. Fails for an unknown parameter; the error lists the existing ones, nearest first.
    public mutating func set(_ name: String, to value: JSON) throws(SimError) {
        guard let changed = Self.setting(Self.parts(name)[...], in: json, to: value) else {
            let names = values.map(\.name)
            let near = Nearest.names(to: name, among: names, limit: 2)
            let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
            throw SimError("no parameter is called \(name); there are \(names.joined(separator: ", "))\(hint)")
        }
        json = changed
    }

    /// Parses a typed value: JSON where it is JSON, else the text itself. Fails for JSON that no parameter can hold, as
    /// `1e400`: it does not become a text.
    public static func value(of text: String) throws(SimError) -> JSON {
        do throws(JSONError) { return try JSON.parse(Array(text.utf8), limits: .value) } catch {
            guard error.kind.mayBeJSON else { return .string(text) }
            throw SimError("\(text.shortened()) is JSON that a parameter cannot hold: \(error)")
        }
    }

    private static func parts(_ name: String) -> [String] {
        name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    private static func collect(_ json: JSON, _ path: String, _ depth: Int, _ found: inout [(String, JSON)]) {
        if case .object(let object) = json, depth < maxDepth {
            for (key, value) in object { collect(value, path.isEmpty ? key : "\(path).\(key)", depth + 1, &found) }
        } else if !path.isEmpty {
            found.append((path, json))
        }
    }

    private static func setting(_ path: ArraySlice<String>, in json: JSON, to value: JSON) -> JSON? {
        guard let first = path.first else { return value }
        guard case .object(var object) = json, let member = object[first],
            let changed = setting(path.dropFirst(), in: member, to: value)
        else { return nil }
        object[first] = changed
        return .object(object)
    }
}
