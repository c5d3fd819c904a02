import MeshSim
import MeshSimModels
import MeshSimProgram

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The classic models as a program: all that `SimProgram` does, and
///
///     mesh-models check              PPHPC within the published statistics, and its two controls outside
///     mesh-models time [MODEL]       seconds a run, as JSON
///     mesh-models scale              flocking at constant density, from 1,000 to 128,000 birds, as JSON
@main struct MeshModels {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "check": exit(PPHPCGate.run() ? 0 : 1)
        case "time": exit(Timing.run(words.dropFirst().first) ? 0 : 3)
        case "scale": Timing.scale()
        default: await SimProgram.main(scenarios: Model.all.map(\.scenario))
        }
    }
}

/// One model, whatever its type.
struct Model: Sendable {
    var scenario: SimScenario
    /// Makes a run without recording, for a size and a seed.
    var play: @Sendable (_ isLarge: Bool, _ seed: UInt64) -> Void

    static let all: [Model] = [
        make(Schelling.self, "two groups on a grid that want their own near them", 20, .small, .large),
        make(Flocking.self, "birds on a torus that fly alike", 100, .small, .large),
        make(WolfSheep.self, "wolves, sheep and grass", 100, .small, .large),
        make(ForestFire.self, "a fire that crosses a dense forest alone", 100, .small, .large),
        make(
            PPHPC.self, "predator and prey whose outputs are published", 100, .set(1, side: 100), .set(1, side: 400)),
    ]

    private static func make<Type: SimModel & SimReseedable>(
        _ type: Type.Type, _ summary: String, _ ticks: Int64, _ small: Type.Parameters, _ large: Type.Parameters
    ) -> Model {
        Model(
            scenario: .model(type, summary: summary, presets: [("small", small), ("large", large)], ticks: ticks),
            play: { isLarge, seed in
                var model = Type(isLarge ? large : small, seed: seed)
                for _ in 0..<ticks { model.step() }
            })
    }
}
