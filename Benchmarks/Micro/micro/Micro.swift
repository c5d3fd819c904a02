import CAllocations
import Foundation

/// Measures the hot parts one by one: allocations, instructions where the system lets them be counted, and time.
///
///     swift run -c release micro [--check] [--json] [PART...]
///
/// `--check` fails when a part allocates more than its limit. Allocations do not depend on the machine, so that is what
/// is gated; time is for reading.
@main
enum Micro {
    struct Figures: Codable {
        var part: String
        var allocations: Double
        var limit: Double
        var instructions: Double?
        var microseconds: Double
    }

    static func main() throws {
        var words = Array(CommandLine.arguments.dropFirst())
        let check = take("--check", from: &words)
        let json = take("--json", from: &words)
        let parts = try Parts.all().filter { part in words.isEmpty || words.contains { part.name.contains($0) } }
        guard !parts.isEmpty else {
            print("no part has such a name; there are: \(try Parts.all().map(\.name).joined(separator: ", "))")
            exit(3)
        }
        let counter = mesh_instructions_open()
        var all: [Figures] = []
        for part in parts { all.append(try measure(part, counter)) }
        if json {
            print(String(decoding: try JSONEncoder().encode(all), as: UTF8.self))
        } else {
            print("part                              allocations   limit   instructions         µs")
            for one in all { print(line(one)) }
        }
        let over = all.filter { $0.allocations > $0.limit + 0.5 }
        for one in over {
            FileHandle.standardError.write(
                Data("\(one.part): \(one.allocations) allocations, the limit is \(one.limit)\n".utf8))
        }
        if check, !over.isEmpty { exit(1) }
    }

    private static func take(_ flag: String, from words: inout [String]) -> Bool {
        let had = words.contains(flag)
        words.removeAll { $0 == flag }
        return had
    }

    private static func measure(_ part: Part, _ counter: Int32) throws -> Figures {
        try part.run(200)
        // As often as fits into about a second.
        var count = 200
        var best = Figures(
            part: part.name, allocations: .infinity, limit: part.limit, instructions: nil, microseconds: 0)
        var time = try timed { try part.run(count) }
        while time < 1, count < 1_000_000 {
            count *= 2
            time = try timed { try part.run(count) }
        }
        best.microseconds = .infinity
        for _ in 0..<3 {
            let allocations = mesh_allocations()
            let instructions = mesh_instructions_read(counter)
            let seconds = try timed { try part.run(count) }
            let number = Double(count)
            best.allocations = min(best.allocations, Double(mesh_allocations() - allocations) / number)
            if counter >= 0 {
                let used = Double(mesh_instructions_read(counter) - instructions) / number
                best.instructions = min(best.instructions ?? .infinity, used)
            }
            best.microseconds = min(best.microseconds, seconds * 1e6 / number)
        }
        return best
    }

    private static func timed(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        let passed = start.duration(to: .now).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }

    private static func line(_ one: Figures) -> String {
        let name = one.part.padding(toLength: 32, withPad: " ", startingAt: 0)
        let instructions = one.instructions.map { String(format: "%12.0f", $0) } ?? "           -"
        return name + String(format: "  %11.2f  %6.0f  ", one.allocations, one.limit) + " " + instructions
            + String(format: "  %9.2f", one.microseconds)
    }
}
