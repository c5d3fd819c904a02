import MeshCore

/// What waits to be told to a seat, and the choice of what is told next under a budget.
struct ObservationQueue: Codable, Sendable {
    private struct Waiting: Codable, Sendable {
        let id: EntityID
        let observations: Int64
    }
    /// How often a changed entity was left out, by the bytes of the names.
    private var entities: [Waiting] = []
    /// In the order in which they happened.
    private var events: [JSON] = []

    struct Choice {
        /// By the bytes of the names.
        var changes: [SceneChange] = []
        var events: [JSON] = []
        var omitted = 0
        var isEmpty: Bool { changes.isEmpty && events.isEmpty }
    }

    /// Something that could be told: a change or an event, by its place among them.
    private struct Candidate {
        let isEvent: Bool
        let place: Int
        let waited: Int64
        let rank: Int
    }

    /// What is to be chosen by.
    struct Rules {
        let budget: ObservationBudget
        /// What must be sent anyway.
        let frame: [UInt8]
        /// From how many observations on an entity starves.
        let starvationTicks: Int64
        /// Whether what starves comes before events, this time.
        let isForStarved: Bool
    }

    /// Chooses from what differs and what happened; what is left out goes on waiting.
    mutating func choose(
        _ changes: [SceneChange], events happened: [JSON], of scene: Scene, by rules: Rules
    ) -> Choice {
        let budget = rules.budget
        let news = events + happened
        guard let limit = budget.limit else {
            self = ObservationQueue()
            return Choice(changes: changes, events: news)
        }
        let waits = waits(of: changes)
        var remaining = limit - budget.cost(rules.frame)
        var takesChange = [Bool](repeating: false, count: changes.count)
        var takesEvent = [Bool](repeating: false, count: news.count)
        if let own = changes.firstIndex(where: { $0.id == scene.viewer }) {
            takesChange[own] = true
            remaining -= budget.cost(Self.bytes(of: changes[own]))
        }
        var isFirst = true
        for candidate in Self.order(waits, takesChange, news.count, rules) {
            // After the first, nothing fits any more once there is no room at all.
            guard isFirst || remaining > 0 else { break }
            let piece =
                candidate.isEvent
                ? news[candidate.place].bytes() + [UInt8(ascii: ",")] : Self.bytes(of: changes[candidate.place])
            let cost = budget.cost(piece)
            guard isFirst || cost <= remaining else { continue }
            isFirst = false
            remaining -= cost
            if candidate.isEvent { takesEvent[candidate.place] = true } else { takesChange[candidate.place] = true }
        }
        entities = changes.indices.filter { !takesChange[$0] }
            .map { Waiting(id: changes[$0].id, observations: waits[$0] &+ 1) }
        let late = events.count
        events = news.indices.filter { !takesEvent[$0] }
            .map { $0 < late ? news[$0] : Self.late(news[$0], scene.tick) }
        return Choice(
            changes: changes.indices.filter { takesChange[$0] }.map { changes[$0] },
            events: news.indices.filter { takesEvent[$0] }.map { news[$0] },
            omitted: entities.count + events.count)
    }

    /// Drops the oldest events beyond a limit; says how many.
    mutating func limitEvents(to limit: Int) -> Int64 {
        let tooMany = max(0, events.count - limit)
        events.removeFirst(tooMany)
        return Int64(tooMany)
    }

    /// How long each change has waited.
    private func waits(of changes: [SceneChange]) -> [Int64] {
        var waits: [Int64] = []
        mergeSorted(changes, by: \.id.rawValue, entities, by: \.id.rawValue) { change, waiting in
            if change != nil { waits.append(waiting?.observations ?? 0) }
        }
        return waits
    }

    /// Entities that starve before or after events, then the other entities. Entities the longest waiting first, events
    /// as they happened.
    private static func order(
        _ waits: [Int64], _ isTaken: [Bool], _ eventCount: Int, _ rules: Rules
    ) -> [Candidate] {
        var candidates = (0..<eventCount).map { Candidate(isEvent: true, place: $0, waited: 0, rank: 1) }
        for place in waits.indices where !isTaken[place] {
            let rank = waits[place] >= rules.starvationTicks && rules.isForStarved ? 0 : 2
            candidates.append(Candidate(isEvent: false, place: place, waited: waits[place], rank: rank))
        }
        // The sort of the standard library is stable.
        return candidates.sorted { $0.rank != $1.rank ? $0.rank < $1.rank : $0.waited > $1.waited }
    }

    /// An event that was left out: from now on it says when it happened.
    private static func late(_ event: JSON, _ tick: Int64) -> JSON {
        guard var object = event.objectValue, object["tick"] == nil else { return event }
        object["tick"] = .integer(tick)
        return .object(object)
    }

    /// The JSON that a change adds to an observation.
    private static func bytes(of change: SceneChange) -> [UInt8] {
        let name = JSON.string(change.id.rawValue).bytes() + [UInt8(ascii: ",")]
        switch change.kind {
        case .left: return name
        case .changed: return name + JSON.object(change.fields).bytes() + [UInt8(ascii: ":")]
        case .entered: return name + name + JSON.object(change.fields).bytes() + [UInt8(ascii: ":")]
        }
    }
}
