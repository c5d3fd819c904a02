public import MeshCore

/// What a seat is sent at a tick: its full scene, or a delta against an observation that it has acknowledged.
///
/// As JSON, members in this order; what is in brackets is left out when there is nothing to say:
///
///     {"type": "sim_observation",
///      "sim": "market",              the simulation
///      "tick": 17,
///      "sequence": 9,                counts the observations of this seat; it is what the seat acknowledges
///      ["base": 7,]                  the acknowledged observation that a delta is made against; absent when full
///      "kind": "delta",              full, delta or unchanged
///      "self": "customer-3",         the seat's own entity
///      ["entities": {                by the bytes of the names; always there when full
///         "customer-3": {"money": 12},     changed fields with their new values, never differences
///         "shop-1": {"open": null},        null: the field is gone
///         "thief-2": {"type": "thief"}},]  entered: all fields
///      ["entered": ["thief-2"],]     not in the base, in sight now; when full everything is
///      ["left": ["dog-1"],]          in the base, not in sight now; whether it still exists is not told
///      ["events": [{"name": "sale"}],]   what happened and was seen; with the "tick" it is from when held back
///      ["actions": ["buy", "wait"],] what may be done now; absent: as in the base
///      ["omitted": 3,]               so many entities and events did not fit and are to follow
///      ["deadline": 1764100000000]}  until when an action is awaited, in ms since 1970; absent: no such time
///
/// `unchanged` has no entities, events and actions: everything is as in the base.
public struct Observation: Sendable {
    /// How it is to be read.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// It is all there is.
        case full
        /// It is what differs from the base.
        case delta
        /// Nothing differs from the base.
        case unchanged
    }

    /// Fields of an entity: all of one that entered, of others those that changed.
    public struct Part: Sendable {
        /// The entity.
        public var id: EntityID
        /// The fields with their values; null for one that is gone.
        public var fields: JSONObject

        /// Makes a part.
        public init(_ id: EntityID, _ fields: JSONObject) {
            self.id = id
            self.fields = fields
        }
    }

    /// The simulation.
    public var sim: String
    /// When.
    public var tick: Int64
    /// Counts a seat's observations, from 1.
    public var sequence: Int64
    /// The observation that it is made against; nil when full.
    public var base: Int64?
    /// How it is to be read.
    public var kind: Kind
    /// The seat's own entity.
    public var viewer: EntityID
    /// What was changed or came, by the bytes of the names.
    public var entities: [Part] = []
    /// What came into sight since the base.
    public var entered: [EntityID] = []
    /// What went out of sight since the base.
    public var left: [EntityID] = []
    /// What happened.
    public var events: [JSON] = []
    /// What may be done; nil: as in the base.
    public var actions: [String]?
    /// How many entities and events did not fit.
    public var omitted: Int64 = 0
    /// Until when an action is awaited, in ms since 1970. The encoder leaves it to the sender.
    public var deadline: Int64?

    /// Makes an observation that says nothing yet.
    public init(
        sim: String, tick: Int64, sequence: Int64, base: Int64? = nil, kind: Kind, viewer: EntityID
    ) {
        self.sim = sim
        self.tick = tick
        self.sequence = sequence
        self.base = base
        self.kind = kind
        self.viewer = viewer
    }

    /// How many bytes it has as JSON.
    public var byteCount: Int { json.bytes().count }
}
