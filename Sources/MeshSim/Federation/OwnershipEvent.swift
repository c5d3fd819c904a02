/// A step of handing a key from one domain to another: an entry of the federation's log. The first phase is the offer of
/// the owner, the second the acceptance of the taker.
public struct OwnershipEvent: Codable, Sendable, Hashable {
    /// What happened.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The owner offers the key to one taker.
        case offered
        /// The taker accepts: it owns the key from the effective tick on.
        case accepted
        /// The owner took the offer back, or the taker declined it.
        case cancelled
    }
    /// What happened.
    public var kind: Kind
    /// The key: `sim:<domain>:<name>`, or `sim:<domain>:` for all keys of a domain that were not handed over singly.
    public var key: String
    /// The owner.
    public var owner: String
    /// Who is to own it.
    public var taker: String
    /// Who did this: the owner or the taker.
    public var by: String
    /// When.
    public var tick: Int64
    /// The first tick in which the taker owns it; the same in all events of an offer.
    public var effective: Int64

    /// Makes an event.
    public init(
        _ kind: Kind, key: String, owner: String, taker: String, by: String, tick: Int64, effective: Int64
    ) {
        self.kind = kind
        self.key = key
        self.owner = owner
        self.taker = taker
        self.by = by
        self.tick = tick
        self.effective = effective
    }

    /// An offer.
    public static func offer(
        _ key: String, from owner: String, to taker: String, at tick: Int64, effective: Int64
    ) -> OwnershipEvent {
        OwnershipEvent(.offered, key: key, owner: owner, taker: taker, by: owner, tick: tick, effective: effective)
    }

    /// The acceptance of this offer.
    public func accepted(at tick: Int64) -> OwnershipEvent { answer(.accepted, by: taker, at: tick) }

    /// The end of this offer without a transfer, by its owner or its taker.
    public func cancelled(by who: String, at tick: Int64) -> OwnershipEvent { answer(.cancelled, by: who, at: tick) }

    private func answer(_ kind: Kind, by who: String, at tick: Int64) -> OwnershipEvent {
        OwnershipEvent(kind, key: key, owner: owner, taker: taker, by: who, tick: tick, effective: effective)
    }
}
