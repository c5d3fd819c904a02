/// Rows in aligned columns: texts to the left, numbers to the right.
package struct TextTable: Sendable, Hashable {
    private var rows: [[String]]

    /// A table with these column titles.
    package init(_ header: [String]) { rows = [header] }

    /// Adds a row; one that is too short is filled up.
    package mutating func add(_ row: [String]) {
        rows.append(row + [String](repeating: "", count: max(0, rows[0].count - row.count)))
    }

    /// The table: two spaces between columns, none at line ends.
    package var text: String {
        let columns = rows[0].indices
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let isNumeric = columns.map { column in
            rows.count > 1 && rows.dropFirst().allSatisfy { Self.isNumber($0[column]) }
        }
        return rows.map { row in
            var line = ""
            for column in columns {
                let cell = Self.printable(row[column])
                let gap = String(repeating: " ", count: max(0, widths[column] - row[column].count))
                line += (column == 0 ? "" : "  ") + (isNumeric[column] ? gap + cell : cell + gap)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// A number with at most six significant digits, for people.
    package static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        let size = value.magnitude
        guard size >= 1e-4, size < 1e15 else { return value == 0 ? "0" : "\(value)" }
        var (scale, rest) = (1e5, size)
        while rest >= 10, scale > 1 { (scale, rest) = (scale / 10, rest / 10) }
        while rest < 1 { (scale, rest) = (scale * 10, rest * 10) }
        let text = "\((value * scale).rounded() / scale)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func isNumber(_ cell: String) -> Bool { cell.isEmpty || cell == "-" || Double(cell) != nil }

    /// Recordings are untrusted: a control character must not affect the terminal.
    package static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.value {
                    case 0..<0x20, 0x7F, 0x80..<0xA0, 0x202A...0x202E, 0x2066...0x2069: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }
}
