/// Texts that begin with a dash, as a list in Markdown or a negative number does: the parser takes them for options.
enum DashedText {
    /// Commands whose last argument is a text or a value.
    private static let commands: [[String]] = [
        ["send"], ["ask"], ["summary", "set"], ["state", "set"], ["state", "cas"],
    ]
    /// Options without a value: what follows one of them may be a text.
    private static let flags: Set<String> = ["--json", "--quiet", "-q", "--plaintext"]

    /// The arguments with a text that can be nothing else behind `--` at their end.
    static func moved(_ arguments: [String]) -> [String] {
        guard takesText(arguments), !arguments.contains("--") else { return arguments }
        let texts = arguments.indices.filter { place in
            place > 0 && isText(arguments[place])
                && (!arguments[place - 1].utf8.starts(with: "-".utf8) || flags.contains(arguments[place - 1]))
        }
        guard texts.count == 1, let place = texts.first else { return arguments }
        var rest = arguments
        let text = rest.remove(at: place)
        return rest + ["--", text]
    }

    /// What to try when the parser did not understand an argument that begins with a dash; nil when that is not it.
    static func hint(for arguments: [String]) -> String? {
        guard takesText(arguments), !arguments.contains("--"),
            let word = arguments.last(where: { $0.utf8.first == dash && $0.utf8.count > 1 })
        else { return nil }
        let quoted = "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        let command = commands.first { arguments.starts(with: $0) } ?? []
        return "a text that begins with a dash goes last, behind --: "
            + "mesh-cli \(command.joined(separator: " ")) … -- \(Table.printable(quoted))"
    }

    private static let dash = UInt8(ascii: "-")

    private static func takesText(_ arguments: [String]) -> Bool { commands.contains { arguments.starts(with: $0) } }

    /// Whether a word begins with a dash and cannot be an option of ours: those are one letter behind a dash, or a name
    /// without blanks behind two.
    private static func isText(_ word: String) -> Bool {
        guard word.utf8.first == dash, let second = word.utf8.dropFirst().first else { return false }
        if second == dash { return word.utf8.prefix { $0 != UInt8(ascii: "=") }.contains { $0 <= 0x20 } }
        return word.utf8.count > 2 || (0x30...0x39).contains(second)
    }
}
