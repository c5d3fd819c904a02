/// What a peer is doing.
public enum PeerStatus: String, Sendable, Hashable, CaseIterable, Codable {
    /// Free: everything is offered.
    case idle
    /// In the middle of something; a lease that the client renews.
    case working
    /// Wants only what is urgent.
    case dnd
}

/// How a session wants its messages.
public enum MessageMode: String, Sendable, Hashable, CaseIterable, Codable {
    /// Pushed as they come.
    case push
    /// Counted, and fetched on demand.
    case inbox
    /// Kept, without a notice.
    case off
}

/// Sets the caller's status. `working` ends by itself unless it is renewed.
public struct SetStatus: WriteRequest {
    @Field("`idle`, `working` (a lease: renew it) or `dnd`.") public var status: PeerStatus
    @Field(
        "How long `working` lasts, in milliseconds.", .range(1_000...DeliveryPolicy.maximumWorkingLeaseMillis),
        default: .integer(DeliveryPolicy.workingLeaseMillis))
    public var lease: Int64?
    public init(status: PeerStatus, lease: Int64? = nil) {
        self.status = status
        self.lease = lease
    }
    public static let declaration = RequestDeclaration(
        "set_status", "Set the session's status; messages are held or offered by it.", needs: .send, about: .caller,
        http: .put("session/status"), hints: .idempotent, isSilentForVersion1: true)
    public typealias Answer = PresenceSet
    public init() {}
}

/// Sets the caller's one-line summary.
public struct SetSummary: WriteRequest {
    @Field("The line; empty removes it.", .bytes(0...1_024)) public var summary: String?
    public init(summary: String) { self.summary = summary }
    public static let declaration = RequestDeclaration(
        "set_summary", "Set a one-line summary of the current work.", needs: .send, about: .caller,
        http: .put("session/summary"), hints: .idempotent, isSilentForVersion1: true)
    public typealias Answer = PresenceSet
    public init() {}
}

/// Shows or hides the caller in the peer list.
public struct SetVisible: WriteRequest {
    @Field("`false` hides.") public var visible: Bool
    public init(visible: Bool) { self.visible = visible }
    public static let declaration = RequestDeclaration(
        "set_visible", "Show or hide this session in the peer list; a hidden one still receives its messages.",
        needs: .send, about: .caller, http: .put("session/visibility"), hints: .idempotent, isSilentForVersion1: true)
    public typealias Answer = PresenceSet
    public init() {}
}

/// What the caller's presence is now.
public struct PresenceSet: Reply, Declared {
    public static let type = "presence"
    @Field("The status.") public var status: PeerStatus
    @Field("Unix milliseconds when `working` ends unless it is renewed.") public var statusExpiresAt: Int64?
    @Field("The summary.") public var summary: String?
    @Field("Whether others see the session.") public var visible: Bool
    public init(status: PeerStatus, statusExpiresAt: Int64?, summary: String?, visible: Bool) {
        self.status = status
        self.statusExpiresAt = statusExpiresAt
        self.summary = summary
        self.visible = visible
    }
    public init() {}
}

/// Lists the peers that are connected or just lost their connection.
public struct ListPeers: PagedRequest {
    @Field("`true` lists sessions that are away as well.") public var all: Bool?
    @Field("The start of the page: `next` of the previous page.") public var after: String?
    public init(all: Bool? = nil, after: String? = nil) {
        self.all = all
        self.after = after
    }
    public static let declaration = RequestDeclaration(
        "list_peers",
        "List peers with status, summary and groups, oldest first, including the caller; `next` when more follow.",
        needs: .observe, http: .get("peers"), hints: .idempotent)
    public typealias Answer = PeersList
    public init() {}
}

/// The peers of a mesh.
public struct PeersList: PagedReply, Declared {
    /// One session.
    public struct Peer: Declared, Hashable {
        @Field("The session key, or the member key of a session without one.") public var pubkey: String
        @Field("The member key.") public var memberPubkey: String
        @Field(
            "The member's name; for a foreign client its own label, as `member/label` when it is taken."
        )
        public var displayName: String
        @Field("The member's name.") public var memberName: String
        @Field("The session's label.") public var label: String?
        @Field("What it is doing.") public var status: PeerStatus
        @NullableField("What it is working on.") public var summary: String?
        @Field("The groups it belongs to.") public var groups: [GroupMembership]
        @Field("`online`, `grace` (connection just lost) or `away`.") public var connection: String
        @Field("The client's own id of the session.") public var sessionId: String
        @Field("ISO 8601 time of the attachment.") public var connectedAt: String
        @Field("ISO 8601 time when it was last seen.") public var lastSeenAt: String
        @Field("The working folder that it reported; may be empty.") public var cwd: String
        @Field("`session`: an ordinary peer.") public var peerRole: String
        @Field("The role of its member.") public var role: Role
        @Field("`ai`, `human`, `connector`, ….") public var peerType: String?
        @Field("The client program.") public var channel: String?
        @Field("The machine it named.") public var hostname: String?
        @Field("The model it named.") public var model: String?
        @Field("Whether it proved its session key.") public var sessionProven: Bool
        @Field("Messages that wait for it.") public var pending: Int
        @Field("True for the caller's own session.") public var you: Bool?
        public init() {}
    }
    public static let type = "peers_list"
    @Field("In the order in which the sessions were first seen.") public var peers: [Peer]
    @Field("The `after` of the next page; nil when this is the last.") public var next: String?
    public init(peers: [Peer], next: String? = nil) {
        self.peers = peers
        self.next = next
    }
    public mutating func append(_ page: PeersList) {
        peers += page.peers
        next = page.next
    }
    public init() {}
}

extension PeersList.Peer {
    /// Makes the row of a session.
    public init(session: Session, member: Member, shownName: String, pending: Int, you: Bool, now: Int64) {
        pubkey = (session.isForeign ? session.claimedKey?.hex : session.key.hex) ?? member.key.hex
        memberPubkey = member.key.hex
        displayName = shownName
        memberName = member.name
        label = session.label
        status = session.status
        summary = session.summary
        groups = session.groups
        connection = session.attachment.name
        sessionId = session.info.sessionID ?? session.key.shortHex
        connectedAt = Timestamp.iso8601(session.attachedAt)
        lastSeenAt = Timestamp.iso8601(session.attachment.isAttached ? now : session.lastSeenAt)
        cwd = session.info.cwd ?? ""
        peerRole = "session"
        role = member.role
        peerType = session.info.peerType
        channel = session.info.channel
        hostname = session.info.hostname
        model = session.info.model
        sessionProven = session.isProven
        self.pending = pending
        self.you = you ? true : nil
    }
}
