/// What is wrong with a run or its record.
public struct SimError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of error.
    public enum Kind: Sendable, Hashable {
        /// What was given cannot be used.
        case invalid
        /// A file could not be read or written.
        case file
    }
    /// For people.
    public var description: String
    /// The kind of error.
    public var kind: Kind
    /// Makes an error.
    public init(_ description: String, kind: Kind = .invalid) {
        self.description = description
        self.kind = kind
    }
}
