/// Why a text is not a valid message of the simulation protocol.
public struct SimProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of error; the codes of `sim_error`.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// Larger than a message may be.
        case tooLarge = "too_large"
        /// Not JSON, or no object.
        case notJSON = "not_json"
        /// Without `v`, or of another version.
        case unsupportedVersion = "unsupported_version"
        /// Without `type`, or of an unknown one.
        case unknownType = "unknown_type"
        /// A field is missing or has a value that it cannot have.
        case badField = "bad_field"
        /// An unknown command.
        case unknownCommand = "unknown_command"
    }
    /// The kind of error.
    public var code: Code
    /// What is wrong.
    public var message: String
    /// What is valid, or how to fix it.
    public var hint: String

    /// Makes an error.
    public init(_ code: Code, _ message: String, hint: String) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The text in one line.
    public var description: String { "\(message); \(hint)" }
    /// The message that answers it.
    public var answer: SimMessage { .error(SimFault(code: code.rawValue, message: message, hint: hint)) }
}
