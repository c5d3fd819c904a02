import MeshCore
import MeshSDK

extension Printer {
    /// Prints what happened in the mesh.
    func event(_ event: MeshEvent) { _ = event }

    /// Prints a snapshot or a change of the shared state.
    func update(_ update: StateUpdate) throws { _ = update }
}
