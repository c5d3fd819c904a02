/// Writes JSON Schema, draft 2020-12. All schemas of Mesh are written here.
///
/// Lengths of strings are bytes of UTF-8 in Mesh and code points in JSON Schema. A string of at most n bytes has at
/// most n code points, so `maxLength` is necessary and the description states the rest.
extension ValueSchema {
    /// The schema as JSON; `help` becomes its description.
    public func jsonSchema(help: String = "", defaultValue: JSON? = nil) -> JSON {
        var schema = JSONObject()
        switch kind {
        case .any: break
        case .boolean: schema["type"] = type("boolean")
        case .integer: schema["type"] = type("integer")
        case .number: schema["type"] = type("number")
        case .string: schema["type"] = type("string")
        case .choice(let values):
            schema["type"] = type("string")
            schema["enum"] = .array(values.map { .string($0) } + (isNullable ? [.null] : []))
        case .stringOrStrings:
            schema["type"] = ["string", "array"]
            schema["items"] = ["type": "string"]
        case .array: schema["type"] = type("array")
        case .anyObject: schema["type"] = type("object")
        case .object(let object): schema = object.jsonSchema(isNullable: isNullable)
        }
        write(bounds, to: &schema)
        if case .array(let element) = kind {
            var element = element
            if let each = bounds.element { element.bounds = element.bounds.overridden(by: each) }
            schema["items"] = element.jsonSchema()
        }
        if !help.isEmpty { schema["description"] = .string(help) }
        schema["default"] = defaultValue
        return .object(schema)
    }

    private func type(_ name: String) -> JSON { isNullable ? [.string(name), "null"] : .string(name) }

    private func write(_ bounds: Bounds, to schema: inout JSONObject) {
        schema["minimum"] = bounds.minimum
        schema["maximum"] = bounds.maximum
        if let length = bounds.characters ?? bounds.bytes {
            if length.lowerBound > 0 { schema["minLength"] = 1 }
            schema["maxLength"] = .integer(Int64(length.upperBound))
        }
        schema["pattern"] = bounds.format?.pattern.map { .string($0) }
        if let count = bounds.count {
            if count.lowerBound > 0 { schema["minItems"] = .integer(Int64(count.lowerBound)) }
            schema["maxItems"] = .integer(Int64(count.upperBound))
        }
    }
}

extension Bounds {
    /// What JSON Schema cannot express: lengths in bytes, and formats without a pattern.
    fileprivate var beyondJSONSchema: Bounds {
        var rest = Bounds()
        rest.bytes = bytes
        rest.jsonBytes = jsonBytes
        if format?.pattern == nil { rest.format = format }
        return rest
    }
}

extension ObjectSchema {
    /// The URI of the dialect, for the root of a standalone schema.
    public static let dialect = "https://json-schema.org/draft/2020-12/schema"

    /// The schema as JSON: closed, so that a misspelt member is an error. `isRoot` adds the URI of the dialect.
    public func jsonSchema(isRoot: Bool = false) -> JSON {
        var schema: JSONObject = isRoot ? ["$schema": .string(Self.dialect)] : [:]
        for (key, value) in jsonSchema(isNullable: false) { schema[key] = value }
        return .object(schema)
    }

    func jsonSchema(isNullable: Bool) -> JSONObject {
        var schema: JSONObject = ["type": isNullable ? ["object", "null"] : "object"]
        if !help.isEmpty { schema["description"] = .string(help) }
        schema["properties"] = .object(
            JSONObject(
                members.map { member in
                    let valid = member.value.bounds.beyondJSONSchema.words
                    let help = valid.isEmpty ? member.help : "\(member.help) Valid: \(valid)."
                    return (member.name, member.value.jsonSchema(help: help, defaultValue: member.defaultValue))
                }))
        schema["required"] = .array(members.filter { !$0.isOptional }.map { .string($0.name) })
        schema["additionalProperties"] = false
        return schema
    }
}
