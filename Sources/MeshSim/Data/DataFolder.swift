/// Writes each table as a file of its own into a folder, as rows come, and what the run was made from as the table `run`.
public struct DataFolder: DataSink {
    private let path: String
    private let format: DataFormat
    private var files: [(shape: DataShape, file: DataFile)] = []

    /// Writes into a folder, which is made when it is not there.
    public init(_ path: String, format: DataFormat) {
        self.path = path
        self.format = format
    }

    public mutating func begin(_ header: DataHeader, _ shapes: [DataShape]) throws(DataError) {
        try DataFile.createFolder(path)
        let run = try header.table()
        let file = try open(run.shape)
        try file.write(format.bytes(run))
        try file.close()
        files = []
        for shape in shapes {
            guard shape.name != DataHeader.tableName else {
                throw DataError(.invalidTable, "the table \(shape.name) is the one of the parameters: rename it")
            }
            let file = try open(shape)
            try file.write(format.header(shape))
            files.append((shape, file))
        }
    }

    private func open(_ shape: DataShape) throws(DataError) -> DataFile {
        try DataFile("\(path)/\(shape.name).\(format.fileEnding)")
    }

    public mutating func append(_ row: [AttributeValue?], to table: String) throws(DataError) {
        guard let place = files.firstIndex(where: { $0.shape.name == table }) else { throw DataTables.unknown(table) }
        try files[place].shape.check(row)
        try files[place].file.write(format.line(row, files[place].shape))
    }

    public mutating func finish() throws(DataError) {
        for (_, file) in files { try file.close() }
        files = []
    }
}
