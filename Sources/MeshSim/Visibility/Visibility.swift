/// Which entities and events a seat sees. A viewer always sees itself.
///
/// An event that names receivers (`to`) is seen by these alone, whatever the visibility; each kind says about the
/// others. An event without receivers, subject, zone and point is seen only under `everything`: what all should hear
/// names them. A viewer that does not live sees what names it, and under `everything` all.
public struct Visibility: Sendable {
    enum Rule: Sendable {
        case everything
        case zone(depth: Int)
        case radius(Double, Obstructions)
        case custom(@Sendable (World, EntityID, EntityID) -> Bool)
        case all([Visibility])
        case any([Visibility])
    }
    /// As text for people.
    public let name: String
    let rule: Rule

    /// All entities and events.
    public static let everything = Visibility(name: "everything", rule: .everything)

    /// The entities in zones that at most `depth` moves lead to from the viewer's own; and the events about one of them
    /// or in one of these zones. A viewer in no zone sees itself; so it is with a negative depth.
    public static func zone(depth: Int = 0) -> Visibility {
        Visibility(name: "zone(\(depth))", rule: .zone(depth: depth))
    }

    /// The entities at most `radius` away and in line of sight, see `Obstructions.isClear`; and the events about one of
    /// them, or at such a point. The square of the distance is compared with the square of the radius; on a torus
    /// distance and sight go the shortest way. A viewer in no place sees itself; so it is with a radius that is
    /// negative or no number.
    public static func radius(_ radius: Double, obstructions: Obstructions = .none) -> Visibility {
        Visibility(name: "radius(\(radius))", rule: .radius(radius, obstructions))
    }

    /// The entities that a function accepts, given the world, the viewer and the other; and the events about one of
    /// them. The function depends on its arguments alone. It is asked about every entity, within `all` only about those
    /// that the other parts see.
    public static func custom(
        _ name: String, _ sees: @escaping @Sendable (World, EntityID, EntityID) -> Bool
    ) -> Visibility {
        Visibility(name: name, rule: .custom(sees))
    }

    /// The entities that all of several see, and the events about one of them or at a place where all see; of none,
    /// everything.
    public static func all(_ parts: [Visibility]) -> Visibility {
        Visibility(name: "all(\(parts.map(\.name).joined(separator: ", ")))", rule: .all(parts))
    }

    /// The entities that any of several sees, and the events about one of them or at a place where any sees; of none,
    /// the viewer itself.
    public static func any(_ parts: [Visibility]) -> Visibility {
        Visibility(name: "any(\(parts.map(\.name).joined(separator: ", ")))", rule: .any(parts))
    }

    /// The entities that a viewer sees, by bytes. Takes time for what is near in zones and space.
    public func visible(to viewer: EntityID, in world: World) -> [EntityID] {
        sight(of: viewer, in: world).entities
    }

    /// Whether a viewer sees an entity: the definition that `visible` fulfils.
    public func sees(_ viewer: EntityID, _ other: EntityID, in world: World) -> Bool {
        guard world.contains(other) else { return false }
        if case .everything = rule { return true }
        guard world.contains(viewer) else { return false }
        if viewer == other { return true }
        switch rule {
        case .everything: return true
        case .zone(let depth):
            guard let here = world.zone(of: viewer), let there = world.zone(of: other) else { return false }
            return world.schema.zones.zones(within: depth, of: here).contains(there)
        case .radius(let radius, let obstructions):
            guard let here = world.position(of: viewer), let there = world.position(of: other) else { return false }
            return Circle(centre: here, radius: radius, obstructions: obstructions).contains(there, in: world)
        case .custom(let sees): return sees(world, viewer, other)
        case .all(let parts): return parts.allSatisfy { $0.sees(viewer, other, in: world) }
        case .any(let parts): return parts.contains { $0.sees(viewer, other, in: world) }
        }
    }

    /// Whether a viewer sees an event.
    public func sees(_ viewer: EntityID, _ event: WorldEvent, in world: World) -> Bool {
        sight(of: viewer, in: world).sees(event)
    }
}

/// A round field of view.
struct Circle: Sendable {
    let centre: Point
    let radius: Double
    let obstructions: Obstructions

    /// Whether a point of the world is near enough and in sight.
    func contains(_ point: Point, in world: World) -> Bool {
        guard radius >= 0, let way = world.offset(from: centre, to: point) else { return false }
        return way.x * way.x + way.y * way.y <= radius * radius && isInSight(point, in: world)
    }

    func isInSight(_ point: Point, in world: World) -> Bool {
        guard let cells = world.cells, let there = try? cells.wrapped(point) else { return false }
        return obstructions.isClear(
            centre, there, torus: cells.isTorus ? TorusSize(width: cells.width, height: cells.height) : nil)
    }
}
