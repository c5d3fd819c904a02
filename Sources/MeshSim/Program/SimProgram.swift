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

/// A program over scenarios: run, serve, verify, replay, fork, diff, report, sweep, list, describe.
public enum SimProgram {
    /// The scenarios of this program, while it reads and runs its command line.
    @TaskLocal static var scenarios: [SimScenario] = []

    /// Runs the command line of this process and ends it.
    ///
    /// Exit codes: 0 done, 1 failed or different, 3 bad arguments, 6 exists, 10 files, 130 interrupted.
    public static func main(scenarios: [SimScenario]) async -> Never {
        exit(await status(of: Array(CommandLine.arguments.dropFirst()), scenarios: scenarios))
    }

    /// Runs one command line and gives the exit code; everything that it has to say is written when this returns.
    public static func status(of arguments: [String], scenarios: [SimScenario]) async -> Int32 {
        await $scenarios.withValue(scenarios) {
            do {
                var command = try ProgramRoot.parseAsRoot(arguments)
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
                return ProgramFailure.Status.success.rawValue
            } catch {
                return report(error, asJSON: arguments.contains("--json"))
            }
        }
    }

    private static func report(_ error: any Error, asJSON: Bool) -> Int32 {
        if let failure = ProgramFailure(error) {
            if asJSON, !failure.hasResult { ProgramOutput.line(["error": failure.json]) }
            ProgramOutput.warn(failure.text)
            return failure.status.rawValue
        }
        let text = ProgramRoot.fullMessage(for: error)
        if ProgramRoot.exitCode(for: error) == .success {
            ProgramOutput.say(text)
            return ProgramFailure.Status.success.rawValue
        }
        let failure = ProgramFailure(.usage, ProgramRoot.message(for: error))
        if asJSON { ProgramOutput.line(["error": failure.json]) }
        ProgramOutput.warn(asJSON || !text.hasPrefix("Error: ") ? text : "error: " + text.dropFirst(7))
        return failure.status.rawValue
    }

    /// The scenario of a name, or the only one. Fails with the nearest names.
    static func scenario(_ name: String?) throws -> SimScenario {
        let names = scenarios.map(\.name)
        guard let name else {
            if scenarios.count == 1 { return scenarios[0] }
            throw SimError("which scenario? there are \(names.joined(separator: ", "))")
        }
        if let found = scenarios.first(where: { $0.name == name }) { return found }
        let near = Nearest.names(to: name, among: names, limit: 2)
        let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
        throw SimError("no scenario is called \(name); there are \(names.joined(separator: ", "))\(hint)")
    }

    /// The scenario that made a recording. Fails when this program has none of that model.
    static func scenario(ofFile path: String) throws -> SimScenario {
        let model = try RunFileReader(path).header.model
        if let found = scenarios.first(where: { $0.model == model }) { return found }
        let known = scenarios.map(\.model).joined(separator: ", ")
        throw SimError("\(path) is a run of \(model); this program knows \(known)")
    }
}

/// How a program ends when it does not do what it should.
struct ProgramFailure: Error, Sendable, Hashable {
    /// The exit code; the same as those of `mesh-cli`.
    enum Status: Int32, Sendable, Hashable {
        case success = 0
        case failure = 1
        case usage = 3
        case exists = 6
        case io = 10
        case interrupted = 130

        var code: String {
            switch self {
            case .success: "ok"
            case .failure: "failed"
            case .usage: "invalid_argument"
            case .exists: "exists"
            case .io: "io"
            case .interrupted: "interrupted"
            }
        }
    }

    var status: Status
    /// What is wrong; nil when everything was said already.
    var message: String?
    /// Whether a result was printed all the same: then programs get no error object behind it.
    var hasResult: Bool

    init(_ status: Status, _ message: String? = nil, hasResult: Bool = false) {
        self.status = status
        self.message = message
        self.hasResult = hasResult
    }

    /// A failure of ours; nil for an error or a request for help of the argument parser.
    init?(_ error: any Error) {
        switch error {
        case let failure as ProgramFailure: self = failure
        case let error as SimError: self.init(error.kind == .file ? .io : .usage, error.description)
        case let error as DataError: self.init(SimError(error))
        case let error as JSONError: self.init(.usage, "\(error)")
        case is CancellationError: self.init(.interrupted, "interrupted")
        default:
            guard ProgramRoot.exitCode(for: error) == .failure else { return nil }
            self.init(.failure, "\(error)")
        }
    }

    var text: String { message.map { "error: \($0)" } ?? "" }
    var json: JSON { ["code": .string(status.code), "message": .string(message ?? status.code)] }
}

/// The root of the command line.
struct ProgramRoot: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        let scenarios = SimProgram.scenarios.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
        return CommandConfiguration(
            commandName: ProgramOutput.programName, abstract: "Run simulations, record them, and check records.",
            discussion: """
                Scenarios:
                \(scenarios)

                Exit codes: 0 done, 1 failed or different, 3 bad arguments, 6 exists, 10 files, 130 interrupted.
                """,
            subcommands: [
                RunCommand.self, ServeCommand.self, VerifyCommand.self, ReplayCommand.self, ForkCommand.self,
                DiffCommand.self,
                ReportCommand.self, SweepCommand.self, ListCommand.self, DescribeCommand.self,
            ])
    }
}
