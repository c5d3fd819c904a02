public import MeshCore

/// The rules of a world in which others act: what there is, what may be done, who sees what, what happens by itself.
///
/// A scenario is a type without a state of its own: everything that lasts is in the world. `ScenarioModel` makes a run of it:
/// the next world follows from this one, the seal and the seed, and from nothing else.
public protocol Scenario: Sendable {
    /// What a run is made from.
    associatedtype Parameters: Codable & Sendable

    /// Its name: printable ASCII without spaces.
    static var name: String { get }
    /// Raised whenever the same parameters, seed and seals give another run.
    static var rulesVersion: Int { get }
    /// What a world of it consists of. Fails when the parameters make no sense.
    static func schema(_ parameters: Parameters) throws -> WorldSchema
    /// Fills the world of tick 0.
    static func begin(_ turn: inout Turn<Self>) throws

    /// What may be done.
    static var actions: [Action<Self>] { get }
    /// In which order actions of the same phase and priority are done.
    static var order: ActionOrder { get }
    /// Which of them a seat may do now, by name; all by default.
    static func available(to seat: Body, _ turn: borrowing Turn<Self>) -> [String]
    /// Makes the body of a seat that is taken. Fails when there is no place for it; the seat then has no body.
    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID
    /// A seat was given up; removes the body by default.
    static func leave(_ body: Body, _ turn: inout Turn<Self>) throws
    /// What happens by itself in a tick, after the actions.
    static func step(_ turn: inout Turn<Self>) throws

    /// The next tick in which something happens by itself, for the pace that skips to it; nil: it may be any.
    static func nextEvent(_ turn: borrowing Turn<Self>) -> Int64?

    /// What a role sees.
    static func visibility(role: String?, _ parameters: Parameters) -> Visibility
    /// What is measured, in a fixed order.
    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)]
    /// The values that others may read at the end of a tick: other domains of a federation, dashboards. By key, at most
    /// 1,000.
    static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)]
    /// What is written down of the world after each tick when data is asked for; nil: nothing. Fails when it cannot be
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

    /// What may be done, for those who are asked.
    public static func catalog() throws(SimError) -> ActionCatalog { try ActionCatalog(actions.map(\.schema)) }
}

/// In which order actions of the same phase and priority are done.
public enum ActionOrder: String, Codable, Sendable, Hashable, CaseIterable {
    /// As they stand in the seal: by seat.
    case sealed
    /// In a random order, another one each tick, from the run's seed: no seat is favoured by its name.
    case shuffled
}

/// A seat's place in the world.
public struct Body: Codable, Sendable, Hashable {
    /// The seat.
    public var seat: String
    /// Which part it plays.
    public var role: String?
    /// What kind of mind holds it.
    public var mind: String?
    /// Its holder's generation.
    public var generation: Int64
    /// The entity that it moves.
    public var entity: EntityID
}

extension Body: Named {
    var name: String { seat }
}

/// One action as the rules see it: who does it, with which arguments.
public struct ActionCall: Sendable {
    /// The body that acts; nil for a command of somebody who has no seat.
    public let body: Body?
    /// Who acts: the seat, or for a command the key of the member who gave it, in hex.
    public let actor: String
    /// Its arguments, in their normal form.
    public let arguments: JSON

    /// An argument that is a whole number; 0 when there is none.
    public func integer(_ name: String) -> Int64 { arguments[name]?.integerValue ?? 0 }
    /// An argument that is a number; 0 when there is none.
    public func number(_ name: String) -> Double { arguments[name]?.doubleValue ?? 0 }
    /// An argument that is a text; empty when there is none.
    public func text(_ name: String) -> String { arguments[name]?.stringValue ?? "" }
    /// An argument that is `true` or `false`.
    public func flag(_ name: String) -> Bool { arguments[name]?.boolValue ?? false }
    /// An argument that names an entity; the empty name when there is none.
    public func entity(_ name: String) -> EntityID { EntityID(text(name)) }

    /// The entity that acts. Fails for a command of somebody who has no seat.
    public var entity: EntityID {
        get throws(Refusal) {
            guard let body else { throw Refusal("only a seat can do this; \(actor) commands from outside") }
            return body.entity
        }
    }
}

/// Why the world does not let something be done. It is told to who asked.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what is valid.
    public var description: String
    /// Makes a refusal.
    public init(_ description: String) { self.description = description }
}

/// Something that only so many may have in a tick: the last item of a shelf, a place at a table.
public struct Claim: Sendable, Hashable {
    /// What is claimed.
    public var key: String
    /// How many can have it.
    public var capacity: Int
    /// Makes a claim.
    public init(_ key: String, capacity: Int = 1) {
        self.key = key
        self.capacity = capacity
    }
}

/// An action: what it is called and takes, when it is refused, and what it does.
///
/// `check` reads and refuses; `apply` changes, and gives what the actor is told. An error of `apply` refuses as well, but
/// what it had changed before stays: check first.
public struct Action<Rules: Scenario>: Sendable {
    /// Its name, phase, priority and arguments.
    public let schema: ActionSchema
    let check: @Sendable (ActionCall, borrowing Turn<Rules>) throws -> Void
    let claim: (@Sendable (ActionCall, borrowing Turn<Rules>) -> Claim?)?
    let apply: @Sendable (ActionCall, inout Turn<Rules>) throws -> JSON

    /// An action.
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

/// The world while a tick is made, and what the rules may ask for.
public struct Turn<Rules: Scenario>: Sendable {
    /// The world; rules change it.
    public var world: World
    /// The tick that is made; 0 at the beginning.
    public let tick: Int64
    /// What the run is made from.
    public let parameters: Rules.Parameters
    /// Who is in the world, by seat.
    public internal(set) var bodies: [Body]
    /// What other domains have sealed.
    public let imports: [SealedImport]
    let seed: UInt64

    /// The stream of random numbers of a purpose in this tick: a draw more in one moves no other.
    public func random(_ purpose: String, for entity: EntityID? = nil) -> RandomStream {
        RandomStream(
            seed: seed, names: [Rules.name, purpose], entity: entity?.rawValue ?? "", tick: UInt64(max(0, tick)))
    }

    /// A value of another domain, as it was sealed; nil when there is none.
    public func imported(_ domain: String, _ key: String) -> JSON? {
        imports.last { $0.domain == domain }?.values[key]
    }

    /// The body of a seat.
    public func body(of seat: String) -> Body? { bodies.index(of: seat).map { bodies[$0] } }
}
