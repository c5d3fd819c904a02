import ArgumentParser
import MeshCore
import MeshSim

/// `sweep`
struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Make many runs: every combination of some values, each several times.",
        discussion: """
            Example: sweep --axis density=0.4,0.5,0.6 --replicates 10 --csv fire.csv

            Seeds are derived from the master seed and are in the results. The results are the same whatever --jobs is. \
            Ctrl-C keeps the runs that are finished. With --plan everything is in a JSON file: parameters, axes (name, \
            values), replicates, masterSeed, ticks, sampleTicks, sharesSeeds.
            """)

    @Argument(help: "The scenario; may be left out when there is one.")
    var scenario: String?

    @OptionGroup var parameters: ParameterOptions

    @Option(
        name: .customLong("axis"),
        help: ArgumentHelp(
            "Values of a parameter: a JSON array, or with commas. May be given again.", valueName: "name=values"))
    var axes: [String] = []

    @Option(help: "Runs of each combination.")
    var replicates = 1

    @OptionGroup var length: LengthOptions

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp("Keep the metrics of this tick too. May be given again.", valueName: "tick"))
    var sampleTicks: [Int64] = []

    @Flag(help: "Give the n-th run of every combination the same seed.")
    var shareSeeds = false

    @Option(help: ArgumentHelp("Read the plan from a file.", valueName: "file"), completion: .file())
    var plan: String?

    @Option(help: "Runs at once; the number of processors when absent.")
    var jobs: Int?

    @Option(help: ArgumentHelp("Write a table of the runs, CSV.", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Write the runs, JSON lines.", valueName: "file"))
    var record: String?

    @OptionGroup var replacing: ReplaceOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try replacing.check(csv, record)
        let scenario = try SimProgram.scenario(scenario)
        let plan = try plan(of: scenario)
        let all = try plan.count()
        Interrupt.watch()
        let progress = ProgressLine(output)
        let request = SweepRequest(
            plan, parallelism: jobs ?? ProgramOutput.processors, progress: { progress.show("run \($0) of \($1)") },
            isCancelled: { Interrupt.isAsked })
        let result = try await scenario.sweep(request)
        progress.end()
        if let csv { try RunSystem.writeAll(Array(try result.csv().utf8), to: csv, replacing: replacing.replace) }
        if let record { try RunSystem.writeAll(try result.lines(), to: record, replacing: replacing.replace) }
        let report = SweepReport(result)
        output.result(report.json.objectValue ?? JSONObject()) { report.text }
        if !result.isComplete {
            throw ProgramFailure(
                .interrupted, "interrupted: \(result.rows.count) of \(all) runs are finished and kept", hasResult: true)
        }
        let failed = result.rows.count { $0.error != nil }
        if failed > 0 { throw ProgramFailure(.failure, "\(failed) of \(all) runs failed", hasResult: true) }
    }

    private func plan(of scenario: SimScenario) throws -> SweepPlan {
        if let plan {
            guard axes.isEmpty, parameters.preset == nil, parameters.changes.isEmpty else {
                throw SimError("--plan holds the axes and parameters: leave out --axis, --preset and --set")
            }
            let bytes = try RunSystem.readAll(plan, limit: 16 << 20)
            return try JSONCoder.decode(
                SweepPlan.self, from: try JSON.parse(bytes, limits: JSONLimits(maxBytes: 16 << 20)))
        }
        return SweepPlan(
            parameters: try scenario.parameters(preset: parameters.preset, changed: parameters.changes),
            axes: try axes.map(Self.axis), replicates: replicates, masterSeed: length.seed,
            ticks: length.ticks ?? scenario.ticks, sampleTicks: sampleTicks, sharesSeeds: shareSeeds)
    }

    private static func axis(_ word: String) throws -> SweepPlan.Axis {
        guard let sign = word.firstIndex(of: "=") else {
            throw SimError(
                "--axis \(word): the values of a parameter are given as name=value,value or name=[value,value]")
        }
        let text = String(word[word.index(after: sign)...])
        if let values = try ParameterSet.value(of: text).arrayValue { return .init(String(word[..<sign]), values) }
        return .init(
            String(word[..<sign]), try text.split(separator: ",").map { try ParameterSet.value(of: String($0)) })
    }
}
