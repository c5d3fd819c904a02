public import MeshCore

/// The rules of a simulation with seats: the schema, the actions, the visibility, and what happens by itself.
///
/// A scenario is a type without state: all state is in the world. `ScenarioModel` runs it:
/// the next world follows from this one, the seal and the seed alone.
public protocol Scenario: Sendable {
    /// The parameters of a run.
    associatedtype Parameters: Codable & Sendable

    /// Its name: printable ASCII without spaces.
    static var name: String { get }
    /// Raised whenever the same parameters, seed and seals give a different run.
    static var rulesVersion: Int { get }
    /// Returns the schema of its world. Fails when the parameters are invalid.
    static func schema(_ parameters: Parameters) throws -> WorldSchema
    /// Fills the world of tick 0.
    static func begin(_ turn: inout Turn<Self>) throws

    /// The available actions.
    static var actions: [Action<Self>] { get }
    /// The order of actions of the same phase and priority.
    static var order: ActionOrder { get }
    /// Returns the names of the actions a seat may perform now; all by default.
    static func available(to seat: Body, _ turn: borrowing Turn<Self>) -> [String]
    /// Spawns the body of a seat that is taken. When it fails, the seat has no body.
    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID
    /// Called when a seat was given up; removes the body by default.
    static func leave(_ body: Body, _ turn: inout Turn<Self>) throws
    /// Advances the world in a tick, after the actions.
    static func step(_ turn: inout Turn<Self>) throws

    /// The next tick in which something happens by itself, for event-to-event pacing; nil: unknown.
    static func nextEvent(_ turn: borrowing Turn<Self>) -> Int64?

    /// Returns what a role sees.
    static func visibility(role: String?, _ parameters: Parameters) -> Visibility
    /// Returns the metrics, in a fixed order.
    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)]
    /// Returns the values published at the end of a tick, for other domains and dashboards. By key, at most
    /// 1,000.
    static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)]
    /// The data to collect from the world after each tick, when requested; nil: none. Fails when it cannot be
    /// declared.
    static func data(_ parameters: Parameters) throws -> DataCollector?
}

extension Scenario {
    public static var order: ActionOrder { .sealed }
    public static func available(to seat: Body, _ turn: borrowing Turn<Self>) -> [String] { actions.map(\.schema.name) }
    public static func leave(_ body: Body, _ turn: inout Turn<Self>) throws {
        if turn.world.contains(body.entity) { try turn.world.remove(body.entity) }
    }
    public static func step(_ turn: inout Turn<Self>) throws {}
    public static func nextEvent(_ turn: borrowing Turn<Self>) -> Int64? { nil }
    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility { .everything }
    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] { [] }
    public static func data(_ parameters: Parameters) throws -> DataCollector? { nil }

    /// The catalogue of the available actions.
    public static func catalog() throws(SimError) -> ActionCatalog { try ActionCatalog(actions.map(\.schema)) }
}

/// The order of actions of the same phase and priority.
public enum ActionOrder: String, Codable, Sendable, Hashable, CaseIterable {
    /// As in the seal: by seat.
    case sealed
    /// In a random order from the run's seed, different each tick: no seat is favoured by its name.
    case shuffled
}

/// A seat's state in the world.
public struct Body: Codable, Sendable, Hashable {
    /// The seat.
    public var seat: String
    /// Its role.
    public var role: String?
    /// The kind of mind that holds it.
    public var mind: String?
    /// Its holder's generation.
    public var generation: Int64
    /// The entity that it controls.
    public var entity: EntityID
}

extension Body: Named {
    var name: String { seat }
}

/// One action as the rules see it: its actor and arguments.
public struct ActionCall: Sendable {
    /// The body that acts; nil for a command from a member without a seat.
    public let body: Body?
    /// The actor: the seat, or for a command the key of its sender, in hex.
    public let actor: String
    /// Its arguments, normalised.
    public let arguments: JSON

    /// Returns an integer argument; 0 when absent.
    public func integer(_ name: String) -> Int64 { arguments[name]?.integerValue ?? 0 }
    /// Returns a number argument; 0 when absent.
    public func number(_ name: String) -> Double { arguments[name]?.doubleValue ?? 0 }
    /// Returns a text argument; empty when absent.
    public func text(_ name: String) -> String { arguments[name]?.stringValue ?? "" }
    /// Returns a Boolean argument.
    public func flag(_ name: String) -> Bool { arguments[name]?.boolValue ?? false }
    /// Returns an argument that names an entity; the empty name when absent.
    public func entity(_ name: String) -> EntityID { EntityID(text(name)) }

    /// The entity that acts. Fails for a command from a member without a seat.
    public var entity: EntityID {
        get throws(Refusal) {
            guard let body else { throw Refusal("only a seat can do this; \(actor) commands from outside") }
            return body.entity
        }
    }
}

/// Why the world refuses an action. It is sent to the actor.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what is valid.
    public var description: String
    /// Makes a refusal.
    public init(_ description: String) { self.description = description }
}

/// A claim to a limited resource in a tick: the last item of a shelf, a place at a table.
public struct Claim: Sendable, Hashable {
    /// What is claimed.
    public var key: String
    /// How many claims can be granted.
    public var capacity: Int
    /// Makes a claim.
    public init(_ key: String, capacity: Int = 1) {
        self.key = key
        self.capacity = capacity
    }
}

/// An action: its declaration, when it is refused, and its effect.
///
/// `check` only reads, and may refuse; `apply` changes, and returns the effects for the actor. An error in `apply` also
/// refuses, but its earlier changes stay: check first.
public struct Action<Rules: Scenario>: Sendable {
    /// Its name, phase, priority and arguments.
    public let schema: ActionSchema
    let check: @Sendable (ActionCall, borrowing Turn<Rules>) throws -> Void
    let claim: (@Sendable (ActionCall, borrowing Turn<Rules>) -> Claim?)?
    let apply: @Sendable (ActionCall, inout Turn<Rules>) throws -> JSON

    /// Makes an action.
    ///
    /// - Parameters:
    ///   - claim: with it, all of the tick's calls are checked against the same world first, and of those that claim the same
    ///     thing a random choice from the run's seed gets it, as many as its capacity allows. Without it each call is checked
    ///     after the one before has been done.
    public init(
        _ schema: ActionSchema,
        check: @escaping @Sendable (ActionCall, borrowing Turn<Rules>) throws -> Void = { _, _ in },
        claim: (@Sendable (ActionCall, borrowing Turn<Rules>) -> Claim?)? = nil,
        apply: @escaping @Sendable (ActionCall, inout Turn<Rules>) throws -> JSON
    ) {
        self.schema = schema
        self.check = check
        self.claim = claim
        self.apply = apply
    }
}

/// The world during a tick, and what the rules may use.
public struct Turn<Rules: Scenario>: Sendable {
    /// The world, which the rules change.
    public var world: World
    /// The current tick; 0 at the beginning.
    public let tick: Int64
    /// The parameters of the run.
    public let parameters: Rules.Parameters
    /// The bodies in the world, by seat.
    public internal(set) var bodies: [Body]
    /// The sealed values of other domains.
    public let imports: [SealedImport]
    let seed: UInt64

    /// Returns the random stream for a purpose in this tick. Drawing from one does not affect any other.
    public func random(_ purpose: String, for entity: EntityID? = nil) -> RandomStream {
        RandomStream(
            seed: seed, names: [Rules.name, purpose], entity: entity?.rawValue ?? "", tick: UInt64(max(0, tick)))
    }

    /// Returns a sealed value of another domain; nil when there is none.
    public func imported(_ domain: String, _ key: String) -> JSON? {
        imports.last { $0.domain == domain }?.values[key]
    }

    /// Returns the body of a seat.
    public func body(of seat: String) -> Body? { bodies.index(of: seat).map { bodies[$0] } }
}
