import Glibc
import MeshCore
import Testing

@testable import MeshSim

/// A folder that is removed at the end.
private func withFolder(_ body: (String) throws -> Void) throws {
    var name = Array("/tmp/mesh-data-XXXXXX".utf8CString)
    let path = try #require(
        name.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        })
    defer {
        for file in files(path) { unlink("\(path)/\(file)") }
        rmdir(path)
    }
    try body(path)
}

private func files(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

private func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while true {
        let next = getc(file)
        if next == EOF { return bytes }
        bytes.append(UInt8(truncatingIfNeeded: next))
    }
}

/// Reads RFC 4180; a cell that was not quoted and is empty is nil.
private func parse(csv bytes: [UInt8]) -> [[String?]] {
    var rows: [[String?]] = []
    var row: [String?] = []
    var cell: [UInt8] = []
    var (isQuoted, wasQuoted) = (false, false)
    var place = 0
    func text() -> String? { cell.isEmpty && !wasQuoted ? nil : String(decoding: cell, as: UTF8.self) }
    while place < bytes.count {
        let byte = bytes[place]
        if isQuoted {
            if byte != UInt8(ascii: "\"") {
                cell.append(byte)
            } else if place + 1 < bytes.count, bytes[place + 1] == byte {
                cell.append(byte)
                place += 1
            } else {
                isQuoted = false
            }
        } else if byte == UInt8(ascii: "\"") {
            (isQuoted, wasQuoted) = (true, true)
        } else if byte == UInt8(ascii: ",") || byte == 0x0A {
            if byte == 0x0A, cell.last == 0x0D { cell.removeLast() }
            row.append(text())
            (cell, wasQuoted) = ([], false)
            if byte == 0x0A {
                rows.append(row)
                row = []
            }
        } else {
            cell.append(byte)
        }
        place += 1
    }
    return rows
}

@Suite struct DataTableTests {
    static func shape() throws -> DataShape {
        try DataShape(
            "things",
            [
                DataColumn("count", .integer), DataColumn("size, m", .real), DataColumn("isNew", .flag),
                DataColumn("say \"it\"", .text), DataColumn("owner", .reference),
            ])
    }

    static let texts = ["", "a", "a,b", "\"", "say \"x\"", "line\r\nbreak", "\n", "ümläut €", "  ", "\u{0}", "null"]

    static func rows(_ seed: UInt64) -> [[AttributeValue?]] {
        var random = RandomStream(seed: seed, domain: "test", purpose: "rows")
        let integers: [Int64] = [0, -1, .max, .min, 7]
        let reals = [0, 1, 0.1, -1e-300, 1e300, 3.5, 1e18, 0x1p60]
        return (0..<40).map { _ in
            let row: [AttributeValue] = [
                .integer(integers[random.below(5)]), .real(reals[random.below(8)]), .flag(random.chance(0.5)),
                .text(texts[random.below(texts.count)]), .reference(EntityID("shop-\(random.below(5))")),
            ]
            return row.map { random.chance(0.2) ? nil : $0 }
        }
    }

    static func table(_ seed: UInt64) throws -> DataTable {
        var table = DataTable(try shape())
        for row in rows(seed) { try table.append(row) }
        return table
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func csvReadsBack(_ seed: UInt64) throws {
        let table = try Self.table(seed)
        let read = parse(csv: DataFormat.csv.bytes(table))
        #expect(read.first == table.shape.columns.map(\.name))
        #expect(read.count == 41)
        for (cells, row) in zip(read.dropFirst(), table.rows) {
            try #require(cells.count == 5)
            #expect(cells[0] == row[0].flatMap { Int64($0) }.map { String($0) })
            #expect(cells[1].flatMap { Double($0) } == row[1].flatMap { Double($0) })
            #expect(cells[2] == row[2].flatMap { Bool($0) }.map { String($0) })
            #expect(cells[3] == row[3].flatMap { String($0) })
            #expect(cells[4] == row[4].flatMap { EntityID($0) }?.rawValue)
        }
    }

    @Test func csvIsWhatTheStandardSays() throws {
        var table = DataTable(try DataShape("t", [DataColumn("a", .text), DataColumn("b,c", .real)]))
        try table.append([.text("x\"y"), .real(2)])
        try table.append([.text(""), nil])
        let text = "a,\"b,c\"\r\n\"x\"\"y\",2\r\n\"\",\r\n"
        #expect(DataFormat.csv.bytes(table) == Array(text.utf8))
        var lonely = DataTable(try DataShape("t", [DataColumn("a", .text)]))
        try lonely.append([nil])
        #expect(DataFormat.csv.bytes(lonely) == Array("a\r\n\"\"\r\n".utf8))
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func jsonLinesReadBack(_ seed: UInt64) throws {
        let table = try Self.table(seed)
        let lines = DataFormat.jsonLines.bytes(table).split(separator: 0x0A)
        #expect(lines.count == 40)
        for (line, row) in zip(lines, table.rows) {
            let json = try JSON.parse(Array(line))
            #expect(json.objectValue?.keys == table.shape.columns.map(\.name))
            for (column, value) in zip(table.shape.columns, row) {
                let member = try #require(json[column.name])
                #expect(AttributeValue(member, kind: column.kind) == value)
                #expect(member.isNull == (value == nil))
            }
        }
    }

    static let header = DataHeader(
        name: "town", seed: .max, parameters: ["size": 3, "kind": "small", "deep": ["a": 1]],
        notes: [.init("replicate", "7")])
    static let headerRows: [[AttributeValue?]] = [
        [.text("name"), .text("town")], [.text("seed"), .text("18446744073709551615")],
        [.text("parameter.size"), .text("3")], [.text("parameter.kind"), .text("small")],
        [.text("parameter.deep"), .text("{\"a\":1}")], [.text("replicate"), .text("7")],
    ]

    @Test(arguments: [1, 2] as [UInt64]) func sqliteReadsBack(_ seed: UInt64) throws {
        try withFolder { folder in
            let path = "\(folder)/results.db"
            let table = try Self.table(seed)
            let odd = try DataShape("an \"odd\" name", [DataColumn("order", .integer)])
            var sink = DataDatabase(path)
            try sink.begin(Self.header, [table.shape, odd])
            for row in table.rows { try sink.append(row, to: "things") }
            try sink.append([.integer(4)], to: odd.name)
            #expect(throws: DataError.self) { try sink.append([.integer(4)], to: "things") }
            #expect(throws: DataError.self) { try sink.append([.integer(4)], to: "nothing") }
            try sink.finish()
            let read = try DataDatabase.read(path, table: "things")
            // Who is referred to comes back as a text.
            let expected = table.rows.map { row in
                row.map { value -> AttributeValue? in
                    if case .reference(let id)? = value { .text(id.rawValue) } else { value }
                }
            }
            #expect(read.rows == expected)
            #expect(read.shape.columns.map(\.name) == table.shape.columns.map(\.name))
            #expect(try DataDatabase.read(path, table: "run").rows == Self.headerRows)
            #expect(try DataDatabase.read(path, table: odd.name).rows == [[.integer(4)]])
            #expect(files(folder) == ["results.db"])
            #expect(code { _ = try DataDatabase.read(path, table: "nothing") } == .unknownTable)
            #expect(code { _ = try DataDatabase.read(path, table: "things", limit: 3) } == .full)
            #expect(code { _ = try DataDatabase.read(path + "x", table: "things") } == .database)
            var again = DataDatabase(path)
            #expect(code { try again.begin(Self.header, []) } == .exists)
        }
    }

    private func code(_ body: () throws -> Void) -> DataError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? DataError)?.code }
    }

    @Test(arguments: DataFormat.allCases) func aFolderHasAFileForEachTable(_ format: DataFormat) throws {
        try withFolder { folder in
            let table = try Self.table(4)
            var sink = DataFolder(folder, format: format)
            try sink.begin(Self.header, [table.shape])
            // More than the buffer holds.
            for _ in 0..<60 { for row in table.rows { try sink.append(row, to: "things") } }
            #expect(throws: DataError.self) { try sink.append([], to: "things") }
            try sink.finish()
            let ending = format.fileEnding
            #expect(files(folder) == ["run.\(ending)", "things.\(ending)"])
            let lines = table.rows.reduce(into: [UInt8]()) { $0 += format.line($1, table.shape) }
            let expected = format.header(table.shape) + Array(repeatElement(lines, count: 60).joined())
            #expect(try bytes("\(folder)/things.\(ending)") == expected)
            #expect(try bytes("\(folder)/run.\(ending)").count > 50)
            var again = DataFolder(folder, format: format)
            #expect(code { try again.begin(Self.header, []) } == .exists)
            var nowhere = DataFolder("\(folder)/a/b", format: format)
            #expect(code { try nowhere.begin(Self.header, []) } == .file)
        }
    }

    @Test func aFullTableStopsOrForgets() throws {
        let shape = try DataShape("t", [DataColumn("n", .integer)])
        var strict = DataTable(shape, limit: 2)
        var loose = DataTable(shape, limit: 3, whenFull: .keepNewest)
        var none = DataTable(shape, limit: 0, whenFull: .keepNewest)
        for n in Int64(1)...2 { try strict.append([.integer(n)]) }
        #expect(code { try strict.append([.integer(3)]) } == .full)
        #expect(strict.count == 2)
        for n in Int64(1)...20 {
            try loose.append([.integer(n)])
            try none.append([.integer(n)])
            #expect(loose.values("n") == (max(1, n - 2)...n).map { .integer($0) })
        }
        #expect(loose.forgotten == 17 && loose.count == 3)
        #expect(none.isEmptyForever)
        #expect(loose.row(0) == [.integer(18)] && loose.row(3) == nil && loose.row(-1) == nil)
        #expect(loose.values("m") == nil)
    }

    struct Bad: Sendable {
        var code: DataError.Code
        var act: @Sendable () throws -> Void
        init(_ code: DataError.Code, _ act: @escaping @Sendable () throws -> Void) {
            self.code = code
            self.act = act
        }
    }

    static let bads: [Bad] = [
        Bad(.invalidTable) { _ = try DataShape("", [DataColumn("a", .flag)]) },
        Bad(.invalidTable) { _ = try DataShape("../t", [DataColumn("a", .flag)]) },
        Bad(.invalidTable) { _ = try DataShape(".t", [DataColumn("a", .flag)]) },
        Bad(.invalidTable) { _ = try DataShape("SQLite_t", [DataColumn("a", .flag)]) },
        Bad(.invalidTable) { _ = try DataShape("t", []) },
        Bad(.invalidTable) { _ = try DataShape("t", [DataColumn("a", .flag), DataColumn("A", .flag)]) },
        Bad(.invalidTable) { _ = try DataShape("t", [DataColumn("a\n", .flag)]) },
        Bad(.wrongColumns) { try one([]) },
        Bad(.wrongKind) { try one([.integer(1)]) },
        Bad(.outOfRange) { try one([.real(.nan)]) },
        Bad(.outOfRange) { try one([.real(.infinity)]) },
        Bad(.outOfRange) { _ = try DataCollector(every: 0) },
        Bad(.invalidTable) { _ = try DataCollector(entities: [EntityColumns("Events") {}], events: true) },
        Bad(.invalidTable) { _ = try DataCollector(entities: [EntityColumns("run") {}]) },
        Bad(.wrongColumns) {
            try DataCollector(entities: [EntityColumns("dragon") {}]).check(against: Town.schema())
        },
        Bad(.wrongColumns) {
            try DataCollector(entities: [EntityColumns("shop") { Town.mood }]).check(against: Town.schema())
        },
        Bad(.outOfRange) {
            var sink = DataTables()
            let collector = try DataCollector(model: [ModelColumn("x") { _, _ in Double.nan }])
            try sink.begin(header, collector.shapes)
            try collector.collect(try Town.world(), tick: 0, into: &sink)
        },
    ]

    private static func one(_ row: [AttributeValue?]) throws {
        var table = DataTable(try DataShape("t", [DataColumn("a", .real)]))
        try table.append(row)
    }

    @Test(arguments: bads) func whatDoesNotFitIsRefused(_ bad: Bad) { #expect(code(bad.act) == bad.code) }

    /// One table for each type, one time for all; looking changes nothing.
    @Test func aCollectorLooksAndChangesNothing() throws {
        var world = try Town.world(space: .grid(columns: 5, rows: 5, torus: false))
        try world.spawn("person", id: "b", ["job": .text("smith")])
        try world.spawn("person", id: "a")
        try world.spawn("shop")
        try world.put("b", in: "forge")
        try world.place("b", at: Point(x: 2, y: 3))
        let collector = try DataCollector(
            every: 2,
            model: [
                ModelColumn("people") { world, _ in Int64(world.count(of: "person")) },
                ModelColumn("half") { _, tick in tick == 0 ? nil : Double(tick) / 2 },
            ],
            entities: [
                EntityColumns("person", places: true) {
                    Town.job
                    Town.money
                },
                EntityColumns("shop") { Town.isOpen },
            ], events: true)
        try collector.check(against: world.schema)
        var sink = DataTables()
        try sink.begin(Self.header, collector.shapes)
        for tick in Int64(0)...2 {
            world.beginTick()
            try world.emit(WorldEvent("bell", subject: "b", zone: "square", data: ["n": 1]))
            let before = Town.hashes(world)
            try collector.collect(world, tick: tick, into: &sink)
            #expect(Town.hashes(world) == before)
        }
        try sink.finish()
        #expect(sink.header == Self.header)
        #expect(sink.tables.map(\.shape.name) == ["model", "person", "shop", "events"])
        #expect(sink["model"]?.rows == [[.integer(0), .integer(2), nil], [.integer(2), .integer(2), .real(1)]])
        #expect(
            sink["person"]?.shape.columns.map(\.name) == ["tick", "id", "job", "money", "zone", "x", "y"])
        let smith: [AttributeValue?] = [
            .integer(0), .reference("b"), .text("smith"), .integer(10), .text("forge"), .real(2), .real(3),
        ]
        #expect(sink["person"]?.row(0) == smith)
        #expect(sink["person"]?.row(1) == [.integer(0), .reference("a"), nil, .integer(10), nil, nil, nil])
        #expect(sink["person"]?.count == 4)
        #expect(sink["shop"]?.values("isOpen") == [.flag(true), .flag(true)])
        #expect(sink["events"]?.values("tick") == [.integer(0), .integer(1), .integer(2)])
        #expect(sink["events"]?.row(0)?.last == .text("{\"n\":1}"))
        #expect(sink["nothing"] == nil)
    }
}

extension DataTable {
    fileprivate var isEmptyForever: Bool { count == 0 && rows.isEmpty && forgotten == 20 }
}
