import MeshCore
import MeshSim

@testable import RetailStore

/// A scenario that is driven by hand: seats come, act and go.
struct Shop<Rules: Scenario> {
    /// What a seat, or a person without one, does.
    struct Act {
        var seat: String
        var action: String
        var arguments: JSON = [:]
    }
    var model: ScenarioModel<Rules>
    /// What has gone wrong in the rules, of all ticks.
    var faults: [String]
    private var sequence: Int64 = 0

    init(_ parameters: Rules.Parameters, seed: UInt64 = 1) {
        model = ScenarioModel(parameters, seed: seed)
        faults = model.faults
    }

    /// The next tick, with these acts; gives what became of them.
    @discardableResult
    mutating func tick(
        _ acts: [Act] = [], joining: [(seat: String, role: String)] = [], leaving: [String] = [],
        imports: [SealedImport] = []
    ) throws -> [ActionOutcome] {
        let changes =
            joining.map { SeatChange(seat: $0.seat, kind: .joined, generation: 1, mind: "coded", role: $0.role) }
            + leaving.map { SeatChange(seat: $0, kind: .left, generation: 1) }
        let inputs = acts.map { act in
            sequence += 1
            return SealedInput(
                seat: act.seat, sequence: sequence, action: act.action, arguments: act.arguments, verdict: .onTime)
        }
        try model.advance(Seal(tick: model.tick + 1, changes: changes, inputs: inputs, imports: imports))
        faults += model.faults
        return model.outcomes
    }

    func body(_ seat: String) -> EntityID { model.bodies.first { $0.seat == seat }?.entity ?? "" }

    /// What another domain reads of this one a tick later.
    func exported(as domain: String) -> SealedImport {
        let values = Rules.exports(model.turn).map { ($0.key, $0.value) }
        return SealedImport(domain: domain, tick: model.tick, values: .object(JSONObject(values)))
    }
}

extension World {
    func sum(of type: String, _ field: Attribute<Int64>) -> Int64 {
        entities(of: type).reduce(0) { $0 + (get($1, field) ?? 0) }
    }
    func allInBaskets() -> Int64 { entities(of: Kind.product).reduce(0) { $0 + inBaskets($1) } }
}
