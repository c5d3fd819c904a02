/// Rows in aligned columns.
struct Table: Sendable, Hashable {
    /// What stands above each column.
    var header: [String]
    /// The rows; each has as many cells as the header.
    var rows: [[String]]

    /// Makes a table.
    init(_ header: String..., rows: [[String]]) {
        self.header = header
        self.rows = rows
    }

    /// The table as text: two spaces between columns, no blanks at line ends; the header in bold when wanted.
    func text(bold: Bool) -> String {
        let lines = ([header] + rows).map { $0.map(Self.printable) }
        var widths = [Int](repeating: 0, count: header.count)
        for line in lines {
            for (column, cell) in line.enumerated() where column < widths.count {
                widths[column] = max(widths[column], Self.width(cell))
            }
        }
        return lines.enumerated().map { number, line in
            let text = Self.row(line, widths)
            return number == 0 && bold ? "\u{1B}[1m\(text)\u{1B}[0m\n" : text + "\n"
        }.joined()
    }

    private static func row(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (cell, width) in zip(cells, widths) {
            text += cell + String(repeating: " ", count: max(0, width - Self.width(cell)) + 2)
        }
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }

    /// Columns that a terminal gives to a text: wide East Asian letters and pictures count double.
    static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            let value = character.unicodeScalars.first?.value ?? 0
            let isWide =
                (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value)
                || (0xAC00...0xD7A3).contains(value) || (0xF900...0xFAFF).contains(value)
                || (0xFE30...0xFE6F).contains(value) || (0xFF00...0xFF60).contains(value)
                || (0x1F300...0x1FAFF).contains(value)
            return sum + (isWide ? 2 : 1)
        }
    }

    /// A text of others in one line that cannot steer the terminal.
    static func printable(_ text: String) -> String { printable(text, keepingLines: false) }

    /// A text of others that cannot steer the terminal: control characters become visible.
    static func printable(_ text: String, keepingLines: Bool) -> String {
        var result = String.UnicodeScalarView()
        let scalars = text.unicodeScalars
        for (place, scalar) in zip(scalars.indices, scalars) {
            switch scalar.value {
            // A line ends with LF, CR LF or CR.
            case 0x0D:
                if scalars[scalars.index(after: place)...].first != "\n" { result.append(keepingLines ? "\n" : " ") }
            case 0x0A, 0x09: result.append(keepingLines ? scalar : " ")
            case 0..<0x20, 0x7F, 0x80..<0xA0, 0x202A...0x202E, 0x2066...0x2069: result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}

extension Printer {
    /// A table in this printer's style; a sentence instead of an empty one.
    func table(_ table: Table, empty: String) -> String {
        table.rows.isEmpty ? empty : table.text(bold: isStyled)
    }
}
