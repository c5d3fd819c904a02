import MeshCore

/// Why an observation cannot be taken.
public struct ObservationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of error.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// It is made against an observation that is not here.
        case baseMissing
        /// It contradicts itself or its base.
        case malformed
        /// With it there would be more entities than the view takes.
        case tooMany
    }
    /// The kind.
    public var code: Code
    /// What is wrong and what to do, for people.
    public var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// The receiver's side: puts a seat's scene together from the observations that arrive, in whatever order.
///
/// An observation that was taken is acknowledged with its `sequence`; one that was not is not. After an error the view
/// is as it was, and the seat asks for a full observation.
public struct ObservationView: Sendable {
    /// The outcome of an observation.
    public enum Outcome: Sendable, Hashable {
        /// It is the scene now.
        case applied
        /// It is not newer than the one that is the scene: it came twice or was overtaken. Nothing changed.
        case stale
    }

    /// The scene as of the last observation that was taken; nil before the first.
    public private(set) var scene: Scene?
    /// The number of that observation: what is to be acknowledged.
    public private(set) var sequence: Int64?
    /// How many entities and events that observation left out.
    public private(set) var omitted: Int64 = 0
    /// The scenes of the last observations that were taken, by number.
    private var known: [(sequence: Int64, entities: [Scene.Seen], actions: [String])] = []
    private let keep: Int
    private let maximumEntities: Int

    /// An empty view that remembers as many observations as the encoder (at least 1), and takes no more entities than
    /// given.
    public init(keep: Int = 16, maximumEntities: Int = 100_000) {
        self.keep = max(1, keep)
        self.maximumEntities = maximumEntities
    }

    /// Takes an observation. Fails when its base is not here or it contradicts itself; then nothing has changed, and a
    /// full one is needed.
    public mutating func apply(_ observation: Observation) throws(ObservationError) -> Outcome {
        if let sequence, observation.sequence <= sequence { return .stale }
        var (entities, actions) = try base(of: observation)
        if observation.kind != .unchanged {
            entities = SceneChange.apply(try changes(observation, to: entities), to: entities)
            guard entities.count <= maximumEntities else {
                throw ObservationError(
                    .tooMany,
                    "observation \(observation.sequence) makes it \(entities.count) entities; "
                        + "this view takes \(maximumEntities)")
            }
            actions = observation.actions ?? actions
        }
        known.append((observation.sequence, entities, actions))
        if known.count > keep { known.removeFirst(known.count - keep) }
        sequence = observation.sequence
        omitted = observation.omitted
        scene = Scene(
            viewer: observation.viewer, tick: observation.tick, entities: entities, events: observation.events,
            actions: actions)
        return .applied
    }

    /// Resets the view, for a sender that starts again.
    public mutating func reset() { self = ObservationView(keep: keep, maximumEntities: maximumEntities) }

    private func base(of observation: Observation) throws(ObservationError) -> ([Scene.Seen], [String]) {
        if observation.kind == .full {
            guard observation.base == nil, observation.actions != nil else {
                throw malformed(observation, "it is full, so it has actions and no base")
            }
            return ([], [])
        }
        guard let base = observation.base else { throw malformed(observation, "a \(observation.kind) needs a base") }
        guard let found = known.first(where: { $0.sequence == base }) else {
            throw ObservationError(
                .baseMissing,
                "observation \(observation.sequence) is made against \(base), which is not here: ask for a full one")
        }
        return (found.entities, found.actions)
    }

    /// What an observation changes, by the bytes of the names.
    private func changes(
        _ observation: Observation, to entities: [Scene.Seen]
    ) throws(ObservationError) -> [SceneChange] {
        let known = Set(entities.map(\.id))
        let entered = Set(observation.entered)
        let told = Set(observation.entities.map(\.id))
        var changes: [SceneChange] = []
        for part in observation.entities {
            let isWhole = observation.kind == .full || entered.contains(part.id)
            guard isWhole || known.contains(part.id) else {
                throw malformed(observation, "\(part.id) is neither in its base nor has it entered")
            }
            changes.append(SceneChange(id: part.id, kind: isWhole ? .entered : .changed, fields: part.fields))
        }
        for id in observation.entered where !told.contains(id) {
            throw malformed(observation, "\(id) has entered, but there is nothing about it in entities")
        }
        for id in observation.left {
            guard known.contains(id), !told.contains(id) else {
                throw malformed(observation, "\(id) cannot have left: it is not in its base, or is in entities")
            }
            changes.append(SceneChange(id: id, kind: .left, fields: [:]))
        }
        guard told.count == observation.entities.count, entered.count == observation.entered.count,
            Set(observation.left).count == observation.left.count
        else { throw malformed(observation, "a name comes twice in one of its lists") }
        return changes.sorted { $0.id.rawValue.precedesInBytes($1.id.rawValue) }
    }

    private func malformed(_ observation: Observation, _ what: String) -> ObservationError {
        ObservationError(.malformed, "observation \(observation.sequence) is malformed: \(what); ask for a full one")
    }
}
