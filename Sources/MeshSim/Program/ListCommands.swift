import ArgumentParser
import MeshCore
import MeshSim

/// `list`
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the scenarios, or the recordings of a folder.",
        discussion: "Example: list --runs runs")

    @Option(help: ArgumentHelp("List the recordings in this folder instead.", valueName: "folder"))
    var runs: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        if let runs {
            let entries = try RunStore(runs).list()
            return output.result(["runs": RunStore.json(entries)]) { RunStore.table(entries) }
        }
        output.result(DescribeCommand.fields(SimProgram.scenarios)) {
            var table = TextTable(["SCENARIO", "TICKS", "PRESETS", "SUMMARY"])
            for scenario in SimProgram.scenarios {
                let presets = scenario.presets.map(\.name).joined(separator: ", ")
                table.add([scenario.name, String(scenario.ticks), presets, scenario.summary])
            }
            return table.text
        }
    }
}

/// `describe`
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Say what a scenario is made from.", discussion: "Example: describe --json")

    @Argument(help: "The scenario; all when absent.")
    var scenario: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let scenarios = try scenario.map { [try SimProgram.scenario($0)] } ?? SimProgram.scenarios
        output.result(Self.fields(scenarios)) { scenarios.map(Self.text).joined(separator: "\n") }
    }

    static func fields(_ scenarios: [SimScenario]) -> JSONObject {
        ["program": .string(ProgramOutput.programName), "scenarios": .array(scenarios.map(\.json))]
    }

    private static func text(_ scenario: SimScenario) -> String {
        var table = TextTable(["PARAMETER"] + scenario.presets.map { $0.name.uppercased() })
        for (name, _) in scenario.parameters.values {
            table.add([name] + scenario.presets.map { ParameterSet($0.parameters)[name]?.text ?? "-" })
        }
        return """
            \(scenario.name): \(scenario.summary)
            rules \(scenario.rulesVersion), \(scenario.ticks) ticks, domains \(scenario.domains.joined(separator: ", "))

            \(table.text)
            """
    }
}
