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

    /// The table as text: two spaces between columns, no blanks at line ends. With `columns`, the widest cells are cut to
    /// make each row fit that many, and end with an ellipsis; without, everything is there.
    func text(colour: Colour, columns: Int?) -> String {
        let lines = ([header] + rows).map { $0.map(Self.printable) }
        var widths = [Int](repeating: 0, count: header.count)
        for line in lines {
            for (column, cell) in line.enumerated() where column < widths.count {
                widths[column] = max(widths[column], Self.width(cell))
            }
        }
        if let columns { widths = Self.fitted(widths, into: columns - 2 * (widths.count - 1)) }
        return lines.enumerated().map { number, line in
            let text = row(line, widths, number == 0 ? Colour(isOn: false) : colour)
            return (number == 0 ? colour(text, .bold) : text) + "\n"
        }.joined()
    }

    /// A row; cells below `STATE` are coloured by their word.
    private func row(_ cells: [String], _ widths: [Int], _ colour: Colour) -> String {
        var text = ""
        var gap = 0
        for (column, (cell, width)) in zip(cells, widths).enumerated() {
            let shown = Self.cut(cell, to: width)
            if !shown.isEmpty {
                text += String(repeating: " ", count: gap)
                text += colour(shown, header[column] == "STATE" ? Colour.tone(ofState: cell) : nil)
                gap = 0
            }
            gap += max(0, width - Self.width(shown)) + 2
        }
        return text
    }

    /// Widths that take no more than `available` together: the widest are made as wide as one another, none narrower
    /// than one.
    static func fitted(_ widths: [Int], into available: Int) -> [Int] {
        guard widths.reduce(0, +) > available else { return widths }
        var (low, high) = (1, max(1, widths.max() ?? 1))
        while low < high {
            let cap = (low + high + 1) / 2
            if widths.reduce(0, { $0 + min($1, cap) }) <= available { low = cap } else { high = cap - 1 }
        }
        var rest = max(0, available - widths.reduce(0) { $0 + min($1, low) })
        return widths.map { width in
            guard width > low, rest > 0 else { return min(width, low) }
            rest -= 1
            return low + 1
        }
    }

    /// A text in at most so many columns; one that is longer ends with an ellipsis.
    static func cut(_ text: String, to limit: Int) -> String {
        guard width(text) > limit else { return text }
        var used = 0
        let kept = text.prefix { character in
            used += width(String(character))
            return used < limit
        }
        return String(kept) + "…"
    }

    /// Columns that a terminal gives to a text: wide East Asian letters, pictures and flags count double.
    static func width(_ text: String) -> Int { text.reduce(0) { $0 + (isWide($1) ? 2 : 1) } }

    private static func isWide(_ character: Character) -> Bool {
        guard let first = character.unicodeScalars.first, first.value >= 0x1100 else { return false }
        return switch first.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F200...0x1F265, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            true
        default:
            // A sign that is a picture by itself, or that a variation selector makes one.
            first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}")
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
    /// A table in this printer's style, cut to the terminal when it is read there; a sentence instead of an empty one.
    func table(_ table: Table, empty: String) -> String {
        table.rows.isEmpty ? empty : table.text(colour: colour, columns: columns)
    }
}
