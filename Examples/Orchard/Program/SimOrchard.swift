import MeshSim
import MeshSimProgram
import Orchard

/// The orchard as a program: pickers of rules in one process, or a controller on a mesh.
@main struct SimOrchard {
    static func main() async {
        await SimProgram.main(scenarios: [
            .scenario(
                Orchard.self, summary: "Pickers, trees and apples: the smallest world in which others act.",
                presets: [("small", Orchard.Parameters())], ticks: 50
            ) { _ in
                (1...3).map { Orchard.picker("picker-\($0)") }
            }
        ])
    }
}
