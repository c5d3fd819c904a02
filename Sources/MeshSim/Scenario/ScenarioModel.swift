public import MeshCore

/// The outcome of an action that reached the world.
public struct ActionOutcome: Sendable, Hashable {
    /// The actor.
    public var seat: String
    /// The action.
    public var sequence: Int64
    /// The generation of the seat's holder.
    public var generation: Int64
    /// Whether it was performed.
    public var accepted: Bool
    /// Why not.
    public var reason: String?
    /// The effects, for the actor.
    public var effects: JSON?
}

/// A run of a scenario: its world, the bodies of its seats, and the step for a seal.
public struct ScenarioModel<Rules: Scenario>: SimModel, SimReseedable {
    public typealias Parameters = Rules.Parameters
    public static var name: String { Rules.name }
    public static var rulesVersion: Int { Rules.rulesVersion }
    public static var domains: [String] { WorldPart.allCases.map(\.rawValue) + ["seats"] }

    /// The parameters of the run.
    public let parameters: Rules.Parameters
    /// The world as of the last tick.
    public private(set) var world: World
    /// The bodies in it, by seat.
    public private(set) var bodies: [Body] = []
    public private(set) var tick: Int64 = 0
    /// The outcomes of the last tick's actions, in order of execution.
    public private(set) var outcomes: [ActionOutcome] = []
    /// The failures of rules in the last tick: faults of the scenario, not of actors.
    public private(set) var faults: [String] = []
    private var seed: UInt64
    private var imports: [SealedImport] = []
    /// Whether the parameters give a valid world; no rule is called otherwise.
    private let isPossible: Bool

    /// Makes the world at tick 0. Failures of the rules are in `faults`.
    public init(_ parameters: Rules.Parameters, seed: UInt64) {
        self.parameters = parameters
        self.seed = seed
        do {
            world = World(schema: try Rules.schema(parameters))
            isPossible = true
        } catch {
            isPossible = false
            world = World(schema: .nothing)
            faults.append("no world can be made of these parameters: \(error)")
            return
        }
        var turn = self.turn(imports: [])
        attempt("the beginning", &turn) { turn in try Rules.begin(&turn) }
        world = turn.world
    }

    public static func validate(_ parameters: Rules.Parameters) throws(SimError) {
        do { _ = try Rules.schema(parameters) } catch { throw SimError("\(error)") }
        _ = try Rules.catalog()
    }

    public mutating func reseed(_ seed: UInt64) { self.seed = seed }

    public mutating func step() {
        // An empty seal of the next tick always fits.
        try? advance(Seal(tick: tick + 1))
    }

    public mutating func advance(_ seal: Seal) throws(SimError) {
        guard seal.tick == tick + 1 else { throw SimError("the seal is tick \(seal.tick)'s, the next is \(tick + 1)") }
        tick += 1
        guard isPossible else { return }
        outcomes = []
        faults = []
        imports = seal.imports
        var turn = self.turn(imports: seal.imports)
        turn.world.beginTick()
        for change in seal.changes { apply(change, &turn) }
        perform(seal.inputs.filter { $0.verdict.isApplied && $0.action != nil }, &turn)
        attempt("the step", &turn) { turn in try Rules.step(&turn) }
        world = turn.world
        bodies = turn.bodies
    }

    /// The current turn, for the rules.
    public var turn: Turn<Rules> { turn(imports: imports) }

    private func turn(imports: [SealedImport]) -> Turn<Rules> {
        Turn(world: world, tick: tick, parameters: parameters, bodies: bodies, imports: imports, seed: seed)
    }

    /// A failing rule is a fault of the scenario: it is recorded; its earlier changes stay. Every replay fails alike.
    private mutating func attempt(_ what: String, _ turn: inout Turn<Rules>, _ body: (inout Turn<Rules>) throws -> Void)
    {
        do { try body(&turn) } catch { faults.append("tick \(tick): \(what) failed: \(error)") }
    }

    // MARK: Seats

    private mutating func apply(_ change: SeatChange, _ turn: inout Turn<Rules>) {
        let place = turn.bodies.firstIndex { $0.seat == change.seat }
        switch change.kind {
        case .joined:
            attempt("the entry of \(change.seat)", &turn) { turn in
                let entity = try Rules.enter(change, &turn)
                let body = Body(
                    seat: change.seat, role: change.role, mind: change.mind, generation: change.generation,
                    entity: entity)
                turn.bodies.removeAll { $0.seat == change.seat }
                let index = turn.bodies.firstIndex { change.seat.precedesInBytes($0.seat) } ?? turn.bodies.endIndex
                turn.bodies.insert(body, at: index)
            }
        case .left:
            guard let place else { return }
            let body = turn.bodies.remove(at: place)
            attempt("the leave of \(change.seat)", &turn) { turn in try Rules.leave(body, &turn) }
        case .handedOver:
            guard let place else { return }
            turn.bodies[place].generation = change.generation
            turn.bodies[place].mind = change.mind
        case .demoted, .readmitted: break
        }
    }

    // MARK: Actions

    private mutating func perform(_ inputs: [SealedInput], _ turn: inout Turn<Rules>) {
        let actions = Rules.actions
        var rest = ordered(inputs)[...]
        // Consecutive calls of the same phase and action with claims are decided together; all others one by one.
        while let first = rest.first {
            let action = actions.first { $0.schema.name == first.action }
            guard let action, action.claim != nil else {
                rest.removeFirst()
                perform(first, action, &turn)
                continue
            }
            let span = rest.prefix { $0.phase == first.phase && $0.priority == first.priority }
            let group = span.filter { $0.action == first.action }
            rest = (span.filter { $0.action != first.action } + rest.dropFirst(span.count))[...]
            contest(group, action, &turn)
        }
    }

    /// The order of execution: the seal's, or random within one phase and priority.
    private func ordered(_ inputs: [SealedInput]) -> [SealedInput] {
        guard Rules.order == .shuffled else { return inputs }
        var random = RandomStream(seed: seed, names: [Rules.name, "order"], tick: UInt64(tick))
        var shuffled = inputs
        random.shuffle(&shuffled)
        // Stable: of one phase and priority the random order stays, and several of one seat keep theirs.
        let sorted = shuffled.sorted { $0.phase != $1.phase ? $0.phase < $1.phase : $0.priority > $1.priority }
        var bySeat: [String: [SealedInput]] = [:]
        for input in inputs { bySeat[input.seat, default: []].append(input) }
        guard bySeat.count < inputs.count else { return sorted }
        return sorted.map { place in
            // A seat's actions keep their own order within its shuffled positions.
            guard var own = bySeat[place.seat],
                let next = own.firstIndex(where: { $0.phase == place.phase && $0.priority == place.priority })
            else { return place }
            let input = own.remove(at: next)
            bySeat[place.seat] = own
            return input
        }
    }

    private func call(_ input: SealedInput, _ turn: borrowing Turn<Rules>) -> ActionCall {
        ActionCall(
            body: turn.body(of: input.seat), actor: input.seat, arguments: input.arguments ?? [:])
    }

    private mutating func perform(_ input: SealedInput, _ action: Action<Rules>?, _ turn: inout Turn<Rules>) {
        guard let action else {
            return note(input, refused: "this scenario has no action \(input.action ?? "")")
        }
        let call = call(input, turn)
        do { try action.check(call, turn) } catch { return note(input, refused: "\(error)") }
        apply(input, call, action, &turn)
    }

    private mutating func apply(
        _ input: SealedInput, _ call: ActionCall, _ action: Action<Rules>, _ turn: inout Turn<Rules>
    ) {
        // A body removed by an earlier action of this tick no longer acts.
        if let body = call.body, !turn.world.contains(body.entity) {
            return note(input, refused: "\(body.entity) is not in the world any more")
        }
        do {
            let effects = try action.apply(call, &turn)
            outcomes.append(
                ActionOutcome(
                    seat: input.seat, sequence: input.sequence, generation: input.generation, accepted: true,
                    reason: nil, effects: effects))
        } catch {
            note(input, refused: "\(error)")
        }
    }

    /// All calls are checked against the same world; a random choice of those that claim the same thing gets it.
    private mutating func contest(_ inputs: [SealedInput], _ action: Action<Rules>, _ turn: inout Turn<Rules>) {
        var standing: [(input: SealedInput, call: ActionCall, claim: Claim?)] = []
        for input in inputs {
            let call = call(input, turn)
            do {
                try action.check(call, turn)
                standing.append((input, call, action.claim?(call, turn)))
            } catch {
                note(input, refused: "\(error)")
            }
        }
        var luck = Array(standing.indices)
        var random = RandomStream(
            seed: seed, names: [Rules.name, "claims", action.schema.name], tick: UInt64(tick))
        random.shuffle(&luck)
        var taken: [String: Int] = [:]
        var losers: Set<Int> = []
        for place in luck {
            guard let claim = standing[place].claim else { continue }
            if taken[claim.key, default: 0] < claim.capacity {
                taken[claim.key, default: 0] += 1
            } else {
                losers.insert(place)
            }
        }
        for (place, one) in standing.enumerated() {
            if losers.contains(place), let claim = one.claim {
                note(one.input, refused: "others were drawn for \(claim.key): it is enough for \(claim.capacity)")
            } else {
                apply(one.input, one.call, action, &turn)
            }
        }
    }

    private mutating func note(_ input: SealedInput, refused reason: String) {
        outcomes.append(
            ActionOutcome(
                seat: input.seat, sequence: input.sequence, generation: input.generation, accepted: false,
                reason: reason, effects: nil))
    }

    // MARK: State

    public func hash(domain: Int, into hasher: inout StateHasher) {
        let parts = WorldPart.allCases
        if domain < parts.count { return world.hash(into: &hasher, part: parts[domain]) }
        hasher.add(Int64(bodies.count))
        for body in bodies {
            for text in [body.seat, body.role ?? "", body.mind ?? "", body.entity.rawValue] {
                hasher.add(Array(text.utf8))
            }
            hasher.add(body.generation)
        }
    }

    public var metrics: [(name: String, value: Double)] { Rules.metrics(world, parameters) }
}

extension ScenarioModel: Codable {
    private enum Key: String, CodingKey { case parameters, seed, tick, world, bodies, imports }

    /// Reads a state. Fails when the world does not match the scenario.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        parameters = try fields.decode(Rules.Parameters.self, forKey: .parameters)
        let text = try fields.decode(String.self, forKey: .seed)
        guard let seed = UInt64(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .seed, in: fields, debugDescription: "\(text) is no whole number")
        }
        self.seed = seed
        tick = try fields.decode(Int64.self, forKey: .tick)
        guard (0..<TickCollector.lastTick).contains(tick) else {
            throw DecodingError.dataCorruptedError(
                forKey: .tick, in: fields, debugDescription: "\(tick) is no tick; give 0 to 2^53")
        }
        bodies = try fields.decode([Body].self, forKey: .bodies)
        guard bodies.isInOrder else {
            throw DecodingError.dataCorruptedError(
                forKey: .bodies, in: fields, debugDescription: "the bodies are not in the order of their seats' names")
        }
        imports = try fields.decode([SealedImport].self, forKey: .imports)
        isPossible = true
        world = try World(
            schema: try Rules.schema(parameters), snapshot: try fields.decode(WorldSnapshot.self, forKey: .world))
    }

    /// Writes the state, without the outcomes of the last tick's actions.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(parameters, forKey: .parameters)
        try fields.encode(String(seed), forKey: .seed)
        try fields.encode(tick, forKey: .tick)
        try fields.encode(world.snapshot(), forKey: .world)
        try fields.encode(bodies, forKey: .bodies)
        try fields.encode(imports, forKey: .imports)
    }
}
