import MeshCore

/// One change of a world that a viewer should not notice.
struct HiddenChange {
    /// The world with the change.
    var world: World
    /// As text for people.
    let description: String
    private let sight: Sight
    /// Whose sight must be as it was: out of it, or, for a hidden attribute, in it.
    private let subjects: [EntityID]

    /// Draws a change; nil when the draw is not possible in this world.
    init?(in world: World, _ sight: Sight, _ random: inout RandomStream) {
        var world = world
        let hidden = world.entities().filter { !sight.contains($0) }
        let one = Self.pick(hidden, &random)
        var subjects = one.map { [$0] } ?? []
        let description: String?
        do {
            switch random.below(8) {
            case 0: description = try Self.setAttribute(&world, one, &random) { _ in true }
            case 1:
                let seen = Self.pick(sight.entities, &random)
                subjects = seen.map { [$0] } ?? []
                description = try Self.setAttribute(&world, seen, &random) {
                    $0.audience == .nobody || ($0.audience == .owner && seen != sight.viewer)
                }
            case 2:
                description = try Self.pick(world.schema.types, &random).map { type in
                    let id = try world.spawn(type.name)
                    subjects = [id]
                    return "spawning \(id)"
                }
            case 3:
                description = try one.map {
                    try world.remove($0)
                    return "removing \($0)"
                }
            case 4: description = try Self.changeZone(&world, one, &random)
            case 5: description = try Self.changePlace(&world, one, &random)
            case 6:
                let other = Self.pick(hidden, &random)
                subjects += other.map { [$0] } ?? []
                description = try Self.changeLink(&world, one, other, &random)
            default:
                subjects = []
                description = Self.addEvent(&world, hidden, sight, &random)
            }
        } catch { return nil }
        guard let description else { return nil }
        self.world = world
        self.description = description
        self.sight = sight
        self.subjects = subjects
    }

    /// Whether it is hidden: whom it is about is as much in sight as before.
    func isHidden(by visibility: Visibility) -> Bool {
        subjects.allSatisfy { id in
            sight.contains(id) == (world.contains(id) && visibility.sees(sight.viewer, id, in: world))
        }
    }

    private static func pick<Element>(_ elements: [Element], _ random: inout RandomStream) -> Element? {
        elements.isEmpty ? nil : elements[random.below(elements.count)]
    }

    private static func setAttribute(
        _ world: inout World, _ id: EntityID?, _ random: inout RandomStream,
        where isAllowed: (AttributeDeclaration) -> Bool
    ) throws(WorldError) -> String? {
        guard let id, let type = world.type(of: id).flatMap(world.schema.type),
            let attribute = pick(type.attributes.filter(isAllowed), &random)
        else { return nil }
        if random.below(8) == 0 {
            try world.clear(id, attribute.name)
            return "clearing \(attribute.name) of \(id)"
        }
        let value = attribute.randomValue(in: world, &random)
        try world.set(id, attribute.name, value)
        return "\(attribute.name) of \(id) = \(value.json.text)"
    }

    private static func changeZone(
        _ world: inout World, _ id: EntityID?, _ random: inout RandomStream
    ) throws(WorldError) -> String? {
        guard let id, let zone = pick(world.schema.zones.names, &random) else { return nil }
        if random.below(4) == 0 {
            try world.leaveZone(id)
            return "\(id) leaving its zone"
        }
        try world.put(id, in: zone)
        return "\(id) moving to \(zone)"
    }

    private static func changePlace(
        _ world: inout World, _ id: EntityID?, _ random: inout RandomStream
    ) throws(WorldError) -> String? {
        guard let id, let point = randomPoint(in: world, &random) else { return nil }
        if random.below(4) == 0 {
            try world.leaveSpace(id)
            return "\(id) leaving the space"
        }
        try world.place(id, at: point)
        return "\(id) moving to (\(point.x), \(point.y))"
    }

    private static func changeLink(
        _ world: inout World, _ one: EntityID?, _ other: EntityID?, _ random: inout RandomStream
    ) throws(WorldError) -> String? {
        guard let one, let other, let network = pick(world.schema.networks, &random)?.name else { return nil }
        if world.weight(one, other, in: network) != nil, random.below(2) == 0 {
            try world.unlink(one, other, in: network)
            return "unlinking \(one) from \(other)"
        }
        try world.link(one, other, in: network, weight: random.unit())
        return "linking \(one) with \(other)"
    }

    /// Puts an event that the viewer does not see among the others; nil when it would see it.
    private static func addEvent(
        _ world: inout World, _ hidden: [EntityID], _ sight: Sight, _ random: inout RandomStream
    ) -> String? {
        var event = WorldEvent("hidden-\(random.below(1000))", data: ["n": .integer(Int64(random.below(1000)))])
        if random.below(2) == 0 { event.subject = pick(hidden, &random) }
        if random.below(2) == 0 { event.zone = pick(world.schema.zones.names, &random) }
        if random.below(2) == 0 { event.point = randomPoint(in: world, &random) }
        if random.below(4) == 0 { event.to = pick(hidden, &random).map { [$0] } }
        guard !sight.sees(event), world.events.count < WorldEvent.maximumEvents else { return nil }
        world.events.insert(event, at: random.below(world.events.count + 1))
        return "the event \(event.name)"
    }

    private static func randomPoint(in world: World, _ random: inout RandomStream) -> Point? {
        guard let cells = world.cells else { return nil }
        return cells.isGrid
            ? Point(x: Double(random.below(cells.columns)), y: Double(random.below(cells.rows)))
            : Point(x: random.unit() * cells.width, y: random.unit() * cells.height)
    }
}

extension AttributeDeclaration {
    /// A value that keeps the rules, or nearly always does.
    fileprivate func randomValue(in world: World, _ random: inout RandomStream) -> AttributeValue {
        if let choices, !choices.isEmpty { return choices[random.below(choices.count)] }
        switch kind {
        case .flag: return .flag(random.below(2) == 0)
        case .text: return .text(String("abcdefgh".dropFirst(random.below(8)).prefix(maxLength ?? 8)))
        case .reference:
            let all = world.entities()
            return .reference(all.isEmpty ? "nobody" : all[random.below(all.count)])
        case .integer:
            let (least, most) = (minimum.flatMap { Int64($0) }, maximum.flatMap { Int64($0) })
            let low = least ?? most?.adding(-1000) ?? -1000
            return .integer(min(most ?? .max, low.adding(Int64(random.below(2001)))))
        case .real:
            let (least, most) = (minimum.flatMap { Double($0) }, maximum.flatMap { Double($0) })
            let low = least ?? most.map { $0 - 1000 } ?? -1000
            let high = most ?? low + 2000
            let value = low + random.unit() * (high - low)
            return .real(value.isFinite ? min(max(value, low), high) : low)
        }
    }
}

extension Int64 {
    /// The sum, or the greatest or least number there is.
    fileprivate func adding(_ other: Int64) -> Int64 {
        let (sum, isTooMuch) = addingReportingOverflow(other)
        return isTooMuch ? (other > 0 ? .max : .min) : sum
    }
}
