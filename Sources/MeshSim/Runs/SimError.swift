/// What is wrong with a run or its record.
public struct SimError: Error, Sendable, Hashable, CustomStringConvertible {
    /// For people.
    public var description: String
    /// Makes an error.
    public init(_ description: String) { self.description = description }
}
