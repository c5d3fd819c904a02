public import MeshCore

/// The origin of a run. It is stored with the results, so that the seed is known.
public struct DataHeader: Sendable, Hashable {
    /// The model's or scenario's name.
    public var name: String
    /// The seed.
    public var seed: UInt64
    /// The parameters.
    public var parameters: JSON
    /// More, in order: for example the number of the replicate.
    public var notes: [Note]

    /// A name and what it stands for.
    public struct Note: Sendable, Hashable {
        /// The name.
        public var name: String
        /// What it stands for.
        public var text: String
        /// Makes a note.
        public init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Makes a header.
    public init(name: String, seed: UInt64, parameters: JSON = [:], notes: [Note] = []) {
        self.name = name
        self.seed = seed
        self.parameters = parameters
        self.notes = notes
    }

    /// The name of the table that it is written as: `name` and `value`, texts, one row for each parameter.
    public static let tableName = "run"

    /// As the table `run`.
    func table() throws(DataError) -> DataTable {
        var table = DataTable(try DataShape(Self.tableName, [DataColumn("name", .text), DataColumn("value", .text)]))
        var rows = [("name", name), ("seed", String(seed))]
        if let members = parameters.objectValue {
            rows += members.map { ("parameter.\($0.key)", $0.value.stringValue ?? $0.value.text) }
        } else {
            rows.append(("parameters", parameters.text))
        }
        rows += notes.map { ($0.name, $0.text) }
        for (name, value) in rows { try table.append([.text(name), .text(value)]) }
        return table
    }
}

/// Receives collected rows, so that a long run need not stay in memory.
public protocol DataSink {
    /// Takes what the run is made from, and the tables that rows will come for. Called once, first.
    mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError)
    /// Takes a row of a table; the row fits its shape.
    mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError)
    /// Finishes: everything is written when this returns.
    mutating func finish() throws(DataError)
}

/// Rows in memory.
public struct DataTables: DataSink, Sendable {
    /// What the run was made from; nil before the beginning.
    public private(set) var header: DataHeader?
    /// The tables, in order.
    public private(set) var tables: [DataTable] = []
    private let limit: Int
    private let whenFull: DataTable.FullPolicy

    /// Keeps at most so many rows of each table.
    public init(limit: Int = 1_000_000, whenFull: DataTable.FullPolicy = .stop) {
        self.limit = limit
        self.whenFull = whenFull
    }

    /// A table; nil when there is none of the name.
    public subscript(name: String) -> DataTable? { tables.first { $0.shape.name == name } }

    public mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError) {
        self.header = header
        tables = shapes.map { DataTable($0, limit: limit, whenFull: whenFull) }
    }

    public mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError) {
        guard let place = tables.firstIndex(where: { $0.shape.name == table }) else { throw Self.unknown(table) }
        try tables[place].append(row)
    }

    public mutating func finish() throws(DataError) {}

    static func unknown(_ table: String) -> DataError {
        DataError(.unknownTable, "there is no table \(WorldError.short(table)): begin with its shape")
    }
}
