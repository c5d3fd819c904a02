/// A member's number inside one mesh; it never leaves the broker.
public struct MemberNumber: RawRepresentable, Hashable, Comparable, Sendable {
    /// 1, 2, 3, … in the order of joining.
    public var rawValue: Int64
    /// Makes a number.
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public static func < (left: MemberNumber, right: MemberNumber) -> Bool { left.rawValue < right.rawValue }
}

/// A session's number inside one mesh; it never leaves the broker.
public struct SessionNumber: RawRepresentable, Hashable, Comparable, Sendable {
    /// 1, 2, 3, … in the order in which sessions were first seen.
    public var rawValue: Int64
    /// Makes a number.
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public static func < (left: SessionNumber, right: SessionNumber) -> Bool { left.rawValue < right.rawValue }
}

/// One live connection on one node, while the node runs.
public struct ConnectionID: RawRepresentable, Hashable, Sendable {
    /// Numbered by the node.
    public var rawValue: UInt64
    /// Makes an id.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A durable identity with a role.
public struct Member: Sendable, Hashable {
    /// Its number inside the mesh.
    public var number: MemberNumber
    /// Its public id.
    public var id: String
    /// Its public key.
    public let key: PublicKey
    /// The same in hex: every message and every entry contains it.
    public let keyHex: String
    /// Its name, unique in the mesh, normalised.
    public var name: String
    /// Its role.
    public var role: Role
    /// Unix milliseconds.
    public var joinedAt: Int64
    /// Unix milliseconds; nil while it belongs to the mesh.
    public var revokedAt: Int64?
    /// Whether its key is banned, not only removed.
    public var isBanned = false
    /// Rights beyond its role.
    public var granted: Set<Permission> = []
    /// Rights denied, whatever its role.
    public var denied: Set<Permission> = []
    /// Makes a member.
    public init(number: MemberNumber, id: String, key: PublicKey, name: String, role: Role, joinedAt: Int64) {
        self.number = number
        self.id = id
        self.key = key
        keyHex = key.hex
        self.name = Names.normalised(name)
        self.role = role
        self.joinedAt = joinedAt
    }

    /// Whether it has a right: denied rights first, then granted ones, then those of its role.
    public func may(_ permission: Permission) -> Bool {
        if !denied.isEmpty, denied.contains(permission) { return false }
        return permission.isGranted(to: role) || granted.contains(permission)
    }
}

/// What a client states about itself; shown to others, never trusted.
public struct ClientInfo: Sendable, Hashable, Codable {
    /// The client's own id of the session.
    public var sessionID: String?
    /// The process.
    public var pid: Int64?
    /// The working folder.
    public var cwd: String?
    /// The machine.
    public var hostname: String?
    /// `ai`, `human`, `connector`, ….
    public var peerType: String?
    /// The client program.
    public var channel: String?
    /// The model behind it.
    public var model: String?
    /// Makes an empty one.
    public init() {}
}

/// Whether a session has a live connection.
public enum Attachment: Sendable, Hashable {
    /// A live connection.
    case attached(ConnectionID)
    /// The connection was lost; nobody is notified until the given Unix milliseconds.
    case grace(until: Int64)
    /// Not connected.
    case away

    /// Whether there is a live connection.
    public var isAttached: Bool { connection != nil }
    /// The live connection.
    public var connection: ConnectionID? { if case .attached(let id) = self { id } else { nil } }
    /// `online`, `grace` or `away`.
    public var name: String {
        switch self {
        case .attached: "online"
        case .grace: "grace"
        case .away: "away"
        }
    }
}

/// A durable peer identity with a key of its own.
public struct Session: Sendable, Hashable {
    /// Its number inside the mesh.
    public var number: SessionNumber
    /// The member it belongs to.
    public var member: MemberNumber
    /// Its key; for a foreign client without one, a key derived from its member and session id that nobody holds.
    public let key: PublicKey
    /// The same in hex.
    public let keyHex: String
    /// Its label, normalised: unique among the member's own sessions; for a foreign client the display name that it
    /// gave.
    public var label: String? {
        get { shownLabel }
        set { shownLabel = newValue.map(Names.normalised) }
    }
    private var shownLabel: String?
    /// A claudemesh client that keeps no session on disk.
    public var isForeign: Bool
    /// Whether `key` is a real key that messages can be sealed to.
    public var hasKey: Bool
    /// Whether the session proved that it holds its key.
    public var isProven: Bool
    /// The member's signature over the session key.
    public var binding: Signature?
    /// Whether it acknowledges messages itself.
    public var acknowledges: Bool
    /// The form of its frames.
    public var dialect: Dialect
    /// The groups it belongs to, in the order of joining, their names normalised.
    public var groups: [GroupMembership] {
        get { memberships }
        set { memberships = newValue.map(\.normalised) }
    }
    private var memberships: [GroupMembership] = []
    /// Its activity.
    public var status = PeerStatus.idle
    /// Unix milliseconds when `working` began; holds have a maximum age from here.
    public var statusSince: Int64 = 0
    /// Unix milliseconds when `working` ends.
    public var statusExpiresAt: Int64?
    /// A summary of its work.
    public var summary: String?
    /// Whether others see it.
    public var isVisible = true
    /// How it receives its messages.
    public var messageMode = MessageMode.push
    /// Whether it is connected.
    public var attachment = Attachment.away
    /// Whether the others were notified that it is here; they are notified once that it left.
    public var isAnnounced = false
    /// Whether its client, a foreign one, said goodbye when it left; false again as soon as it is back.
    public var hasClosed = false
    /// Unix milliseconds of the last attachment.
    public var attachedAt: Int64 = 0
    /// Unix milliseconds of the last loss of its connection, or of its registration.
    public var lastSeenAt: Int64
    /// What the client states about itself.
    public var info: ClientInfo {
        get { about.info }
        set { about = About(newValue) }
    }
    /// Stored separately: a session is copied at every access, and this part is rarely read.
    private var about = About(ClientInfo())

    private final class About: Sendable, Hashable {
        let info: ClientInfo
        init(_ info: ClientInfo) { self.info = info }
        static func == (left: About, right: About) -> Bool { left.info == right.info }
        func hash(into hasher: inout Hasher) { hasher.combine(info) }
    }

    /// Makes a session that is away.
    public init(
        number: SessionNumber, member: MemberNumber, key: PublicKey, label: String?, isForeign: Bool, hasKey: Bool,
        isProven: Bool, binding: Signature?, acknowledges: Bool, dialect: Dialect, seenAt: Int64
    ) {
        self.number = number
        self.member = member
        self.key = key
        keyHex = key.hex
        shownLabel = label.map(Names.normalised)
        self.isForeign = isForeign
        self.hasKey = hasKey
        self.isProven = isProven
        self.binding = binding
        self.acknowledges = acknowledges
        self.dialect = dialect
        self.lastSeenAt = seenAt
    }

    /// The key, unless it is a stand-in for a missing one.
    public var claimedKey: PublicKey? { hasKey ? key : nil }

    /// Whether its key was made for one run: claudemesh clients make one at each start and never prove it.
    public var isForOneRun: Bool { isForeign && !isProven }

    /// Whether nobody is expected to return for it: then a name no longer means it. Its client said goodbye,
    /// or its key was made for one run and its grace is over. Sessions of our own clients are never gone.
    public var isGone: Bool {
        guard isForeign, !attachment.isAttached else { return false }
        return hasClosed || isForOneRun && attachment == .away
    }

    /// Whether `*`, groups and topics still include it: connected, or away for less than 24 h (a foreign one 10 min).
    public func countsForGroups(at now: Int64) -> Bool {
        switch attachment {
        case .attached, .grace: true
        case .away: now - lastSeenAt < (isForeign ? Roster.foreignAwayMillis : Roster.awayMillis)
        }
    }
}

/// Everyone known to a mesh, connected or not: the one place that targets are resolved against.
public struct Roster: Sendable {
    /// Away sessions count for `*` and groups this long.
    public static let awayMillis: Int64 = 24 * 3_600_000
    /// Away sessions of foreign clients count this long.
    public static let foreignAwayMillis: Int64 = 10 * 60_000

    /// The topics and their members.
    public var topics = TopicDirectory()
    /// Counts the changes of members and sessions: data derived from them is valid while it stays the same.
    public private(set) var version: UInt64 = 0
    /// Cached indexes of the roster; empty after each change.
    private(set) var index = RosterIndex()
    /// Number of connected sessions.
    public private(set) var connectedCount = 0
    /// Members by number.
    public private(set) var members: [MemberNumber: Member] = [:]
    /// Sessions that are not retired, by number.
    public private(set) var sessions: [SessionNumber: Session] = [:]
    /// Numbers of `sessions`, ascending: the one order of iteration.
    public private(set) var sessionOrder: [SessionNumber] = []
    /// Numbers of `members`, ascending.
    public private(set) var memberOrder: [MemberNumber] = []

    /// Members and sessions with names and labels that read alike.
    private(set) var names = NameIndex()
    private var membersByKey: [PublicKey: MemberNumber] = [:]
    private var membersByName: [String: MemberNumber] = [:]
    private var sessionsByKey: [PublicKey: SessionNumber] = [:]
    /// Sessions without a key, by their stand-in: separate, so that nobody takes such a place by naming it as a key.
    private var sessionsByStandIn: [PublicKey: SessionNumber] = [:]
    private var sessionsByMember: [MemberNumber: [SessionNumber]] = [:]

    /// An empty roster.
    public init() {}

    /// The member with a key, revoked ones included.
    public func member(key: PublicKey) -> Member? { membersByKey[key].flatMap { members[$0] } }
    /// The current member with a name.
    public func member(name: String) -> Member? { membersByName[Names.normalised(name)].flatMap { members[$0] } }
    /// The session with a key.
    public func session(key: PublicKey) -> Session? { sessionsByKey[key].flatMap { sessions[$0] } }
    /// The session without a key whose stand-in is `key`.
    public func session(standIn key: PublicKey) -> Session? { sessionsByStandIn[key].flatMap { sessions[$0] } }
    /// A member's sessions, oldest first.
    public func sessions(of member: MemberNumber) -> [SessionNumber] { sessionsByMember[member] ?? [] }

    private mutating func changed() {
        version += 1
        if !index.isEmpty { index = RosterIndex() }
    }

    /// Adds a member; its number, key and name must be new.
    public mutating func insert(_ member: Member) {
        changed()
        members[member.number] = member
        memberOrder.append(member.number)
        membersByKey[member.key] = member.number
        if member.revokedAt == nil { membersByName[member.name] = member.number }
        names.add(name: member.name, of: member.number)
    }

    /// Changes a member; its number and key stay.
    public mutating func update(member number: MemberNumber, _ change: (inout Member) -> Void) {
        guard var member = members[number] else { return }
        changed()
        if membersByName[member.name] == number { membersByName[member.name] = nil }
        names.remove(name: member.name, of: number)
        change(&member)
        names.add(name: member.name, of: number)
        members[number] = member
        if member.revokedAt == nil { membersByName[member.name] = number }
    }

    /// Adds a session; its number must be the highest so far.
    public mutating func insert(_ session: Session) {
        changed()
        sessions[session.number] = session
        if session.attachment.isAttached { connectedCount += 1 }
        sessionOrder.append(session.number)
        if session.hasKey {
            sessionsByKey[session.key] = session.number
        } else {
            sessionsByStandIn[session.key] = session.number
        }
        sessionsByMember[session.member, default: []].append(session.number)
        names.add(label: session.label, of: session.member)
    }

    /// Changes a session in place; its number, member and key stay.
    public mutating func update<Result>(_ number: SessionNumber, _ change: (inout Session) -> Result) -> Result? {
        guard let wasConnected = sessions[number]?.attachment.isAttached else { return nil }
        changed()
        let labelBefore = sessions[number]?.label
        let result = change(&sessions[number, default: Roster.placeholder])
        let isConnected = sessions[number]?.attachment.isAttached ?? false
        if let member = sessions[number]?.member, sessions[number]?.label != labelBefore {
            names.remove(label: labelBefore, of: member)
            names.add(label: sessions[number]?.label, of: member)
        }
        if isConnected != wasConnected { connectedCount += isConnected ? 1 : -1 }
        return result
    }

    /// Removes a retired session.
    public mutating func remove(_ number: SessionNumber) {
        guard let session = sessions.removeValue(forKey: number) else { return }
        changed()
        if session.attachment.isAttached { connectedCount -= 1 }
        sessionOrder.removeAll { $0 == number }
        if sessionsByKey[session.key] == number { sessionsByKey[session.key] = nil }
        if sessionsByStandIn[session.key] == number { sessionsByStandIn[session.key] = nil }
        sessionsByMember[session.member]?.removeAll { $0 == number }
        names.remove(label: session.label, of: session.member)
    }

    /// Never stored: `update` checks that the session exists first.
    private static let placeholder = Session(
        number: SessionNumber(rawValue: 0), member: MemberNumber(rawValue: 0), key: PublicKey.zero, label: nil,
        isForeign: true, hasKey: false, isProven: false, binding: nil, acknowledges: false, dialect: .mesh, seenAt: 0)
}
