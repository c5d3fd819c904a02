/// One change of a world, with the previous value.
public enum WorldChange: Sendable, Hashable {
    /// An entity was spawned; `nextNumber` is the type's next number if the name was generated.
    case spawn(EntityID, type: String, values: [AttributeValue?], nextNumber: Int64?)
    /// An entity was removed, with all its links; `values` are the ones it had.
    case remove(EntityID, type: String, values: [AttributeValue?])
    /// An attribute was changed.
    case set(EntityID, String, old: AttributeValue?, new: AttributeValue?)
    /// An entity moved between zones; nil: none.
    case zone(EntityID, old: String?, new: String?)
    /// An entity moved between points; nil: not placed.
    case position(EntityID, old: Point?, new: Point?)
    /// A link was added, changed or removed: network, from, to.
    case link(String, EntityID, EntityID, old: Double?, new: Double?)
    /// An event was added.
    case event(WorldEvent)
    /// A tick began.
    case tick
}

/// The changes of a world since recording began, in order: a snapshot and the journals after it restore the world
/// at every tick in between.
public struct WorldJournal: Sendable, Hashable, Codable {
    /// The changes.
    public private(set) var changes: [WorldChange] = []
    /// Whether there were more changes than the limit. The journal cannot be applied then: a snapshot is needed.
    public private(set) var isIncomplete = false
    /// The number of changes.
    public let limit: Int

    /// Makes an empty journal.
    public init(limit: Int = 1_000_000) { self.limit = max(0, limit) }

    mutating func add(_ change: WorldChange) {
        guard changes.count < limit else {
            isIncomplete = true
            return
        }
        changes.append(change)
    }
}

extension World {
    /// Starts to record changes, at most `limit` of them. Without this call nothing is recorded, at no cost.
    public mutating func beginJournal(limit: Int = 1_000_000) { journal = WorldJournal(limit: limit) }

    /// Whether changes are recorded.
    public var isJournaling: Bool { journal != nil }

    /// Returns the changes since `beginJournal` or the last call, and continues; nil when not recording.
    public mutating func takeJournal() -> WorldJournal? {
        guard let taken = journal else { return nil }
        journal = WorldJournal(limit: taken.limit)
        return taken
    }

    /// Stops recording; returns the changes since the last call.
    @discardableResult
    public mutating func endJournal() -> WorldJournal? {
        defer { journal = nil }
        return journal
    }

    /// Applies the changes of a journal. Fails with `invalidJournal` when it is incomplete, or when a change does not
    /// fit: the journal is of another world or time. The changes before that one stay applied.
    public mutating func apply(_ journal: WorldJournal) throws(WorldError) {
        guard !journal.isIncomplete else {
            throw WorldError(
                .invalidJournal, "the journal lacks changes beyond \(journal.limit): go on from a later snapshot")
        }
        for (place, change) in journal.changes.enumerated() {
            do throws(WorldError) {
                try apply(change)
            } catch {
                throw WorldError(.invalidJournal, "change \(place + 1) of the journal does not fit: \(error)")
            }
        }
    }

    private mutating func apply(_ change: WorldChange) throws(WorldError) {
        switch change {
        case .spawn(let id, let type, let values, let nextNumber): try spawn(id, type, values, nextNumber)
        case .remove(let id, let type, _):
            try Self.expect(self.type(of: id), type, id)
            try remove(id)
        case .set(let id, let name, let old, let new):
            try Self.expect(value(id, name), old, id)
            if let new { try set(id, name, new) } else { try clear(id, name) }
        case .zone(let id, let old, let new):
            try Self.expect(zone(of: id), old, id)
            if let new { try put(id, in: new) } else { try leaveZone(id) }
        case .position(let id, let old, let new):
            try Self.expect(position(of: id), old, id)
            if let new { try place(id, at: new) } else { try leaveSpace(id) }
        case .link(let network, let from, let to, let old, let new):
            try Self.expect(weight(from, to, in: network), old, from)
            if let new { try link(from, to, in: network, weight: new) } else { try unlink(from, to, in: network) }
        case .event(let event): try emit(event)
        case .tick: beginTick()
        }
    }

    private mutating func spawn(
        _ id: EntityID, _ type: String, _ values: [AttributeValue?], _ nextNumber: Int64?
    ) throws(WorldError) {
        guard let place = schema.place(ofType: type) else {
            throw WorldError(.unknownType, "there is no type \(WorldError.short(type))")
        }
        let attributes = schema.types[place].attributes
        guard values.count == attributes.count, nextNumber ?? 1 >= 1 else {
            throw WorldError(.unknownAttribute, "the attributes of \(type) are not those of the schema")
        }
        for (value, attribute) in zip(values, attributes) { if let value { try attribute.check(value) } }
        try insert(id, place, values.map { $0?.normalised }, nextNumber: nextNumber)
    }

    private static func expect<Value: Equatable>(_ found: Value?, _ old: Value?, _ id: EntityID) throws(WorldError) {
        guard found == old else {
            func text(_ value: Value?) -> String { value.map { WorldError.short("\($0)") } ?? "nothing" }
            throw WorldError(
                .invalidJournal, "of \(WorldError.short(id.rawValue)) it expects \(text(old)), not \(text(found))")
        }
    }
}
