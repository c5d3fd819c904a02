import ArgumentParser

/// Measures a simulation on a mesh under load; `Benchmarks/sim-load` runs its parts together.
@main struct SimLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim-load", abstract: "The parts of a measurement of simulations over a mesh.",
        subcommands: [MeshCommand.self, ControlCommand.self, PeersCommand.self])
}
