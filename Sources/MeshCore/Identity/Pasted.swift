/// Cleans up pasted text: copied with its surroundings, which were never meant.
public enum Pasted {
    /// A text of one word without white space and invisible characters, at its ends and inside: a link that a mail
    /// program broke in two, a token with its line end.
    public static func word(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { !isInvisible($0) }))
    }

    /// Does the same, without the quotes and brackets before the word.
    public static func unquotedWord(_ text: String) -> String {
        let scalars = word(text).unicodeScalars.drop {
            "<([{\"'`*\u{201C}\u{201E}\u{2018}\u{201A}\u{AB}\u{2039}".unicodeScalars.contains($0)
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator: true
        default: scalar.properties.isWhitespace
        }
    }
}
