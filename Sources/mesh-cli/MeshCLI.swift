import ArgumentParser
import MeshCore
import MeshSim

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command line: one subcommand for each noun.
struct Root: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh-cli",
        abstract: "Talk to a mesh: messages, topics, presence, shared state and the ledger.",
        discussion: """
            Start a mesh and let a second member in:

              mesh-cli mesh create lab
              mesh-cli invite
              mesh-cli join 'http://127.0.0.1:7900/join/...#...' --name bob

            Completions with live names: mesh-cli --generate-completion-script bash, zsh or fish.

            Exit codes: 0 done, 1 failed, 2 not authenticated, 3 bad arguments, 4 network, 5 not found, 6 exists, \
            7 not allowed, 8 internal, 10 files, 130 interrupted.
            """,
        version: MeshVersion.description,
        subcommands: [SendCommand.self, AskCommand.self, ListenCommand.self, InboxCommand.self, DoctorCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Setup", subcommands: [MeshNoun.self, InviteNoun.self, JoinCommand.self, WhoAmICommand.self]),
            CommandGroup(
                name: "Peers and topics",
                subcommands: [
                    PeerNoun.self, MemberNoun.self, SessionNoun.self, GroupNoun.self, TopicNoun.self, StatusNoun.self,
                    SummaryNoun.self,
                    MessageNoun.self,
                ]),
            CommandGroup(name: "Shared state", subcommands: [StateNoun.self, ClockNoun.self]),
            CommandGroup(name: "Evidence", subcommands: [LedgerNoun.self, BackupNoun.self, RestoreCommand.self]),
            CommandGroup(name: "Simulation", subcommands: [SimNoun.self]),
            CommandGroup(name: "Benchmark", subcommands: [BenchCommand.self]),
        ])
}

@main
enum MeshCLI {
    static func main() async {
        exit(await status(of: Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs one command line; everything it has to say is written when this returns.
    static func status(of arguments: [String]) async -> ExitStatus {
        let arguments = DashedText.moved(arguments)
        do {
            var command = try await Root.asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .success
        } catch let ended as Ended {
            return ended.status
        } catch let error where isParserError(error) {
            return report(parserError: error, arguments)
        } catch {
            return report(Failure(error), asJSON: arguments.contains("--json"))
        }
    }

    /// Errors and requests for help that the argument parser made.
    private static func isParserError(_ error: any Error) -> Bool {
        !(error is Failure || error is MeshError || error is TransportError || error is JSONError
            || error is IdentityError || error is LedgerFault || error is SimError || error is CancellationError)
    }

    private static func report(parserError error: any Error, _ arguments: [String]) -> ExitStatus {
        let text = Root.fullMessage(for: error)
        let code = Root.exitCode(for: error)
        if code == .success {
            SystemCalls.write(Array((text + "\n").utf8), to: 1)
            return .success
        }
        guard code == .validationFailure else { return report(Failure(error), asJSON: arguments.contains("--json")) }
        if let typo = CommandNames.typo(in: arguments) { return report(typo, asJSON: arguments.contains("--json")) }
        if let hint = DashedText.hint(for: arguments) {
            return report(.usage(Root.message(for: error), hint: hint), asJSON: arguments.contains("--json"))
        }
        if arguments.contains("--json") {
            return report(.usage(Root.message(for: error), hint: "mesh-cli --help"), asJSON: true)
        }
        let said = "\(Colour(stream: 2)("error:", .error)) \(dropPrefix("Error: ", of: text))\n"
        SystemCalls.write(Array(said.utf8), to: 2)
        return .usage
    }

    private static func report(_ failure: Failure, asJSON: Bool) -> ExitStatus {
        if asJSON { SystemCalls.write(Printer.line(failure.json.objectValue ?? JSONObject()), to: 1) }
        SystemCalls.write(Array(failure.text(Colour(stream: 2)).utf8), to: 2)
        return failure.status
    }

    private static func dropPrefix(_ prefix: String, of text: String) -> Substring {
        text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
    }
}

/// Ends the program with a status after everything was said.
struct Ended: Error, Sendable, Hashable {
    /// How.
    var status: ExitStatus
}
