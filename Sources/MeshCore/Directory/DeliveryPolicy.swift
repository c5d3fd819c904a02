/// The one table that decides whether a message is offered or held, in code, tests and documentation alike.
public enum DeliveryPolicy {
    /// The decision for a message of a priority and a recipient in a status.
    public enum Gate: String, Sendable, Hashable { case offer, hold }

    /// | priority | idle | working | dnd |
    /// |---|---|---|---|
    /// | now | offer | offer | offer |
    /// | next | offer | hold | hold |
    /// | low | offer | hold | hold |
    public static func gate(_ priority: Priority, _ status: PeerStatus) -> Gate {
        switch (priority, status) {
        case (.now, _), (_, .idle): .offer
        case (.next, .working), (.next, .dnd), (.low, .working), (.low, .dnd): .hold
        }
    }

    /// The maximum duration of a hold for `working`, in milliseconds: 10 min for next, 60 min for low.
    public static func maximumHoldMillis(_ priority: Priority) -> Int64 {
        switch priority {
        case .now: 0
        case .next: 10 * 60_000
        case .low: 60 * 60_000
        }
    }

    /// Why a message is held.
    public static func reason(_ status: PeerStatus) -> HoldReason { status == .dnd ? .dnd : .working }

    /// The time until an unacknowledged offer is repeated: 30 s, doubled each time, at most
    /// 5 min.
    public static func offerLeaseMillis(attempt: Int) -> Int64 {
        min(300_000, 30_000 << Int64(min(max(attempt, 1), 9) - 1))
    }

    /// Offers before a delivery becomes a dead letter.
    public static let maximumAttempts = 20
    /// Unacknowledged offers of one session before the broker holds further ones.
    public static let window = 1_000
    /// The approximate size of the unacknowledged offers of a session, in bytes: half of what a connection may leave
    /// unsent.
    public static let windowBytes = 4 << 20
    /// Deliveries that may wait for one recipient.
    public static let maximumPending = 10_000
    /// Time to live of a message that sets none: 7 days.
    public static let defaultTTLMillis: Int64 = 7 * 24 * 3_600_000
    /// The shortest and longest time to live.
    public static let ttlRange: ClosedRange<Int64> = 1_000...(30 * 24 * 3_600_000)
    /// Connected sessions up to which each of them is notified of every arrival and departure. With n sessions those
    /// are n² pushes; in a larger mesh clients list the peers when needed.
    public static let presenceAudience = 500
    /// The grace period of a lost connection.
    public static let graceMillis: Int64 = 90_000
    /// `working` lasts this long unless it is renewed.
    public static let workingLeaseMillis: Int64 = 60_000
    /// The longest lease a client may ask for.
    public static let maximumWorkingLeaseMillis: Int64 = 600_000
    /// Maximum size of a message body.
    public static let maximumBodyBytes = 65_536
    /// Bytes that a sealed body may have besides its text: the names, keys, ids and quotes of the form that binds the
    /// text to its recipient, and the tag of the box.
    public static let sealedExtraBytes = 400
}
