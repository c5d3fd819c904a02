/// A column of a table.
public struct DataColumn: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The kind of its values; a cell may also be empty.
    public let kind: AttributeKind

    /// Declares a column.
    public init(_ name: String, _ kind: AttributeKind) {
        self.name = name
        self.kind = kind
    }
}

/// What a table is called and which columns it has.
public struct DataShape: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its columns, in order.
    public let columns: [DataColumn]

    /// Declares a table. Fails with `invalidTable` for names that are empty, too long, twice there, or could not stand in
    /// a database or as a file's name.
    public init(_ name: String, _ columns: [DataColumn]) throws(DataError) {
        try Self.check(name, of: "a table")
        let isHidden = name.utf8.first == UInt8(ascii: ".") || name.utf8.contains(UInt8(ascii: "/"))
        guard !isHidden, !name.lowercased().hasPrefix("sqlite_") else {
            throw DataError(
                .invalidTable, "a table cannot be named \(WorldError.short(name)): no /, no dot first, not sqlite_")
        }
        guard (1...1_000).contains(columns.count) else {
            throw DataError(.invalidTable, "\(name) has \(columns.count) columns; 1 to 1000 are valid")
        }
        var names: Set<String> = []
        for column in columns {
            try Self.check(column.name, of: "a column of \(name)")
            // SQLite does not tell upper from lower case.
            guard names.insert(column.name.lowercased()).inserted else {
                throw DataError(.invalidTable, "\(name) has two columns named \(column.name), whatever their case")
            }
        }
        self.name = name
        self.columns = columns
    }

    private static func check(_ name: String, of what: String) throws(DataError) {
        do throws(WorldError) { try WorldError.checkName(name, of: what) } catch {
            throw DataError(.invalidTable, error.description)
        }
    }

    /// Checks a row. Fails with `wrongColumns`, `wrongKind`, or `outOfRange` for a number that is not finite.
    func check(_ row: [AttributeValue?]) throws(DataError) {
        guard row.count == columns.count else {
            throw DataError(.wrongColumns, "\(name) has \(columns.count) columns, the row has \(row.count)")
        }
        for (column, value) in zip(columns, row) {
            guard let value else { continue }
            guard value.kind == column.kind else {
                throw DataError(
                    .wrongKind,
                    "\(name).\(column.name) is of kind \(column.kind.rawValue), not \(value.kind.rawValue)")
            }
            if case .real(let number) = value, !number.isFinite {
                throw DataError(
                    .outOfRange, "\(name).\(column.name) cannot be \(number): a number is finite, or the cell is empty")
            }
        }
    }
}

/// Rows of named columns, kept in memory.
public struct DataTable: Sendable {
    /// What to do with a row when there is no room.
    public enum FullPolicy: String, Sendable, Hashable, Codable {
        /// Fail.
        case stop
        /// Forget the oldest row.
        case keepNewest
    }

    /// Its name and columns.
    public let shape: DataShape
    /// How many rows it holds.
    public let limit: Int
    /// What to do when it holds as many.
    public let whenFull: FullPolicy
    /// How many rows were forgotten.
    public private(set) var forgotten = 0
    private var columns: [Column]
    /// Rows before it are forgotten; they go when they are as many as the limit.
    private var first = 0
    private var end = 0

    /// An empty table.
    public init(_ shape: DataShape, limit: Int = 1_000_000, whenFull: FullPolicy = .stop) {
        self.shape = shape
        self.limit = max(0, limit)
        self.whenFull = whenFull
        columns = shape.columns.map { Column(kind: $0.kind, isIndexed: false) }
    }

    /// How many rows it holds.
    public var count: Int { end - first }

    /// Adds a row, a value for each column. Fails with `wrongColumns`, `wrongKind`, `outOfRange` or `full`.
    public mutating func append(_ row: [AttributeValue?]) throws(DataError) {
        try shape.check(row)
        if count >= limit {
            guard whenFull == .keepNewest else {
                throw DataError(
                    .full, "\(shape.name) holds \(limit) rows: write it away, collect less often, or keep the newest")
            }
            forgotten += 1
            guard limit > 0 else { return }
            first += 1
        }
        for place in columns.indices { columns[place].append(row[place]?.normalised) }
        end += 1
        if first > 0, first >= limit {
            for place in columns.indices { columns[place].keep(Array(first..<end)) }
            (first, end) = (0, end - first)
        }
    }

    /// A row, counted from the oldest that is kept; nil when there is none.
    public func row(_ place: Int) -> [AttributeValue?]? {
        (0..<count).contains(place) ? columns.map { $0.value(first + place) } : nil
    }

    /// All values of a column, from the oldest that is kept on; nil when there is no such column.
    public func values(_ name: String) -> [AttributeValue?]? {
        shape.columns.firstIndex { $0.name == name }.map { place in
            (first..<end).map { columns[place].value($0) }
        }
    }

    /// The rows from the oldest that is kept on.
    public var rows: [[AttributeValue?]] { (first..<end).map { row in columns.map { $0.value(row) } } }
}
