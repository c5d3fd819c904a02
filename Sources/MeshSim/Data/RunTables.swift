package import MeshCore

/// A recording as tables: `metrics` with a row for each tick and a column for each metric, `verdicts` with a row for each
/// judged action, and `run`, what it was made from.
///
/// The file is read line by line, once to learn its metrics and once for each sink: nothing but a line is in memory.
public struct RunTables: Sendable, Hashable {
    /// The table of what was measured.
    public static let metricsTable = "metrics"
    /// The table of what the seats did, and how it was judged.
    public static let verdictsTable = "verdicts"

    /// What the run was made from; its notes have the version of the rules, the ticks and the chain.
    public let header: DataHeader
    /// The two tables.
    public let shapes: [DataShape]
    private let path: String
    private let metrics: [String]
    /// Ticks recorded meanwhile are not in the header and are left out.
    private let lastTick: Int64?

    /// Looks through a recording. Fails when it cannot be read, or its metrics cannot be columns: more than 999 of them, or
    /// names that differ by their case alone.
    public init(file path: String) throws(SimError) {
        self.path = path
        var reader = try RunFileReader(path)
        let record = reader.header
        guard let seed = UInt64(record.seed) else {
            throw SimError("\(path): the seed \(record.seed) is no whole number below 2^64")
        }
        var (names, seen) = ([String](), Set<String>())
        var (first, last): (Int64?, SimRecording.Tick?)
        while let line = try reader.next() {
            first = first ?? line.tick
            last = line
            for (name, _) in line.metrics.objectValue ?? JSONObject() where seen.insert(name).inserted {
                names.append(name)
                // Checked at each new name, so that a file of nothing but names does not fill the memory.
                if names.count >= 1_000 {
                    throw SimError("\(path) has more than 999 metrics: a table has no more columns")
                }
            }
        }
        metrics = names
        lastTick = last?.tick
        do throws(DataError) {
            shapes = [
                try DataShape(
                    Self.metricsTable, [DataColumn("tick", .integer)] + names.map { DataColumn($0, .real) }),
                try Self.verdictShape(),
            ]
        } catch { throw SimError(error) }
        header = DataHeader(
            name: record.model, seed: seed, parameters: record.parameters,
            notes: Self.notes(record, first: first, last: last, tornLine: reader.tornLine))
    }

    private static func verdictShape() throws(DataError) -> DataShape {
        try DataShape(
            verdictsTable,
            [DataColumn("tick", .integer)] + ["seat", "verdict", "action", "reason"].map { DataColumn($0, .text) })
    }

    private static func notes(
        _ record: SimRecording.Header, first: Int64?, last: SimRecording.Tick?, tornLine: Int?
    ) -> [DataHeader.Note] {
        let facts: [(name: String, text: String?)] = [
            ("rulesVersion", String(record.rulesVersion)), ("forkedFrom", record.forkedFrom),
            ("forkedAt", record.forkedAt.map { String($0) }), ("firstTick", first.map { String($0) }),
            ("lastTick", last.map { String($0.tick) }), ("chain", last?.chain),
            ("tornLine", tornLine.map { String($0) }),
        ]
        return facts.compactMap { fact in fact.text.map { DataHeader.Note(fact.name, $0) } }
    }

    /// Writes the tables. Fails as the sink does, and when the recording cannot be read any more.
    public func write<Sink: DataSink>(to sink: inout Sink) throws(SimError) {
        var reader = try RunFileReader(path)
        do throws(DataError) { try sink.begin(header, shapes) } catch { throw SimError(error) }
        while let line = try reader.next(), let lastTick, line.tick <= lastTick {
            do throws(DataError) { try append(line, to: &sink) } catch { throw SimError(error) }
        }
        do throws(DataError) { try sink.finish() } catch { throw SimError(error) }
    }

    private func append<Sink: DataSink>(_ line: SimRecording.Tick, to sink: inout Sink) throws(DataError) {
        // A metric that was no number, as the mean of nobody, is an empty cell.
        let values = metrics.map { name in
            line.metrics[name]?.doubleValue.flatMap { $0.isFinite ? AttributeValue.real($0) : nil }
        }
        try sink.append([.integer(line.tick)] + values, to: Self.metricsTable)
        for input in line.seal?.inputs ?? [] {
            let row: [AttributeValue?] = [
                .integer(line.tick), .text(input.seat), .text(input.verdict.rawValue),
                input.action.map { .text($0) }, input.reason.map { .text($0) },
            ]
            try sink.append(row, to: Self.verdictsTable)
        }
    }
}

extension RunTables {
    /// Where a report writes tables; each is nil when it was not asked for.
    package struct Targets: Sendable, Hashable {
        /// A new file for the table of metrics, CSV.
        package var csv: String?
        /// A new SQLite database for all tables.
        package var sqlite: String?
        /// A folder for a new CSV file of each table.
        package var folder: String?

        /// Names them.
        package init(csv: String?, sqlite: String?, folder: String?) {
            self.csv = csv
            self.sqlite = sqlite
            self.folder = folder
        }

        /// For programs: what was written where.
        package var json: [(name: String, value: JSON)] {
            [("csv", csv), ("sqlite", sqlite), ("data", folder)].compactMap { name, path in
                path.map { (name, .string($0)) }
            }
        }
    }

    /// Writes the tables of what a report is of wherever they are asked for. Fails when it is a sweep's, and when a target
    /// exists.
    package static func write(_ report: RunReport, file path: String, to targets: Targets) throws(SimError) {
        guard !targets.json.isEmpty else { return }
        guard case .run = report else {
            throw SimError("\(path) is a sweep: only a run has these tables; sweep --csv writes a sweep's")
        }
        let tables = try RunTables(file: path)
        if let csv = targets.csv {
            var sink = DataTableFile(csv, table: metricsTable, format: .csv)
            try tables.write(to: &sink)
        }
        if let sqlite = targets.sqlite {
            var sink = DataDatabase(sqlite)
            try tables.write(to: &sink)
        }
        if let folder = targets.folder {
            var sink = DataFolder(folder, format: .csv)
            try tables.write(to: &sink)
        }
    }
}
