import ArgumentParser
import MeshCore
import MeshSim

/// The parameters of a run.
struct ParameterOptions: ParsableArguments {
    @Option(help: "The parameters to begin with; the first preset when absent.")
    var preset: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set a parameter: a JSON value or bare text. May be given again.", valueName: "name=value"))
    var changes: [String] = []
}

/// Whether files that are there may be written over.
struct ReplaceOption: ParsableArguments {
    @Flag(help: "Write over a file that is there.")
    var replace = false

    /// Fails when one of these files is there and may not be replaced: before anything is made that could not be kept.
    func check(_ paths: String?...) throws(ProgramFailure) {
        guard !replace, let taken = paths.lazy.compactMap({ $0 }).first(where: RunSystem.isOccupied) else { return }
        throw ProgramFailure(.exists, "\(taken) exists: choose another file, or say --replace to write over it")
    }
}

/// Where a run is written.
struct RecordOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the run to a new file, JSON lines; to the next file of a folder when it ends in /.",
            valueName: "file"))
    var record: String?

    @OptionGroup var replacing: ReplaceOption

    @Option(help: ArgumentHelp("Record a state every so many ticks; 0: only the first.", valueName: "ticks"))
    var checkpoints: Int64 = 0

    func validate() throws {
        if checkpoints < 0 { throw ValidationError("--checkpoints: 0 or more, not \(checkpoints)") }
    }
}

/// The seed and the number of ticks.
struct LengthOptions: ParsableArguments {
    @Option(help: "The seed, below 2^63.")
    var seed: UInt64 = 1

    @Option(help: "Steps; the scenario's own number when absent.")
    var ticks: Int64?

    func validate() throws {
        // Models keep the seed in their state, and JSON holds 63 bits and a sign.
        if seed > UInt64(Int64.max) { throw ValidationError("--seed: at most \(Int64.max), not \(seed)") }
        if let ticks, ticks < 0 { throw ValidationError("--ticks: 0 or more, not \(ticks)") }
    }
}

/// `run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Make a run.",
        discussion: "Example: run --set side=50 --seed 7 --record run.jsonl --checkpoints 25")

    @Argument(help: "The scenario; may be left out when there is one.")
    var scenario: String?

    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var length: LengthOptions
    @OptionGroup var recording: RecordOptions

    @Option(help: ArgumentHelp("Write what the scenario collects, a CSV file a table.", valueName: "folder"))
    var data: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let scenario = try SimProgram.scenario(scenario)
        if data != nil, !scenario.collectsData { throw SimScenario.noData(scenario.name) }
        let request = RecordRequest(
            parameters: try scenario.parameters(preset: parameters.preset, changed: parameters.changes),
            seed: length.seed, ticks: length.ticks ?? scenario.ticks, checkpointEvery: recording.checkpoints,
            dataFolder: data)
        try await RunCommand.make(recording, end: request.ticks, output) {
            try await scenario.record(request, $0)
        }
    }

    /// Makes a run and prints its result. An interrupted run is kept up to that point.
    static func make(
        _ recording: RecordOptions, end: Int64, _ output: OutputOptions, _ body: (RunObserver) async throws -> Void
    ) async throws {
        try recording.replacing.check(recording.record)
        Interrupt.watch()
        let sink = RunSink(recording, end: end, output)
        let failure: (any Error)?
        do {
            try await body(sink.observer)
            failure = nil
        } catch { failure = error }
        let made = sink.finish()
        if let failure { throw failure }
        guard let (report, last, path) = made else { throw ProgramFailure(.failure, "the scenario made no tick") }
        let isInterrupted = Interrupt.isAsked && last.tick < end
        var fields = report.json.objectValue ?? JSONObject()
        if let path { fields["record"] = .string(path) }
        fields["interrupted"] = .bool(isInterrupted)
        output.result(fields) {
            let fork = report.header.forkedAt.map { ", forked at tick \($0)" } ?? ""
            return
                "\(report.header.model), seed \(report.header.seed)\(fork), tick \(last.tick): \(last.metrics.text)\n"
                + "chain \(last.chain)"
        }
        if isInterrupted {
            let kept = path.map { "; what was made is in \($0)" } ?? ""
            throw ProgramFailure(.interrupted, "interrupted at tick \(last.tick) of \(end)\(kept)", hasResult: true)
        }
    }
}

/// `fork`
struct ForkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "Go on from a recorded state with another seed.",
        discussion: "Example: fork run.jsonl --from 50 --seed 2 --record other.jsonl")

    @Argument(help: "The recording.", completion: .file())
    var file: String

    @Option(help: ArgumentHelp("The checkpoint to go on from.", valueName: "tick"))
    var from: Int64 = 0

    @OptionGroup var length: LengthOptions
    @OptionGroup var recording: RecordOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard recording.record != file else { throw SimError("--record \(file) would write over the run to be forked") }
        let scenario = try SimProgram.scenario(ofFile: file)
        let ticks = length.ticks ?? scenario.ticks
        let request = ForkRequest(
            path: file, tick: from, seed: length.seed, ticks: ticks, checkpointEvery: recording.checkpoints)
        let (end, overflows) = from.addingReportingOverflow(ticks)
        guard !overflows else { throw SimError("\(ticks) more ticks than \(from) are too many") }
        try await RunCommand.make(recording, end: end, output) { try await scenario.fork(request, $0) }
    }
}
