import MeshCore

/// What the frequent decisions need of a session and its member: put together once, and valid until the roster
/// changes. Looking a session up in the roster copies all of it.
final class Route {
    let session: Session
    let member: Member
    let mailbox: Mailbox
    private let grants: Grants.Memory
    private let mesh: MeshFacts

    init(_ session: Session, _ member: Member, _ state: EngineState) {
        self.session = session
        self.member = member
        mailbox = state.mailbox(of: session.number)
        grants = state.memory(Grants.Memory.self)
        mesh = state.facts
        shownName = state.roster.shownName(of: session, member)
        let isPlain =
            session.hasKey && session.messageMode == .push && session.acknowledges && session.dialect == .mesh
        direct = isPlain ? session.attachment.connection : nil
    }

    /// The connection that is offered sealed messages directly; nil when anything about the session requires
    /// the general path.
    let direct: ConnectionID?

    /// Whether its member restricts who may send to it.
    var isLimiting: Bool { !grants.limits.isEmpty && grants.limits[member.number] != nil }

    /// Its fixed parts as a sender.
    lazy var template = SenderTemplate(session, member, shownName: shownName, mesh)
    private let shownName: String
}

/// The parts of entries and frames that are the same for all sealed messages of one sender.
final class SenderTemplate: Sendable {
    /// The entry of an accepted message, up to the hash of its content.
    let entryStart: [UInt8]
    /// From there to the message's id.
    let entryLog: [UInt8]
    /// The end of the entry's facts, after the priority.
    let entryEnd: [UInt8]
    /// The frame of a push, from after the message's id to the priority.
    let push: [UInt8]
    /// What is stored to be passed on.
    let extra: [UInt8]
    /// Bytes of all parts of an entry, without the varying parts.
    var entryBytes: Int { entryStart.count + entryLog.count + entryEnd.count }

    init(_ session: Session, _ member: Member, shownName: String, _ mesh: MeshFacts) {
        let sender = session.claimedKey == nil ? member.keyHex : session.keyHex
        entryStart = Array(#"{"act":"message.accepted","actor":"\#(member.keyHex)","com":{"content":""#.utf8)
        entryLog = Self.text(#""},"log":"#, mesh.origin, #","obj":""#)
        entryEnd = Array(#"","recipients":1,"session":"\#(session.keyHex)"},"res":"ok","seq":"#.utf8)
        extra = Array("{\"senderPubkey\":\"\(sender)\"}".utf8)
        var push = Self.text(#"","meshId":"#, mesh.id, #","senderPubkey":"#)
        push += Self.text("", sender, #","senderMemberPubkey":"#)
        push += Self.text("", member.keyHex, #","senderMemberId":"#)
        push += Self.text("", member.id, #","senderName":"#)
        push += Self.text("", StoredMessage.name(of: member, session), #","senderDisplayName":"#)
        push += Self.text("", shownName, "")
        if let label = session.label { push += Self.text(#","senderLabel":"#, label, "") }
        self.push = push + Array(#","priority":""#.utf8)
    }

    /// A JSON string between two texts.
    private static func text(_ before: String, _ value: String, _ after: String) -> [UInt8] {
        var bytes = Array(before.utf8)
        JSONWriter.write(value, to: &bytes)
        return bytes + after.utf8
    }
}

/// The routes used since the roster last changed.
struct Routes {
    private var version: UInt64?
    private var bySession: [SessionNumber: Route] = [:]
    private var byKey: [PublicKey: Route] = [:]

    /// The route of a session; nil when there is no such session, or its member is gone.
    mutating func of(_ number: SessionNumber, _ state: EngineState) -> Route? {
        renew(state.roster.version)
        if let route = bySession[number] { return route }
        guard let session = state.roster.sessions[number], let member = state.roster.members[session.member] else {
            return nil
        }
        let route = Route(session, member, state)
        bySession[number] = route
        if session.hasKey { byKey[session.key] = route }
        return route
    }

    /// The route to a session's key; nil when no session has it.
    mutating func to(_ key: PublicKey, _ state: EngineState) -> Route? {
        renew(state.roster.version)
        if let route = byKey[key] { return route }
        return state.roster.session(key: key).flatMap { of($0.number, state) }
    }

    private mutating func renew(_ current: UInt64) {
        guard version != current else { return }
        version = current
        bySession.removeAll(keepingCapacity: true)
        byKey.removeAll(keepingCapacity: true)
    }
}
