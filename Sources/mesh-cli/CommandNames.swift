import ArgumentParser
import MeshCore

/// The names of the commands, for those who mistype one.
enum CommandNames {
    /// What is wrong when a word stands where a command must and is none; nil when that is not the problem.
    static func typo(in arguments: [String]) -> Failure? {
        var command: any ParsableCommand.Type = Root.self
        var path = "mesh-cli"
        for word in arguments {
            let known = names(of: command)
            guard !known.isEmpty, !word.hasPrefix("-") else { return nil }
            if let next = known[word] {
                command = next
                path += " " + word
                continue
            }
            // Where a command may be left out, the word is an argument.
            guard command.configuration.defaultSubcommand == nil, word != "help" else { return nil }
            let near = Nearest.names(to: word, among: known.keys.sorted(), limit: 2)
            return .usage(
                "\(path) has no command \(word)",
                hint: near.isEmpty
                    ? "\(path) --help" : "did you mean \(near.map { "\(path) \($0)" }.joined(separator: " or "))?")
        }
        return nil
    }

    private static func names(of command: any ParsableCommand.Type) -> [String: any ParsableCommand.Type] {
        let configuration = command.configuration
        let all = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
        return Dictionary(
            all.map { ($0.configuration.commandName ?? String(describing: $0).lowercased(), $0) }
        ) { first, _ in first }
    }
}
