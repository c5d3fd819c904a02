/// What went wrong, what is valid, and what to do: the only error type on the wire.
public struct MeshError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The row of the error table.
    public var code: ErrorCode
    /// What is wrong, for people.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// Facts for programs, for example the current version in a version conflict.
    public var details: JSONObject

    /// Makes an error from the table's code and a text that states what is wrong and what is valid.
    public init(_ code: ErrorCode, _ message: String, hint: String? = nil, details: JSONObject = JSONObject()) {
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details
    }

    /// The text in one line.
    public var description: String { "\(code.rawValue): \(message)" + (hint.map { " (\($0))" } ?? "") }

    /// The error as members of a JSON object: `code`, `category`, `message`, `hint`, `details`.
    public var fields: JSONObject {
        var object = JSONObject([
            ("code", .string(code.rawValue)), ("category", .string(code.category.rawValue)),
            ("message", .string(message)),
        ])
        if let hint { object["hint"] = .string(hint) }
        if details.count > 0 { object["details"] = .object(details) }
        return object
    }

    /// The `error` frame. `id` is a send's own id, which claudemesh clients match on.
    public func frame(requestID: String? = nil, id: String? = nil) -> [UInt8] {
        var object = fields
        if let id { object["id"] = .string(id) }
        return WireFrame.bytes(type: "error", fields: object, requestID: requestID)
    }

    /// Reads the members of an error answer; an unknown code keeps its text and its category, a missing one is
    /// `internal_error`. The texts are untrusted: they are cut, and cannot control a terminal.
    public init(fields: JSONObject) {
        let raw = SafeText.line(fields["code"]?.stringValue ?? "", limit: 64)
        self.init(
            raw.isEmpty ? .internalError : ErrorCode(reading: raw, category: fields["category"]?.stringValue),
            SafeText.line(fields["message"]?.stringValue ?? "the broker gave no reason (\(raw))", limit: 4_000),
            hint: fields["hint"]?.stringValue.map { SafeText.line($0, limit: 4_000) },
            details: fields["details"]?.objectValue ?? JSONObject())
    }
}

extension MeshError {
    /// An invalid argument: its name, what is wrong, what is valid.
    public static func argument(_ name: String, _ problem: String, hint: String? = nil) -> MeshError {
        MeshError(.invalidArgument, "\(name): \(problem)", hint: hint, details: ["field": .string(name)])
    }

    /// A JSON text or a field that could not be read.
    public init(_ error: JSONError, in place: String) {
        self.init(.badFrame, "\(place): \(error)", hint: "send one JSON object, UTF-8, as the protocol describes it")
    }
}
