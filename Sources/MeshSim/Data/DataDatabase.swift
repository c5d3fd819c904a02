import MeshStore

/// Writes each table as one of an SQLite database, as rows come, and what the run was made from as the table `run`.
///
/// Flags are 1 and 0, references are texts.
public struct DataDatabase: DataSink {
    private let path: String
    private var database: Database?
    private var tables: [(shape: DataShape, insert: Statement)] = []
    /// Rows since the last commit.
    private var waiting = 0
    private static let rowsPerCommit = 50_000

    /// Writes to a new file.
    public init(_ path: String) { self.path = path }

    public mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError) {
        guard !Files.exists(path) else {
            throw DataError(.exists, "\(path) exists: choose another name, or remove it")
        }
        let run = try header.table()
        try Self.store { () throws(StoreError) in
            let database = try Database(path: path, mode: .create)
            self.database = database
            try database.begin()
            tables = []
            for shape in [run.shape] + shapes {
                try database.execute(Self.create(shape))
                tables.append((shape, try database.prepare(Self.insert(shape))))
            }
        }
        for row in run.rows { try append(row, to: run.shape.name) }
        try commit()
    }

    public mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError) {
        guard let place = tables.firstIndex(where: { $0.shape.name == table }) else { throw DataTables.unknown(table) }
        try tables[place].shape.check(row)
        let insert = tables[place].insert
        try Self.store { () throws(StoreError) in
            try insert.run { (statement: Statement) throws(StoreError) in try Self.bind(row, to: statement) }
        }
        waiting += 1
        if waiting >= Self.rowsPerCommit { try commit() }
    }

    public mutating func finish() throws(DataError) {
        guard let database else { return }
        try Self.store { () throws(StoreError) in
            if database.isInTransaction { try database.commit() }
            // Results are shared: one file, without a log beside it.
            try database.execute("PRAGMA journal_mode=DELETE")
        }
        tables = []
        self.database = nil
        database.close()
    }

    private mutating func commit() throws(DataError) {
        guard let database else { return }
        waiting = 0
        try Self.store { () throws(StoreError) in
            try database.commit()
            try database.begin()
        }
    }

    private static func bind(_ row: [AttributeValue?], to statement: Statement) throws(StoreError) {
        for (column, value) in row.enumerated() {
            let place = Int32(truncatingIfNeeded: column + 1)
            switch value {
            case nil: try statement.bindNull(place)
            case .integer(let value): try statement.bind(place, value)
            case .real(let value): try statement.bind(place, value)
            case .flag(let value): try statement.bind(place, value ? Int64(1) : 0)
            case .text(let value): try statement.bind(place, value)
            case .reference(let value): try statement.bind(place, value.rawValue)
            }
        }
    }

    // MARK: SQL

    private static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    private static func create(_ shape: DataShape) -> String {
        let columns = shape.columns.map { column in
            let type =
                switch column.kind {
                case .integer: "INTEGER"
                case .real: "REAL"
                case .flag: "BOOLEAN"
                case .text, .reference: "TEXT"
                }
            return "\(quoted(column.name)) \(type)"
        }
        return "CREATE TABLE \(quoted(shape.name)) (\(columns.joined(separator: ", ")))"
    }

    private static func insert(_ shape: DataShape) -> String {
        "INSERT INTO \(quoted(shape.name)) VALUES (\(shape.columns.map { _ in "?" }.joined(separator: ", ")))"
    }

    private static func store<Value>(_ body: () throws(StoreError) -> Value) throws(DataError) -> Value {
        do throws(StoreError) { return try body() } catch { throw DataError(.database, error.description) }
    }
}

extension DataDatabase {
    /// Reads a table of a database that was written before; references come as texts. Fails with `database`, with
    /// `unknownTable`, and with `full` when it has more rows than the limit.
    public static func read(_ path: String, table: String, limit: Int = 1_000_000) throws(DataError) -> DataTable {
        do {
            let database = try Database(path: path, mode: .readOnly)
            defer { database.close() }
            return try rows(of: table, in: database, limit)
        } catch {
            throw error as? DataError ?? DataError(.database, "\(error)")
        }
    }

    private static func rows(of table: String, in database: Database, _ limit: Int) throws -> DataTable {
        let columns = try database.prepare("SELECT name, type FROM pragma_table_info(?)").rows(table) {
            DataColumn($0.text(0), kinds[$0.text(1)] ?? .text)
        }
        guard !columns.isEmpty else { throw DataTables.unknown(table) }
        var result = DataTable(try DataShape(table, columns), limit: limit)
        let statement = try database.prepare("SELECT * FROM \(quoted(table)) ORDER BY rowid")
        _ = try statement.rows { try result.append(row($0, columns)) }
        return result
    }

    private static let kinds: [String: AttributeKind] = [
        "INTEGER": .integer, "REAL": .real, "BOOLEAN": .flag, "TEXT": .text,
    ]

    private static func row(_ statement: Statement, _ columns: [DataColumn]) -> [AttributeValue?] {
        columns.enumerated().map { place, declared in
            let column = Int32(truncatingIfNeeded: place)
            if statement.isNull(column) { return nil }
            switch declared.kind {
            case .integer: return .integer(statement.int(column))
            case .real: return .real(statement.real(column))
            case .flag: return .flag(statement.int(column) != 0)
            case .text, .reference: return .text(statement.text(column))
            }
        }
    }
}
