/// Quotes words of commands that are printed for pasting into a shell.
public enum ShellWord {
    /// A text as one word of a POSIX shell: unchanged when nothing in it is special to a shell, else in single quotes.
    /// Control characters become visible first, and at most 256 characters are kept: what a broker or another member
    /// put into the text is an argument of the printed command and never a command of its own.
    public static func quoted(_ text: String) -> String {
        let line = SafeText.line(text, limit: 256)
        guard line.isEmpty || !line.utf8.allSatisfy(isPlain) else { return line }
        return "'" + line.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_-./:@%+,".utf8.contains(byte)
        }
    }
}
