import MeshCore
import MeshSim

/// How long runs take: the best of several, since other programs only ever add.
enum Timing {
    static func run(_ options: Options) throws {
        let models = options.words.isEmpty ? Model.all : [try options.model()]
        for model in models {
            for (size, isLarge) in [("small", false), ("large", true)] {
                let times = (0..<5).map { seed -> Double in
                    let clock = ContinuousClock()
                    let took = clock.measure { model.play(isLarge, UInt64(seed), model.ticks) }
                    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
                }
                let line: JSON = [
                    "model": .string(model.name), "size": .string(size), "ticks": .integer(model.ticks),
                    "seconds": .double(times.min() ?? 0), "runs": .integer(Int64(times.count)),
                ]
                print(line.text)
            }
        }
    }
}
