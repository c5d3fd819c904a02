import MeshCore
import Testing

@testable import MeshSim
@testable import RetailStore

/// Runs with coded minds, recorded and made again.
@Suite struct MindTests {
    /// A run in which minds act upon their scenes, and nothing else.
    private struct Staffed {
        var runner: SimRunner<ScenarioModel<RetailStore>>
        var recording: SimRecording
        var faults: [String] = []
        var accepted: [String: Int] = [:]
        var refused: [String] = []
        private var generations: [String: Int64] = [:]
        private let seed: UInt64

        init(_ parameters: RetailStore.Parameters, seed: UInt64) throws {
            self.seed = seed
            runner = try SimRunner(parameters, seed: seed)
            recording = SimRecording(header: try .init(ScenarioModel<RetailStore>.self, parameters, seed: seed))
            recording.ticks.append(try runner.begin())
        }

        static let seats =
            (1...9).map { ("c\($0)", "customer") } + [
                ("m1", "manager"), ("r1", "representative"), ("r2", "representative"),
            ]

        func scene(_ body: Body) -> Scene {
            let model = runner.model
            return Scene(
                of: model.world, viewer: body.entity,
                visibility: RetailStore.visibility(role: body.role, model.parameters), tick: model.tick,
                actions: RetailStore.available(to: body, model.turn))
        }

        private func decide(_ body: Body) -> Decision? {
            var random = RandomStream(
                seed: seed, names: ["mind", body.seat], tick: UInt64(runner.model.tick))
            switch body.role {
            case "manager": return ManagerMind.decide(scene(body), &random)
            case "representative": return RepresentativeMind.decide(scene(body), &random)
            default: return CustomerMind.decide(scene(body), &random)
            }
        }

        mutating func tick() throws {
            let model = runner.model
            let catalog = try RetailStore.catalog()
            var (changes, inputs): ([SeatChange], [SealedInput]) = ([], [])
            for (seat, role) in Self.seats {
                guard let body = model.bodies.first(where: { $0.seat == seat }) else {
                    generations[seat, default: 0] += 1
                    changes.append(
                        SeatChange(
                            seat: seat, kind: .joined, generation: generations[seat] ?? 1, mind: "coded", role: role))
                    continue
                }
                // Who has left the store gives the seat up, and comes again as somebody else.
                guard model.world.contains(body.entity) else {
                    changes.append(SeatChange(seat: seat, kind: .left, generation: body.generation))
                    continue
                }
                guard let decision = decide(body) else { continue }
                let arguments = try catalog.schema(decision.action).validate(arguments: decision.arguments)
                inputs.append(
                    SealedInput(
                        seat: seat, generation: body.generation, sequence: model.tick + 1, action: decision.action,
                        arguments: arguments, basedOn: model.tick, verdict: .onTime))
            }
            let seal = Seal(tick: model.tick + 1, changes: changes, inputs: inputs)
            recording.ticks.append(try runner.advance(seal, checkpoint: seal.tick % 50 == 0))
            faults += runner.model.faults
            for outcome in runner.model.outcomes {
                let action = inputs.first { $0.seat == outcome.seat }?.action ?? ""
                if outcome.accepted { accepted[action, default: 0] += 1 } else { refused.append(outcome.reason ?? "") }
            }
        }
    }

    private static var parameters: RetailStore.Parameters {
        var parameters = RetailStore.Parameters.busy
        parameters.walkIns = 0.8
        parameters.deliveryEvery = 0
        return parameters
    }

    @Test(arguments: [1, 2] as [UInt64])
    func aRunWithMindsKeepsItsInvariantsAndIsRepeated(_ seed: UInt64) throws {
        let parameters = Self.parameters
        var run = try Staffed(parameters, seed: seed)
        let begun = parameters.products.reduce(0) { $0 + $1.stock }
        for _ in 0..<120 {
            try run.tick()
            let world = run.runner.model.world
            let sold = world.sum(of: Kind.store, StoreField.sold)
            let restocked = world.sum(of: Kind.store, StoreField.restocked)
            #expect(world.totalStock + world.allInBaskets() + sold == begun + restocked)
            world.forEach(of: Kind.product) { #expect($0.get(ProductField.stock) ?? -1 >= 0) }
            world.forEach(of: Kind.customer) { customer in
                #expect((0...1).contains(customer.get(CustomerField.satisfaction) ?? -1))
                #expect(customer.get(CustomerField.due) ?? 0 <= customer.get(CustomerField.budget) ?? 0)
            }
            #expect(world.occupantCount(of: "checkout") <= parameters.checkoutPlaces + 1)
        }
        #expect(run.faults.isEmpty)
        for action in ["move", "ask", "help", "take", "purchase", "leave", "restock", "set_price"] {
            #expect(run.accepted[action] ?? 0 > 0, "\(run.accepted)")
        }

        let read = try SimRecording.parse(try run.recording.lines())
        #expect(try SimRun.verify(read, as: ScenarioModel<RetailStore>.self) == nil)
        #expect(try SimRun.verify(read, as: ScenarioModel<RetailStore>.self, from: 50) == nil)
        // And a record in which somebody did something else is found out.
        var changed = read
        let place = try #require(
            changed.ticks.firstIndex { $0.seal?.inputs.contains { $0.action == "purchase" } ?? false })
        changed.ticks[place].seal?.inputs.removeAll { $0.action == "purchase" }
        let divergence = try SimRun.verify(changed, as: ScenarioModel<RetailStore>.self)
        #expect(divergence?.tick == changed.ticks[place].tick)
    }

    @Test func aSnapshotGoesOnAsTheRun() throws {
        var run = try Staffed(Self.parameters, seed: 3)
        for _ in 0..<40 { try run.tick() }
        let state = try JSON.parse(try JSONCoder.encode(run.runner.model).bytes())
        var restored = try JSONCoder.decode(ScenarioModel<RetailStore>.self, from: state)
        #expect(restored.domainHashes == run.runner.model.domainHashes)
        for _ in 0..<20 {
            try run.tick()
            let line = try #require(run.recording.ticks.last)
            try restored.advance(try #require(line.seal))
            #expect(restored.domainHashes.map(\.hex) == line.domains)
        }
    }

    @Test func nobodySeesWhatIsNotTheirs() throws {
        var run = try Staffed(Self.parameters, seed: 5)
        for _ in 0..<30 { try run.tick() }
        let model = run.runner.model
        var roles: Set<String> = []
        for (place, body) in model.bodies.enumerated() where model.world.contains(body.entity) {
            let visibility = RetailStore.visibility(role: body.role, model.parameters)
            let report = NonInterference.check(
                model.world, viewer: body.entity, visibility: visibility, seed: UInt64(place), changes: 60)
            #expect(report.leaks.isEmpty, "\(report.leaks)")
            #expect(report.tried > 0)
            roles.insert(body.role ?? "")
            for seen in run.scene(body).entities where seen.id != body.entity {
                for field in ["budget", "wants", "aisle", "cost", "isWalkIn"] { #expect(seen.fields[field] == nil) }
            }
            if body.role == "customer" { #expect(run.scene(body).entities.allSatisfy { $0.id != RetailStore.books }) }
        }
        #expect(roles == ["customer", "manager", "representative"])
    }

    @Test func mindsDoNothingWithoutABody() {
        var random = RandomStream(seed: 1, names: ["test"])
        let nothing = Scene(viewer: "customer-1", tick: 1, entities: [])
        #expect(CustomerMind.decide(nothing, &random) == nil)
        #expect(RepresentativeMind.decide(nothing, &random) == nil)
        #expect(ManagerMind.decide(nothing, &random) == nil)
    }
}
