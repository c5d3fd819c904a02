import MeshCore
import MeshSim
import Orchard
import Testing

@Suite struct ScenarioBodiesTests {
    /// A model with three pickers, as a checkpoint has it.
    private static func state() throws -> JSON {
        var model = ScenarioModel<Orchard>(Orchard.Parameters(), seed: 1)
        let names = ["zoe", "ann", "max"]
        try model.advance(
            Seal(tick: 1, changes: names.map { SeatChange(seat: $0, kind: .joined, generation: 1, mind: "coded") }))
        return try JSONCoder.encode(model)
    }

    @Test func `bodies are found by their seats, after a checkpoint too`() throws {
        let model = try JSONCoder.decode(ScenarioModel<Orchard>.self, from: try Self.state())
        #expect(model.bodies.map(\.seat) == ["ann", "max", "zoe"])
        for body in model.bodies { #expect(model.turn.body(of: body.seat) == body) }
        #expect(model.turn.body(of: "bob") == nil && model.turn.body(of: "") == nil)
    }

    @Test func `a checkpoint whose bodies are out of order is refused`() throws {
        guard var state = try Self.state().objectValue, let bodies = state["bodies"]?.arrayValue else {
            Issue.record("a state has bodies")
            return
        }
        state["bodies"] = .array(bodies.reversed())
        #expect(throws: JSONError.self) {
            try JSONCoder.decode(ScenarioModel<Orchard>.self, from: .object(state))
        }
    }
}
