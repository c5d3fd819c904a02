import MeshCore

@testable import MeshSim

/// The actions of the tests: one that is done once a tick, another such, one that may be done twice.
enum TickTest {
    static func catalog() throws -> ActionCatalog {
        try ActionCatalog([
            ActionSchema("move", arguments: [ActionArgument("x", .integer(minimum: 0, maximum: 99), defaultValue: 0)]),
            ActionSchema("rest", priority: 5),
            ActionSchema(
                "say", phase: 2, maximumPerTick: 2, arguments: [ActionArgument("text", .string(maximumLength: 20))]),
        ])
    }

    static func collector(_ rules: TickRules = TickRules()) throws -> TickCollector {
        try TickCollector(catalog: catalog(), rules: rules)
    }

    static func move(
        _ seat: String, generation: Int64 = 1, _ sequence: Int64, on basedOn: Int64, tick: Int64? = nil,
        x: Int64 = 1, cost: Int64 = 0
    ) -> Submission {
        Submission(
            seat: seat, generation: generation, sequence: sequence, basedOn: basedOn, tick: tick, action: "move",
            arguments: ["x": .integer(x)], cost: cost)
    }

    /// Of the seat `a`.
    static func move(
        generation: Int64 = 1, _ sequence: Int64, on basedOn: Int64, tick: Int64? = nil, x: Int64 = 1, cost: Int64 = 0
    ) -> Submission {
        move("a", generation: generation, sequence, on: basedOn, tick: tick, x: x, cost: cost)
    }

    /// What stands in a seal, short: `seat 3 onTime`.
    static func verdicts(_ seal: Seal) -> [String] {
        seal.inputs.map { "\($0.seat) \($0.sequence) \($0.verdict.rawValue)" }
    }
}

extension TickCollector {
    /// Opens, does, seals.
    mutating func run(_ work: (inout TickCollector) throws -> Void = { _ in }) throws -> Seal {
        let now = tick * 1000
        try open(tick, now: now)
        try work(&self)
        return try seal(now: now + 500)
    }
}
