import ArgumentParser
import MeshCore
import MeshSim

/// `mesh-cli sim …`
struct SimNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim", abstract: "Run simulations, record them, and check records.",
        discussion: """
            Scenarios are in programs called sim-NAME, looked for in the folders of $MESH_SIM_PATH, beside mesh-cli and in \
            ./bin; a program elsewhere is given by its path.

            Example: mesh-cli sim run rumour --seed 7 --record run.jsonl
            """,
        subcommands: [
            Run.self, Serve.self, Command.self, Replay.self, Verify.self, Fork.self, Diff.self, Report.self, Sweep.self,
            List.self,
        ])

    /// `mesh-cli sim run`
    struct Run: SimPassing {
        static let verb = "run"
        static let names = SimTarget.scenario
        static let configuration = CommandConfiguration(
            abstract: "Make a run of a scenario.",
            discussion: """
                Examples: mesh-cli sim run rumour --set people=500 --seed 7 --record run.jsonl
                          mesh-cli sim run ./my/sim-town --ticks 10

                Everything behind the scenario is for its program; ask it with --help.
                """)
        @Argument(parsing: .captureForPassthrough, help: "A scenario or a program, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim serve`
    struct Serve: SimPassing {
        static let verb = "serve"
        static let names = SimTarget.scenario
        static let configuration = CommandConfiguration(
            abstract: "Run a scenario on a mesh: peers take its seats.",
            discussion: """
                Example: mesh-cli sim serve orchard --mesh lab --profile orchard --wait 2 --record orchard.jsonl

                Everything behind the scenario is for its program; ask it with --help.
                """)
        @Argument(parsing: .captureForPassthrough, help: "A scenario or a program, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim replay`
    struct Replay: SimPassing {
        static let verb = "replay"
        static let names = SimTarget.recording
        static let configuration = CommandConfiguration(
            abstract: "Make a recorded run again and print every tick.",
            discussion: "Example: mesh-cli sim replay run.jsonl --from 50")
        @Argument(parsing: .captureForPassthrough, help: "A recording, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim verify`
    struct Verify: SimPassing {
        static let verb = "verify"
        static let names = SimTarget.recording
        static let configuration = CommandConfiguration(
            abstract: "Make a recorded run again and compare every hash.",
            discussion: "Example: mesh-cli sim verify run.jsonl --from 50")
        @Argument(parsing: .captureForPassthrough, help: "A recording, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim fork`
    struct Fork: SimPassing {
        static let verb = "fork"
        static let names = SimTarget.recording
        static let configuration = CommandConfiguration(
            abstract: "Go on from a recorded state with another seed.",
            discussion: "Example: mesh-cli sim fork run.jsonl --from 50 --seed 2 --record other.jsonl")
        @Argument(parsing: .captureForPassthrough, help: "A recording, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim sweep`
    struct Sweep: SimPassing {
        static let verb = "sweep"
        static let names = SimTarget.scenario
        static let configuration = CommandConfiguration(
            abstract: "Make many runs: every combination of some values, each several times.",
            discussion: "Example: mesh-cli sim sweep rumour --axis chance=0.05,0.1 --replicates 20 --csv rumour.csv")
        @Argument(parsing: .captureForPassthrough, help: "A scenario or a program, then the program's own options.")
        var words: [String] = []
    }

    /// `mesh-cli sim diff`
    struct Diff: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say where two recorded runs part.",
            discussion: "Example: mesh-cli sim diff run.jsonl other.jsonl\n\nEnds with 1 when they part.")

        @Argument(help: "A recording.", completion: .file())
        var one: String
        @Argument(help: "Another of the same model.", completion: .file())
        var other: String
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            guard let found = try SimRun.difference(file: one, other) else {
                return out.result(["result": "same"], isAsked: true) { "no difference" }
            }
            try out.result(["result": "differs", "divergence": try JSONCoder.encode(found)], isAsked: true) {
                "they part at \(found)"
            }
            throw Ended(status: .failure)
        }
    }

    /// `mesh-cli sim report`
    struct Report: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a recording, or a sweep, holds.",
            discussion: """
                Examples: mesh-cli sim report run.jsonl
                          mesh-cli sim report run.jsonl --sqlite run.db

                The program that made it is not needed.
                """)

        @Argument(help: "A recording, or what sweep has recorded.", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("Write the metrics of each tick to a new file, CSV.", valueName: "file"))
        var csv: String?
        @Option(
            help: ArgumentHelp("Write metrics, verdicts and parameters to a new SQLite database.", valueName: "file"))
        var sqlite: String?
        @Option(
            help: ArgumentHelp("Write metrics, verdicts and parameters, a new CSV file each.", valueName: "folder"))
        var data: String?
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let report = try RunReport(file: file)
            let targets = RunTables.Targets(csv: csv, sqlite: sqlite, folder: data)
            try RunTables.write(report, file: file, to: targets)
            var fields = report.json.objectValue ?? JSONObject()
            for (name, path) in targets.json { fields[name] = path }
            out.result(fields, isAsked: true) { report.text }
        }
    }

    /// `mesh-cli sim list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the scenarios, or the recordings of a folder.",
            discussion: "Examples: mesh-cli sim list\n          mesh-cli sim list --runs runs")

        @Option(help: ArgumentHelp("List the recordings in this folder instead.", valueName: "folder"))
        var runs: String?
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            if let runs {
                let entries = try RunStore(runs).list()
                return out.result(["runs": RunStore.json(entries)], isAsked: true) { RunStore.table(entries) }
            }
            let found = SimPrograms.find()
            for problem in found.problems { out.warn("warning: \(problem)") }
            let scenarios = found.scenarios.map { scenario -> JSON in
                var fields = scenario.facts
                fields["program"] = .string(scenario.program)
                return .object(fields)
            }
            out.result(["scenarios": .array(scenarios)], isAsked: true) {
                let rows = found.scenarios.map { scenario in
                    let presets = scenario.facts["presets"]?.objectValue?.keys ?? []
                    return [
                        scenario.name, scenario.facts["ticks"]?.text ?? "", presets.joined(separator: ", "),
                        scenario.facts["summary"]?.stringValue ?? "", scenario.program,
                    ]
                }
                return out.table(
                    Table("SCENARIO", "TICKS", "PRESETS", "SUMMARY", "PROGRAM", rows: rows),
                    empty: "No scenario was found. Programs called sim-… are looked for in: "
                        + SimPrograms.folders.joined(separator: ", "))
            }
        }
    }
}

/// What the first word of a command names.
enum SimTarget: Sendable {
    case scenario, recording
}

/// A command that the scenario's own program does: it takes the place of mesh-cli, so that signals, terminal and exit code
/// are its own.
protocol SimPassing: AsyncParsableCommand {
    /// The program's command.
    static var verb: String { get }
    /// What the first word names.
    static var names: SimTarget { get }
    /// The words behind the command.
    var words: [String] { get }
}

extension SimPassing {
    func run() async throws {
        guard let first = words.first, first != "--help", first != "-h" else {
            if words.isEmpty {
                let what = Self.names == .scenario ? "a scenario, see mesh-cli sim list" : "a recording's file"
                throw Failure.usage("mesh-cli sim \(Self.verb) needs \(what)", hint: "mesh-cli sim \(Self.verb) --help")
            }
            throw CleanExit.helpRequest(Self.self)
        }
        switch Self.names {
        case .recording where words.count > 1 && SystemCalls.isProgram(first):
            throw SimPrograms.become(first, [Self.verb] + words.dropFirst())
        case .recording:
            let model = try RunFileReader(first).header.model
            let program = try SimPrograms.find().program(model: model)
            throw SimPrograms.become(program, [Self.verb] + words)
        case .scenario where first.contains("/"):
            throw SimPrograms.become(first, [Self.verb] + words.dropFirst())
        case .scenario:
            let program = try SimPrograms.find().program(scenario: first)
            throw SimPrograms.become(program, [Self.verb] + words)
        }
    }
}
