/// The description of an event: its name, one line of help, and the fields of its `eventData`.
public struct EventDeclaration: Sendable, Hashable {
    /// Its name, for example `peer_joined`.
    public var name: String
    /// What happened, in one line.
    public var help: String
    /// The fields of `eventData`.
    public var object: ObjectSchema

    /// Declares an event.
    public init(_ name: String, _ help: String, _ fields: [ObjectSchema.Member]) {
        self.name = name
        self.help = help
        object = ObjectSchema(fields)
    }
}

/// Every push that the broker sends unprompted.
public enum DeclaredPushes {
    /// In the order of the documentation.
    public static let all: [any DeclaredPush.Type] = [
        MessagePush.self, ReceiptPush.self, InboxChanged.self, StateChanges.self, SystemEvent.self,
    ]
}

extension SystemEvent {
    private static let peer: [ObjectSchema.Member] = [
        .init("name", String.schema, help: "The member's name."),
        .init("displayName", String.schema, help: "The name that claudemesh clients show."),
        .init("pubkey", PublicKey.schema, help: "The session's key, or the member's when it has none."),
        .init("memberPubkey", PublicKey.schema, help: "The member's key."),
        .init("memberName", String.schema, help: "The member's name."),
        .init("label", String.schema, help: "The session's label.", isOptional: true),
    ]
    private static let groups = ObjectSchema.Member(
        "groups", [GroupMembership].schema, help: "The groups that the session is in.")

    /// A session came for the first time.
    public static let peerJoined = EventDeclaration(
        "peer_joined", "A session is present for the first time.", peer + [groups])
    /// A session came back after its absence was announced.
    public static let peerReturned = EventDeclaration(
        "peer_returned", "A session is present again. Claudemesh clients receive it as `peer_joined`.",
        peer + [
            groups, .init("lastSeenAt", String.schema, help: "When it was last present, ISO 8601."),
            .init("summary", String.nullableSchema, help: "What it said that it works on."),
        ])
    /// A session is gone, after its grace period.
    public static let peerLeft = EventDeclaration(
        "peer_left", "A session is gone: it did not return within 90 s.", peer)
    /// A tick of the simulation clock began.
    public static let tick = EventDeclaration(
        "tick", "A tick of the simulation clock began; sent only to connections that watch the clock.",
        [
            .init("tick", Int64.schema, help: "Its number, from 0."),
            .init("simTime", String.schema, help: "The simulated time, ISO 8601."),
            .init("speed", Double.schema, help: "Times real time."),
        ])
    /// The simulation clock was changed.
    public static let clockChanged = EventDeclaration(
        "clock_changed", "The simulation clock was set, paused, resumed or stepped.", ClockStatus.fields)

    /// Every event.
    public static let declared = [peerJoined, peerReturned, peerLeft, tick, clockChanged]
}
