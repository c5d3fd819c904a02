/// Why data could not be collected, written or read.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case invalidTable, unknownTable, wrongColumns, wrongKind, outOfRange, full, exists, file, database
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

extension SimError {
    /// What is wrong with data, as what is wrong with a run.
    package init(_ error: DataError) {
        let isFile = [.exists, .file, .database].contains(error.code)
        self.init(error.description, kind: isFile ? .file : .invalid)
    }
}
