import MeshCore
import MeshStore

/// The end of sessions of foreign clients, which keep none. Sessions of our own clients stay until they are removed.
enum Retirement {
    static let timer = TimerKind(rawValue: "session.retire")
    /// A foreign client's session retires this long after it left.
    static let millis: Int64 = 24 * 3_600_000
    /// Sessions of one member.
    static let maximumPerMember = 1_024

    /// Arms the end of a session that has left.
    static func arm(_ session: Session, _ state: EngineState) {
        state.timers.arm(timer, key: session.number.rawValue, due: session.lastSeenAt + millis)
    }

    /// Retires a session whose time is over; false when it came back in the meantime.
    static func isDue(_ number: SessionNumber, _ context: WriteContext) throws -> Bool {
        guard let session = context.state.roster.sessions[number], session.isForeign, session.attachment == .away,
            context.now - session.lastSeenAt >= millis
        else { return false }
        try retire(session, context)
        return true
    }

    /// A session has left permanently or temporarily: its grace period is over.
    static func left(_ number: SessionNumber, _ context: WriteContext) throws {
        guard let session = context.state.roster.sessions[number], session.isForeign else { return }
        // A key of one run whose client said goodbye was discarded with it.
        if session.isGone, session.hasClosed, session.isForOneRun, session.hasKey {
            return try retire(session, context)
        }
        arm(session, context.state)
        try Deliveries.holdWhatIsGone(number, context)
        if !session.hasKey, session.isGone {
            // It was sealed to the member's key, which the next session of the member has as well.
            try Deliveries.handOver(sealedTo: session.member, of: number, context)
        }
    }

    /// Ends a session: what waits for it becomes dead letters.
    static func retire(_ session: Session, cause: String? = nil, _ context: WriteContext) throws {
        if session.isAnnounced { try Presence.leave(session, isLast: true, context) }
        try remove(session, reason: "recipient_retired", context)
        try context.record(
            "session.retired", object: session.keyHex, cause.map { ["cause": .string($0)] } ?? JSONObject())
    }

    /// Removes a session from the tables and the memory.
    static func remove(_ session: Session, reason: String, _ context: WriteContext) throws {
        let state = context.state
        try Deliveries.abandon(session.number, reason: reason, context)
        try KeyOwnership.remember(session, context)
        try state.database.prepare("DELETE FROM session WHERE number = ?").run(session.number.rawValue)
        state.roster.remove(session.number)
        state.mailboxes[session.number] = nil
        Presence.forget(session.number, state)
    }

    /// Makes room for one more session of a member: retires the one that left first, of those that keep nothing on
    /// disk. Fails with `capacity` when all are connected or keep their keys.
    static func makeRoom(for member: Member, _ context: WriteContext) throws {
        let roster = context.state.roster
        let own = roster.sessions(of: member.number)
        guard own.count >= maximumPerMember else { return }
        guard let oldest = expendable(own.compactMap { roster.sessions[$0] }) else {
            throw MeshError(
                .capacity, "\(member.name) has \(own.count) sessions, at most \(maximumPerMember)",
                hint: "remove some: mesh-cli session list, mesh-cli session remove")
        }
        try retire(oldest, cause: "room", context)
    }

    /// The session to evict first: gone before away before in its grace, and of these the one that left first.
    private static func expendable(_ sessions: [Session]) -> Session? {
        func rank(_ session: Session) -> Int? {
            guard session.isForeign, !session.attachment.isAttached else { return nil }
            if session.isGone, session.isForOneRun { return 0 }
            if session.isGone || session.attachment == .away { return 1 }
            return session.isForOneRun ? 2 : 3
        }
        let ranked = sessions.compactMap { session in rank(session).map { (rank: $0, session: session) } }
        return ranked.min {
            ($0.rank, $0.session.lastSeenAt, $0.session.number) < ($1.rank, $1.session.lastSeenAt, $1.session.number)
        }?.session
    }
}
