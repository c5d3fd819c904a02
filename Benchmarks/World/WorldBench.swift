import Foundation
import MeshCore
import MeshSim

/// Measures a world: what its history costs as snapshots and as a journal, and its single operations.
///
///     swift run -c release world-bench [--agents N] [--steps N] [--json]
///
/// The history is that of a known comparison of Mesa's: 10,000 agents of which 10 % change in each of 1,000 steps.
@main enum WorldBench {
    static func main() throws {
        do { try run(Array(CommandLine.arguments.dropFirst())) } catch let error as SimError {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(3)
        }
    }

    private static func run(_ arguments: [String]) throws {
        var words = arguments
        let isJSON = words.contains("--json")
        words.removeAll { $0 == "--json" }
        let agents = try number("--agents", from: &words, default: 10_000, range: 10...1_000_000)
        let steps = try number("--steps", from: &words, default: 1_000, range: 1...100_000)
        guard words.isEmpty else {
            throw SimError("\(words.joined(separator: " ")): give --agents N, --steps N or --json")
        }
        let history = try History(agents: agents, steps: steps).measure()
        let operations = try Operations(agents: agents).measure()
        if isJSON {
            let object: JSON = [
                "agents": .integer(Int64(agents)), "steps": .integer(Int64(steps)), "history": history.json,
                "operations": .object(JSONObject(operations.map { ($0.name, .double($0.nanoseconds)) })),
            ]
            return print(object.text)
        }
        print("\(agents) agents, 10 % change two attributes in each step\n")
        print(history.text)
        var table = TextTable(["OPERATION", "NS"])
        for one in operations { table.add([one.name, TextTable.number(one.nanoseconds.rounded())]) }
        print(table.text)
    }

    private static func number(
        _ flag: String, from words: inout [String], default value: Int, range: ClosedRange<Int>
    ) throws -> Int {
        guard let place = words.firstIndex(of: flag) else { return value }
        guard place + 1 < words.count, let given = Int(words[place + 1]), range.contains(given) else {
            throw SimError("\(flag): a number, \(range.lowerBound) to \(range.upperBound)")
        }
        words.removeSubrange(place...place + 1)
        return given
    }

    /// How long something takes, in seconds.
    static func timed(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        let passed = start.duration(to: .now).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }
}
