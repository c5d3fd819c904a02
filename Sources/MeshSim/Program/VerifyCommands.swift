import ArgumentParser
import MeshCore
import MeshSim
import Synchronization

/// `verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Make a recorded run again and compare every hash.",
        discussion:
            "Example: verify run.jsonl --from 50\n\nEnds with 1 when something differs, and names tick and domain.")

    @Argument(help: "The recording.", completion: .file())
    var file: String

    @Option(help: ArgumentHelp("The checkpoint to begin at; the beginning when absent.", valueName: "tick"))
    var from: Int64?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let progress = ProgressLine(output)
        try await VerifyCommand.make(file, from: from, output) {
            progress.show("tick \($0.tick)")
        } end: {
            progress.end()
        }
    }

    /// Makes a recorded run again, gives each line that was made, and says what came of it.
    static func make(
        _ file: String, from: Int64?, _ output: OutputOptions,
        each: @escaping @Sendable (SimRecording.Tick) -> Void, end: () -> Void = {}
    ) async throws {
        let scenario = try SimProgram.scenario(ofFile: file)
        Interrupt.watch()
        let isEnded = Mutex(false)
        let observer = RunObserver(
            line: { each($0) },
            isCancelled: {
                if Interrupt.isAsked { isEnded.withLock { $0 = true } }
                return Interrupt.isAsked
            })
        let result: Verification
        do {
            result = try await scenario.verify(file, from, observer)
        } catch {
            end()
            throw error
        }
        end()
        let isInterrupted = isEnded.withLock { $0 } && result.divergence == nil
        let word = isInterrupted ? "interrupted" : result.divergence == nil ? "verified" : "differs"
        var fields = try JSONCoder.encode(result).objectValue ?? JSONObject()
        fields["result"] = .string(word)
        output.result(fields) { isInterrupted ? "" : result.description }
        if isInterrupted {
            throw ProgramFailure(
                .interrupted, "interrupted; \(result.ticks) ticks were compared, none differs", hasResult: true)
        }
        if result.divergence != nil { throw ProgramFailure(.failure, hasResult: true) }
    }
}

/// `replay`
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Make a recorded run again and print every tick.",
        discussion: """
            Example: replay run.jsonl --from 50 --json

            It compares as verify does, and ends at the first difference with 1.
            """)

    @Argument(help: "The recording.", completion: .file())
    var file: String

    @Option(help: ArgumentHelp("The checkpoint to begin at; the beginning when absent.", valueName: "tick"))
    var from: Int64?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let output = output
        try await VerifyCommand.make(
            file, from: from, output,
            each: { line in
                output.result(
                    ["tick": .integer(line.tick), "metrics": line.metrics, "chain": .string(line.chain)]
                ) {
                    let metrics = line.metrics.objectValue?.map {
                        "\($0.key) \(TextTable.number($0.value.doubleValue))"
                    }
                    return "tick \(line.tick)  \((metrics ?? []).joined(separator: "  "))"
                }
            })
    }
}

/// `diff`
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Say where two recorded runs part.",
        discussion: "Example: diff run.jsonl other.jsonl\n\nEnds with 1 when they part.")

    @Argument(help: "A recording.", completion: .file())
    var one: String

    @Argument(help: "Another of the same model.", completion: .file())
    var other: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let found = try SimRun.difference(file: one, other) else {
            return output.result(["result": "same"]) { "no difference" }
        }
        try output.result(["result": "differs", "divergence": try JSONCoder.encode(found)]) { "they part at \(found)" }
        throw ProgramFailure(.failure, hasResult: true)
    }
}

/// `report`
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Say what a recording, or a sweep, holds.",
        discussion: "Examples: report run.jsonl --verify\n          report run.jsonl --sqlite run.db")

    @Argument(help: "A recording, or what sweep has recorded.", completion: .file())
    var file: String

    @Flag(help: "Make the run again as well, and report what came of it.")
    var verify = false

    @OptionGroup var tables: TableOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var report = try RunReport(file: file)
        if verify {
            guard case .run(var run) = report else { throw SimError("\(file) is a sweep: only a run can be verified") }
            Interrupt.watch()
            let observer = RunObserver(isCancelled: { Interrupt.isAsked })
            run.verification = try await SimProgram.scenario(ofFile: file).verify(file, nil, observer)
            if Interrupt.isAsked { throw CancellationError() }
            report = .run(run)
        }
        try RunTables.write(report, file: file, to: tables.targets)
        var fields = report.json.objectValue ?? JSONObject()
        for (name, path) in tables.targets.json { fields[name] = path }
        output.result(fields) { report.text }
        if case .run(let run) = report, run.verification?.divergence != nil {
            throw ProgramFailure(.failure, hasResult: true)
        }
    }
}

/// Where the tables of a recording are written.
struct TableOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Write the metrics of each tick to a new file, CSV.", valueName: "file"))
    var csv: String?

    @Option(
        help: ArgumentHelp("Write metrics, verdicts and parameters to a new SQLite database.", valueName: "file"))
    var sqlite: String?

    @Option(help: ArgumentHelp("Write metrics, verdicts and parameters, a new CSV file each.", valueName: "folder"))
    var data: String?

    var targets: RunTables.Targets { RunTables.Targets(csv: csv, sqlite: sqlite, folder: data) }
}
