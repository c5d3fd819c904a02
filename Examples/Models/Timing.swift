import MeshCore
import MeshSim
import MeshSimModels
import MeshSimProgram

/// How long runs take: the best of several, since other programs only ever add.
enum Timing {
    /// Flocking as dense as its large size, with more and more birds.
    static func scale() {
        for birds in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000] {
            let side = (Double(birds) * 150 * 150 / 400).squareRoot()
            var model = Flocking(.init(side: side, birds: birds, radius: 15), seed: 1)
            let took = ContinuousClock().measure { for _ in 0..<10 { model.step() } }
            let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
            let line: JSON = [
                "model": "flocking", "birds": .integer(Int64(birds)), "ticks": 10, "seconds": .double(seconds),
                "nanosecondsPerBirdAndTick": .double((seconds * 1e9 / Double(birds) / 10).rounded()),
            ]
            print(line.text)
        }
    }

    /// Times one model, or all; false when there is none of that name.
    static func run(_ name: String?) -> Bool {
        let models = Model.all.filter { name == nil || $0.scenario.name == name }
        guard !models.isEmpty else {
            print(
                "error: no model is called \(name ?? ""); there are \(Model.all.map(\.scenario.name).joined(separator: ", "))"
            )
            return false
        }
        for model in models {
            for (size, isLarge) in [("small", false), ("large", true)] {
                let times = (0..<5).map { seed -> Double in
                    let clock = ContinuousClock()
                    let took = clock.measure { model.play(isLarge, UInt64(seed)) }
                    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
                }
                let line: JSON = [
                    "model": .string(model.scenario.name), "size": .string(size),
                    "ticks": .integer(model.scenario.ticks),
                    "seconds": .double(times.min() ?? 0), "runs": .integer(Int64(times.count)),
                ]
                print(line.text)
            }
        }
        return true
    }
}
