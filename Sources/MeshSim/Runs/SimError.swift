/// An error of a run or its record.
public struct SimError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of error.
    public enum Kind: Sendable, Hashable {
        /// The input is invalid.
        case invalid
        /// A file could not be read or written.
        case file
    }
    /// As text for people.
    public var description: String
    /// The kind of error.
    public var kind: Kind
    /// Makes an error.
    public init(_ description: String, kind: Kind = .invalid) {
        self.description = description
        self.kind = kind
    }
}
