/// Makes untrusted texts safe to show.
public enum SafeText {
    /// One line that cannot control a terminal, of at most this many characters: control characters and marks that
    /// change the writing direction become visible, longer texts are cut.
    public static func line(_ text: String, limit: Int = 1_000) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(limit) { result.append(isHarmless(scalar) ? scalar : "\u{FFFD}") }
        if text.unicodeScalars.dropFirst(limit).first != nil { result.append("\u{2026}") }
        return String(result)
    }

    /// Does the same for a text of several lines that a program has composed: line feeds and tabs stay, CR LF becomes
    /// a line feed, and bold and colour sequences stay if `keepsStyle` is set.
    public static func block(_ text: String, keepsStyle: Bool) -> String {
        guard text.unicodeScalars.contains(where: { !isHarmless($0) && $0 != "\n" && $0 != "\t" }) else { return text }
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.first {
            if keepsStyle, scalar == "\u{1B}", let count = styleCount(rest) {
                result.append(contentsOf: rest.prefix(count))
                rest = rest.dropFirst(count)
                continue
            }
            rest = rest.dropFirst()
            if scalar == "\r", rest.first == "\n" { continue }
            result.append(isHarmless(scalar) || scalar == "\n" || scalar == "\t" ? scalar : "\u{FFFD}")
        }
        return String(result)
    }

    /// The length of `ESC [ digits and semicolons m` at the beginning of a text; nil when there is none.
    private static func styleCount(_ text: Substring.UnicodeScalarView) -> Int? {
        guard text.dropFirst().first == "[" else { return nil }
        let numbers = text.dropFirst(2).prefix { ("0"..."9").contains($0) || $0 == ";" }.count
        guard numbers <= 16, text.dropFirst(2 + numbers).first == "m" else { return nil }
        return 3 + numbers
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: false
        default: true
        }
    }
}
