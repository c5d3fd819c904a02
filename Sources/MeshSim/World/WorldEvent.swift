public import MeshCore

/// An event in a tick.
public struct WorldEvent: Sendable, Hashable, Codable {
    /// Its kind, for example `sold`.
    public var name: String
    /// The entity concerned, which may no longer exist.
    public var subject: EntityID?
    /// The zone.
    public var zone: String?
    /// The point.
    public var point: Point?
    /// The only entities that see it; nil: all that see the place.
    public var to: [EntityID]?
    /// More data.
    public var data: JSON

    /// Makes an event.
    public init(
        _ name: String, subject: EntityID? = nil, zone: String? = nil, point: Point? = nil, to: [EntityID]? = nil,
        data: JSON = [:]
    ) {
        self.name = name
        self.subject = subject
        self.zone = zone
        self.point = point
        self.to = to
        self.data = data
    }

    /// The maximum number of events in a tick.
    public static let maximumEvents = 100_000
    /// The maximum number of entities in the audience.
    public static let maximumReceivers = 10_000
    /// The maximum size of the data, roughly in bytes of JSON.
    public static let maximumData = 65_536

    /// Checks what can be checked without a world.
    func check() throws(WorldError) {
        try WorldError.checkName(name, of: "an event", code: .invalidName)
        guard point?.isFinite ?? true else { throw WorldError(.outOfRange, "the point of \(name) is not finite") }
        guard to?.count ?? 0 <= Self.maximumReceivers else {
            throw WorldError(.limit, "\(name) names more than \(Self.maximumReceivers) receivers: leave `to` out")
        }
        var left = Self.maximumData
        guard Self.fits(data, &left, depth: 32) else {
            throw WorldError(.limit, "the data of \(name) has more than \(Self.maximumData) bytes, or 32 levels")
        }
    }

    /// Subtracts the size of a value and stops at the limit, so that a large one costs no more.
    private static func fits(_ json: JSON, _ left: inout Int, depth: Int) -> Bool {
        guard depth > 0 else { return false }
        left -= 4
        switch json {
        case .string(let text): left -= text.utf8.count
        case .array(let elements):
            for element in elements where !fits(element, &left, depth: depth - 1) { return false }
        case .object(let members):
            for (key, value) in members {
                left -= key.utf8.count
                guard fits(value, &left, depth: depth - 1) else { return false }
            }
        case .double(let value): return value.isFinite && left >= 0
        case .null, .bool, .integer: break
        }
        return left >= 0
    }
}

extension World {
    /// Adds an event. Fails with `invalidName`, `outOfRange`, `unknownZone`, or `limit`.
    public mutating func emit(_ event: WorldEvent) throws(WorldError) {
        try event.check()
        if let zone = event.zone, schema.zones.place(of: zone) == nil {
            throw WorldError.unknownZone(zone, schema.zones)
        }
        guard events.count < WorldEvent.maximumEvents else {
            throw WorldError(.limit, "there were \(WorldEvent.maximumEvents) events in this tick already")
        }
        journal?.add(.event(event))
        events.append(event)
    }

    /// Begins a tick: clears the events of the last one.
    public mutating func beginTick() {
        journal?.add(.tick)
        events.removeAll(keepingCapacity: true)
    }
}
