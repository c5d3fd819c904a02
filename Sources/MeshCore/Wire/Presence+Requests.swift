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
public struct SetStatus: Request {
    /// The new status.
    public var status: PeerStatus
    /// How long `working` lasts in milliseconds; 60,000 when absent, at most 600,000.
    public var lease: Int64?
    /// Makes a request.
    public init(status: PeerStatus, lease: Int64? = nil) {
        self.status = status
        self.lease = lease
    }
    public static let type = "set_status"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Say what you are doing; messages are held or offered by it."
    public static let fields = [
        "status": "`idle`, `working` (a lease: renew it) or `dnd`.",
        "lease": "How long `working` lasts, 1,000 to 600,000 ms; 60,000 when absent.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = PresenceSet
}

/// Sets the caller's one-line summary.
public struct SetSummary: Request {
    /// The text, at most 1,024 bytes; empty removes it.
    public var summary: String?
    /// Makes a request.
    public init(summary: String) { self.summary = summary }
    public static let type = "set_summary"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Say in one line what you are working on."
    public static let fields = ["summary": "At most 1,024 bytes; empty removes it."]
    public static let isSilentForVersion1 = true
    public typealias Answer = PresenceSet
}

/// Shows or hides the caller in the peer list.
public struct SetVisible: Request {
    /// Whether others see the session.
    public var visible: Bool
    /// Makes a request.
    public init(visible: Bool) { self.visible = visible }
    public static let type = "set_visible"
    public static let permission = Permission.send
    public static let kind = RequestKind.write
    public static let help = "Show or hide this session in the peer list; a hidden one still gets its messages."
    public static let fields = ["visible": "`false` hides."]
    public static let isSilentForVersion1 = true
    public typealias Answer = PresenceSet
}

/// What the caller's presence is now.
public struct PresenceSet: Reply {
    public static let type = "presence"
    /// The status.
    public var status: PeerStatus
    /// Unix milliseconds when `working` ends unless it is renewed.
    public var statusExpiresAt: Int64?
    /// The summary.
    public var summary: String?
    /// Whether others see the session.
    public var visible: Bool
    /// Makes an answer.
    public init(status: PeerStatus, statusExpiresAt: Int64?, summary: String?, visible: Bool) {
        self.status = status
        self.statusExpiresAt = statusExpiresAt
        self.summary = summary
        self.visible = visible
    }
}

/// Lists the peers that are connected or just lost their connection.
public struct ListPeers: PagedRequest {
    /// True lists sessions that are away as well.
    public var all: Bool?
    /// Only sessions after this one: `next` of the page before.
    public var after: String?
    /// Makes a request.
    public init(all: Bool? = nil, after: String? = nil) {
        self.all = all
        self.after = after
    }
    public static let type = "list_peers"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help =
        "Who is here: status, summary, groups; oldest first, the caller included; `next` when more follow."
    public static let fields = [
        "all": "`true` lists sessions that are away as well.", "after": "Only what follows: `next` of the page before.",
    ]
    public typealias Answer = PeersList
}

/// The peers of a mesh.
public struct PeersList: PagedReply {
    /// One session.
    public struct Peer: Codable, Sendable, Hashable {
        /// The session key, or the member key of a session without one.
        public var pubkey: String
        /// The member key.
        public var memberPubkey: String
        /// The member's name; for a foreign client the label that it gave itself, as `member/label` where it is taken.
        public var displayName: String
        /// The member's name.
        public var memberName: String
        /// The session's label.
        public var label: String?
        /// What it is doing.
        public var status: PeerStatus
        /// What it is working on.
        @Nullable public var summary: String?
        /// The groups it belongs to.
        public var groups: [GroupMembership]
        /// `online`, `grace` (connection just lost) or `away`.
        public var connection: String
        /// The client's own id of the session.
        public var sessionId: String
        /// ISO 8601 time of the attachment.
        public var connectedAt: String
        /// ISO 8601 time when it was last seen.
        public var lastSeenAt: String
        /// The working folder that it named; may be empty.
        public var cwd: String
        /// `session`: an ordinary peer.
        public var peerRole: String
        /// The role of its member.
        public var role: Role
        /// `ai`, `human`, `connector`, ….
        public var peerType: String?
        /// The client program.
        public var channel: String?
        /// The machine it named.
        public var hostname: String?
        /// The model it named.
        public var model: String?
        /// Whether it proved its session key.
        public var sessionProven: Bool
        /// Messages that wait for it.
        public var pending: Int
        /// True for the caller's own session.
        public var you: Bool?
    }
    public static let type = "peers_list"
    /// In the order in which the sessions were first seen.
    public var peers: [Peer]
    /// What the next page comes after; nil when this is the last.
    public var next: String?
    /// Makes an answer.
    public init(peers: [Peer], next: String? = nil) {
        self.peers = peers
        self.next = next
    }
    public mutating func append(_ page: PeersList) {
        peers += page.peers
        next = page.next
    }
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
