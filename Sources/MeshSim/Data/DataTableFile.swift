/// Writes one table as a file, as rows come, and leaves the others out.
public struct DataTableFile: DataSink {
    private let path: String
    private let table: String
    private let format: DataFormat
    private var shapes: [DataShape] = []
    private var file: DataFile?

    /// Writes to a new file.
    public init(_ path: String, table: String, format: DataFormat) {
        self.path = path
        self.table = table
        self.format = format
    }

    public mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError) {
        guard let shape = shapes.first(where: { $0.name == table }) else { throw DataTables.unknown(table) }
        let file = try DataFile(path)
        try file.write(format.header(shape))
        self.file = file
        self.shapes = shapes
    }

    public mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError) {
        guard let shape = shapes.first(where: { $0.name == table }) else { throw DataTables.unknown(table) }
        try shape.check(row)
        if table == self.table { try file?.write(format.line(row, shape)) }
    }

    public mutating func finish() throws(DataError) {
        try file?.close()
        file = nil
        shapes = []
    }
}
