import MeshCore

/// Makes a seat's observations: in full, or as a delta against one that the seat has acknowledged.
///
/// A delta has values, never differences of values, and is made against an observation that the seat is known to have:
/// so what is lost, doubled or overtaken on the way does no harm. An observation is full when nothing is acknowledged,
/// when the acknowledged one is more than `keep` observations ago, when the seat asked for it, and when a delta is no
/// smaller.
///
/// Under a budget each thing that changed waits for its turn. The seat's own entity always goes in; then come events in
/// their order; then the other entities, the longest waiting first. In every second observation those entities that
/// have waited `starvationTicks` observations or longer come before events. At least one thing goes in besides the own
/// entity. So with w entities that have waited as long or longer, one is sent after at most `starvationTicks` + 2 w
/// observations. When the world stands still and p things are missing, the seat has them all after at most p
/// observations that it acknowledged one after the other.
///
/// Events are news and are sent once: they are lost with the observation that has them. It is a value and can be
/// written down, so that a run goes on from a checkpoint with the same observations.
public struct ObservationEncoder: Codable, Sendable {
    /// The most events that wait; beyond it the oldest are dropped and counted.
    public static let maximumWaitingEvents = 256

    /// The simulation's name.
    public let sim: String
    /// How many sent observations are remembered.
    public let keep: Int
    /// How many observations a thing waits before it goes before events.
    public let starvationTicks: Int64
    /// The number of the last observation; 0 before the first.
    public private(set) var sequence: Int64 = 0
    /// The latest acknowledged observation that is still remembered.
    public private(set) var acknowledged: Int64?
    /// How many events were dropped because too many waited.
    public private(set) var droppedEvents: Int64 = 0
    /// What the seat knows after each of the last observations, if it has got it; by number.
    private var baselines: [Baseline] = []
    private var queue = ObservationQueue()

    struct Baseline: Codable, Sendable {
        let sequence: Int64
        let entities: [Scene.Seen]
        let actions: [String]
    }

    /// An encoder for one seat. `keep` is at least 1, `starvationTicks` at least 0; less is taken as these.
    public init(sim: String, keep: Int = 16, starvationTicks: Int64 = 8) {
        self.sim = sim
        self.keep = max(1, keep)
        self.starvationTicks = max(0, starvationTicks)
    }

    /// The next observation.
    public mutating func encode(_ scene: Scene, budget: ObservationBudget = .none) -> Observation {
        sequence &+= 1
        let base = baselines.first { $0.sequence == acknowledged }
        var made = draft(scene, against: base, budget)
        // To compare is to write both, so it is done only when it is not plain that the delta is the smaller one.
        if base != nil, made.observation.kind == .delta, made.observation.omitted == 0,
            !Self.isPlainlySmaller(made.observation, than: scene)
        {
            let full = draft(scene, against: nil, budget)
            if full.observation.omitted == 0, full.observation.byteCount <= made.observation.byteCount { made = full }
        }
        queue = made.queue
        droppedEvents &+= queue.limitEvents(to: Self.maximumWaitingEvents)
        remember(Baseline(sequence: sequence, entities: made.entities, actions: scene.actions))
        return made.observation
    }

    /// Acknowledges an observation; later ones are made against it. Returns false, and changes nothing, for one
    /// that is not remembered or older than another that was acknowledged.
    @discardableResult
    public mutating func acknowledge(_ sequence: Int64) -> Bool {
        guard sequence > acknowledged ?? .min, baselines.contains(where: { $0.sequence == sequence }) else {
            return false
        }
        acknowledged = sequence
        baselines.removeAll { $0.sequence < sequence }
        return true
    }

    /// The seat has lost what it knew, for example because a language model's context was shortened: observations are
    /// full until one of them is acknowledged.
    public mutating func requestKeyframe() {
        acknowledged = nil
        baselines = []
    }

    private mutating func remember(_ baseline: Baseline) {
        baselines.append(baseline)
        // A state that was read may say anything.
        baselines.removeFirst(max(0, baselines.count - max(1, keep)))
        if let acknowledged, baselines.first?.sequence ?? .max > acknowledged { self.acknowledged = nil }
    }

    private struct Draft {
        var observation: Observation
        /// What the seat knows when it has got it.
        var entities: [Scene.Seen]
        var queue: ObservationQueue
    }

    private func draft(_ scene: Scene, against base: Baseline?, _ budget: ObservationBudget) -> Draft {
        let known = base?.entities ?? []
        let changes = SceneChange.between(known, scene.entities)
        let hasSameActions = base.map { JSON.isIdentical($0.actions, scene.actions) } ?? false
        var observation = Observation(
            sim: sim, tick: scene.tick, sequence: sequence, base: base?.sequence, kind: base == nil ? .full : .delta,
            viewer: scene.viewer)
        if !hasSameActions { observation.actions = scene.actions }
        var queue = queue
        let rules = ObservationQueue.Rules(
            budget: budget, frame: budget.limit == nil ? [] : Self.frame(observation),
            starvationTicks: starvationTicks, isForStarved: sequence % 2 == 0)
        let chosen = queue.choose(changes, events: scene.events, of: scene, by: rules)
        observation.events = chosen.events
        observation.omitted = Int64(chosen.omitted)
        for change in chosen.changes {
            if change.kind == .left {
                observation.left.append(change.id)
            } else {
                observation.entities.append(Observation.Part(change.id, change.fields))
                if change.kind == .entered, base != nil { observation.entered.append(change.id) }
            }
        }
        if base != nil, chosen.isEmpty, chosen.omitted == 0, hasSameActions { observation.kind = .unchanged }
        let entities = chosen.omitted == 0 ? scene.entities : SceneChange.apply(chosen.changes, to: known)
        return Draft(observation: observation, entities: entities, queue: queue)
    }

    /// Whether a delta is smaller than the whole for certain: what it leaves out, counted too low, is more than what it alone
    /// has, counted too high (a byte of a name is at most six in JSON).
    private static func isPlainlySmaller(_ delta: Observation, than scene: Scene) -> Bool {
        func most(_ name: String) -> Int { 6 * name.utf8.count + 8 }
        // The base, the kind's longer word, and the frames of both lists.
        var excess = 64
        for id in delta.entered { excess += most(id.rawValue) }
        for id in delta.left { excess += most(id.rawValue) }
        for part in delta.entities {
            for (name, value) in part.fields where value.isNull { excess += most(name) }
        }
        var told = delta.entities[...]
        for one in scene.entities {
            if let next = told.first, next.id == one.id {
                told.removeFirst()
                continue
            }
            // "name":{"field":0,...},
            excess -= one.id.rawValue.utf8.count + 5
            for (name, _) in one.fields { excess -= name.utf8.count + 4 }
            if excess < 0 { return true }
        }
        return false
    }

    /// The JSON that an observation has besides its entities and events, with all members that it may have.
    private static func frame(_ observation: Observation) -> [UInt8] {
        var observation = observation
        observation.omitted = .max
        observation.deadline = .max
        return observation.json.bytes() + Array(#""entities":{},"entered":[],"left":[],"events":[],"#.utf8)
    }
}

extension JSON {
    /// Whether two lists of texts have the same bytes.
    static func isIdentical(_ one: [String], _ other: [String]) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
    }
}
