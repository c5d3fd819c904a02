public import MeshCore

/// The settings of a controller.
public struct ControllerSettings: Sendable {
    /// The pace.
    public var pacing: Pacing = .barrier
    /// What happens when real time cannot be kept.
    public var overrun: OverrunPolicy = .bestEffort
    /// Whether the mesh's clock starts ticks: tick n when the clock is at its n-th since the controller began.
    public var followsClock = false
    /// The number of ticks; nil: until stopped.
    public var ticks: Int64?
    /// How many seats must be taken by peers before the first tick begins.
    public var minimumSeats = 0
    /// The interval of checkpoints in ticks; 0: only the first.
    public var checkpointEvery: Int64 = 0
    /// The available roles, for error messages.
    public var roles: [String] = []
    /// Returns the seat for a request; nil: none. By default everyone gets one, with a late policy for the mind.
    public var admit: @Sendable (_ name: String, SimJoin) -> Seat? = { ControllerSettings.seat($0, $1) }
    /// Whether a member may command, by key. A name would not be safe: anyone can take one.
    public var mayCommand: @Sendable (_ member: PublicKey) -> Bool = { _ in false }
    /// Whether each tick is published as values of the mesh's state.
    public var publishes = false
    /// The name of this run, the same for all domains of a federation: only values of the same run are read.
    public var run = ""
    /// The maximum number of seats of one member.
    public var seatsPerMember = 64
    /// What it reads of other domains.
    public var inputs: [DomainInput] = []
    /// The seed of the agents' own random numbers.
    public var agentSeed: UInt64 = 0
    /// The number of ticks between checks for input.
    public var ticksAtOnce = 64

    /// The defaults.
    public init() {}

    /// The key of the metrics in a domain's part of the state.
    public static let metricsKey = "metrics"
    /// The key of the view for dashboards.
    public static let viewKey = "view"

    /// Makes a seat with a late policy for its kind of mind: a program's late action is carried, a model may think
    /// three ticks, a person's last action is repeated five times at most.
    public static func seat(_ name: String, _ join: SimJoin) -> Seat {
        let policy: LatePolicy =
            switch join.mind {
            case .model: .idle(ticks: 3)
            case .human: .holdLast(ticks: 5)
            default: .carry
            }
        return Seat(name, mind: join.mind, role: join.role, latePolicy: policy)
    }
}

/// The values of other domains that a controller still needs, by tick.
struct DomainInputs: Sendable {
    /// Ticks of a domain that are kept.
    static let maximumTicks = 1_024
    private let inputs: [DomainInput]
    private var known: [String: [SealedImport]] = [:]

    init(_ inputs: [DomainInput]) { self.inputs = inputs.sorted { $0.domain.precedesInBytes($1.domain) } }

    mutating func add(_ values: SealedImport) {
        guard inputs.contains(where: { $0.domain == values.domain }) else { return }
        var list = known[values.domain] ?? []
        guard !list.contains(where: { $0.tick == values.tick }) else { return }
        list.append(values)
        // A domain that does not read this one may be far ahead; what is dropped here stands in its `sealed` for a while.
        if list.count > Self.maximumTicks { list.remove(at: list.indices.max { list[$0].tick < list[$1].tick } ?? 0) }
        known[values.domain] = list
    }

    /// What a tick reads: of each domain the values of its lookahead before, as `GrantTable` has it; nil while one is not
    /// there. Before the first state there is nothing to read.
    func values(for tick: Int64) -> [SealedImport]? {
        var values: [SealedImport] = []
        for input in inputs where tick - input.lookahead >= 0 {
            let wanted = tick - input.lookahead
            guard let one = known[input.domain]?.first(where: { $0.tick == wanted }) else { return nil }
            values.append(one)
        }
        return values
    }

    /// Drops values that no later tick reads.
    mutating func forget(before tick: Int64) {
        for input in inputs { known[input.domain]?.removeAll { $0.tick < max(0, tick + 1 - input.lookahead) } }
    }
}

/// The values that a domain sealed recently, in one value of the state, so that a late reader
/// still gets exactly the tick it needs.
public struct SealedExports: Sendable {
    /// The key, in a domain's part of the state.
    public static let key = "sealed"
    /// The maximum number of ticks.
    static let maximumTicks = 16
    /// The maximum number of bytes: a value of the state has 64 KiB, including the stamp.
    static let maximumBytes = 60_000

    private var ticks: [(tick: Int64, values: JSON, bytes: Int)] = []

    /// Nothing yet.
    public init() {}

    mutating func add(tick: Int64, _ exports: [(key: String, value: JSON)]) {
        let values = JSON.object(JSONObject(exports.map { ($0.key, $0.value) }))
        ticks.append((tick, values, values.bytes().count + 40))
        while ticks.count > 1, ticks.count > Self.maximumTicks || ticks.reduce(0, { $0 + $1.bytes }) > Self.maximumBytes
        {
            ticks.removeFirst()
        }
    }

    /// The value: of which run, and the ticks.
    func json(run: String) -> JSON {
        ["run": .string(run), "ticks": .array(ticks.map { ["tick": .integer($0.tick), "values": $0.values] })]
    }

    /// Returns the run of a value; nil for another form.
    public static func run(of json: JSON) -> String? { json["run"]?.stringValue }

    /// Reads the value of a run; nothing for another run or form.
    public static func read(_ json: JSON, domain: String, run: String) -> [SealedImport] {
        guard json["run"]?.stringValue == run else { return [] }
        return (json["ticks"]?.arrayValue ?? []).compactMap { one in
            guard let tick = one["tick"]?.integerValue, let values = one["values"] else { return nil }
            return SealedImport(domain: domain, tick: tick, values: values)
        }
    }
}

/// A world as drawn by a dashboard: the number of entities in each zone, and their positions.
public enum WorldView {
    /// Entities and zones that are shown; the rest are only counted.
    static let maximumEntities = 400
    /// Their approximate size in bytes.
    static let maximumBytes = 30_000

    /// Returns the view, about 60 kB at most.
    public static func json(of world: World) -> JSON {
        var types = JSONObject()
        for type in world.schema.types { types[type.name] = .integer(Int64(world.count(of: type.name))) }
        var left = maximumBytes / 2
        let zones = world.schema.zones.names.prefix(maximumEntities).compactMap { zone -> (String, JSON)? in
            left -= zone.utf8.count + 16
            return left < 0 ? nil : (zone, .integer(Int64(world.occupantCount(of: zone))))
        }
        left = maximumBytes
        var entities: [JSON] = []
        for type in world.schema.types {
            for id in world.entities(of: type.name) where entities.count < maximumEntities {
                var one: JSONObject = ["id": .string(id.rawValue), "type": .string(type.name)]
                let zone = world.zone(of: id)
                left -= id.rawValue.utf8.count + type.name.utf8.count + (zone?.utf8.count ?? 0) + 64
                guard left >= 0 else { break }
                if let zone { one["zone"] = .string(zone) }
                if let point = world.position(of: id) {
                    one["x"] = .double(point.x)
                    one["y"] = .double(point.y)
                }
                entities.append(.object(one))
            }
        }
        return [
            "types": .object(types), "zones": .object(JSONObject(zones)), "entities": .array(entities),
            "omitted": .integer(Int64(max(0, world.count - entities.count))),
        ]
    }
}
