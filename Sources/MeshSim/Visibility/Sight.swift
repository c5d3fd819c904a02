/// What a visibility comes to for one viewer at one moment.
struct Sight: Sendable {
    /// Where events are seen, whomever they are about.
    enum Places: Sendable {
        case everywhere
        case nowhere
        case zones(Set<String>)
        case circle(Circle)
        /// Where all parts see.
        case all([Places])
        /// Where one of the parts sees.
        case any([Places])

        func contains(_ event: WorldEvent, in world: World) -> Bool {
            switch self {
            case .everywhere: true
            case .nowhere: false
            case .zones(let zones): event.zone.map(zones.contains) ?? false
            case .circle(let circle): event.point.map { circle.contains($0, in: world) } ?? false
            case .all(let parts): parts.allSatisfy { $0.contains(event, in: world) }
            case .any(let parts): parts.contains { $0.contains(event, in: world) }
            }
        }
    }
    let world: World
    let viewer: EntityID
    /// By bytes; the viewer, if it lives, among them.
    let entities: [EntityID]
    let places: Places

    func contains(_ id: EntityID) -> Bool {
        var (low, high) = (0, entities.count)
        while low < high {
            let middle = (low + high) / 2
            if entities[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < entities.count && entities[low] == id
    }

    func sees(_ event: WorldEvent) -> Bool {
        if let receivers = event.to { return receivers.contains(viewer) }
        return event.subject.map(contains) ?? false || places.contains(event, in: world)
    }
}

extension Visibility {
    /// Looks. `candidates`, by bytes, are all that matters of what a custom function is asked about; nil: all.
    func sight(of viewer: EntityID, in world: World, among candidates: [EntityID]? = nil) -> Sight {
        let itself = world.contains(viewer) ? [viewer] : []
        func made(_ entities: [EntityID], _ places: Sight.Places) -> Sight {
            Sight(world: world, viewer: viewer, entities: Self.union(entities, itself), places: places)
        }
        switch rule {
        case .everything: return made(candidates ?? world.entities(), .everywhere)
        case .zone(let depth):
            guard let here = world.zone(of: viewer) else { return made([], .nowhere) }
            let zones = world.schema.zones.zones(within: depth, of: here)
            let occupants = zones.flatMap { world.occupants(of: $0) }
            return made(zones.count == 1 ? occupants : occupants.sorted(), .zones(Set(zones)))
        case .radius(let radius, let obstructions):
            guard let here = world.position(of: viewer) else { return made([], .nowhere) }
            let circle = Circle(centre: here, radius: radius, obstructions: obstructions)
            let near = world.entities(near: here, radius: radius)
            return made(near.filter { circle.isInSight(of: $0, in: world) }, .circle(circle))
        case .custom(let sees):
            guard !itself.isEmpty else { return made([], .nowhere) }
            let seen = (candidates ?? world.entities()).filter { $0 != viewer && sees(world, viewer, $0) }
            return made(seen, .nowhere)
        case .all(let parts):
            // Functions come last, so that they are asked about few.
            var seen = candidates
            var sights: [Sight] = []
            for part in parts.filter({ !$0.isCustom }) + parts.filter(\.isCustom) {
                let sight = part.sight(of: viewer, in: world, among: seen)
                seen = seen.map { Self.intersection($0, sight.entities) } ?? sight.entities
                sights.append(sight)
            }
            return made(seen ?? world.entities(), .all(sights.map(\.places)))
        case .any(let parts):
            let sights = parts.map { $0.sight(of: viewer, in: world, among: candidates) }
            return made(sights.reduce([]) { Self.union($0, $1.entities) }, .any(sights.map(\.places)))
        }
    }

    private var isCustom: Bool { if case .custom = rule { true } else { false } }

    private static func union(_ one: [EntityID], _ other: [EntityID]) -> [EntityID] {
        if other.isEmpty { return one }
        if one.isEmpty { return other }
        var result: [EntityID] = []
        result.reserveCapacity(one.count + other.count)
        mergeSorted(one, by: \.rawValue, other, by: \.rawValue) { left, right in
            if let id = left ?? right { result.append(id) }
        }
        return result
    }

    private static func intersection(_ one: [EntityID], _ other: [EntityID]) -> [EntityID] {
        var result: [EntityID] = []
        mergeSorted(one, by: \.rawValue, other, by: \.rawValue) { left, right in
            if let left, right != nil { result.append(left) }
        }
        return result
    }
}

extension Circle {
    fileprivate func isInSight(of id: EntityID, in world: World) -> Bool {
        if obstructions.all.isEmpty { return true }
        return world.position(of: id).map { isInSight($0, in: world) } ?? false
    }
}
