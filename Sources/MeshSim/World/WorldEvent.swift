public import MeshCore

/// Something that happened in a tick.
public struct WorldEvent: Sendable, Hashable, Codable {
    /// What, for example `sold`.
    public var name: String
    /// Whom it is about; it may be gone.
    public var subject: EntityID?
    /// In which zone.
    public var zone: String?
    /// At which point.
    public var point: Point?
    /// Who alone sees it; nil: whoever sees the place.
    public var to: [EntityID]?
    /// More about it.
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

    /// How many there may be in a tick.
    public static let maximumEvents = 100_000
    /// How many may be named who alone see it.
    public static let maximumReceivers = 10_000
    /// How large the data may be: about as many bytes of JSON.
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

    /// Counts down what a value takes, so that a large one costs no more than the limit.
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
    /// Says that something happened. Fails with `invalidName`, `outOfRange`, `unknownZone`, or `limit`.
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

    /// Begins a tick: forgets what happened in the last one.
    public mutating func beginTick() {
        journal?.add(.tick)
        events.removeAll(keepingCapacity: true)
    }
}
