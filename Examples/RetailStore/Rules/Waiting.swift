import MeshCore
import MeshSim

extension Action {
    /// To do nothing. Ticks that wait for all seats need not wait any longer for one that says so.
    static var wait: Self {
        Action(ActionSchema("wait", help: "Do nothing in this tick, and let the others go on.")) { _, _ in [:] }
    }
}
