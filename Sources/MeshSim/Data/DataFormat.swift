import MeshCore

/// How a table is written as text.
public enum DataFormat: String, Sendable, Hashable, CaseIterable {
    /// RFC 4180: a header line, lines end with CRLF, quotes where needed. An empty cell is nothing, an empty text `""`.
    case csv
    /// A JSON object a line; an empty cell is null.
    case jsonLines

    /// The usual ending of a file's name.
    public var fileEnding: String { self == .csv ? "csv" : "jsonl" }

    /// What comes before the rows; nothing for JSON lines.
    public func header(_ shape: DataShape) -> [UInt8] {
        guard self == .csv else { return [] }
        return Self.line(shape.columns.map { Self.cell($0.name) })
    }

    /// A row as text. The row is one of the table's.
    public func line(_ row: [AttributeValue?], _ shape: DataShape) -> [UInt8] {
        switch self {
        case .csv: return Self.line(row.map(Self.cell))
        case .jsonLines:
            let members = zip(shape.columns, row).map { ($0.name, $1?.json ?? .null) }
            return JSON.object(JSONObject(members)).bytes() + [0x0A]
        }
    }

    /// A whole table as text.
    public func bytes(_ table: DataTable) -> [UInt8] {
        table.rows.reduce(into: header(table.shape)) { $0 += line($1, table.shape) }
    }

    private static func line(_ cells: [[UInt8]]) -> [UInt8] {
        // One empty cell alone would be an empty line, which readers skip.
        if cells == [[]] { return Array("\"\"\r\n".utf8) }
        return Array(cells.joined(separator: [UInt8(ascii: ",")])) + [0x0D, 0x0A]
    }

    private static func cell(_ value: AttributeValue?) -> [UInt8] {
        switch value {
        case nil: []
        case .text(let text): cell(text)
        case .reference(let id): cell(id.rawValue)
        case .integer, .real, .flag: value?.json.bytes() ?? []
        }
    }

    private static func cell(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        let quote = UInt8(ascii: "\"")
        let isPlain = !bytes.isEmpty && !bytes.contains { $0 == quote || $0 == 0x0D || $0 == 0x0A || $0 == 0x2C }
        if isPlain { return bytes }
        return [quote] + bytes.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
    }
}
