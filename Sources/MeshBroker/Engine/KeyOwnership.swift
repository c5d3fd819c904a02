import MeshCore
import MeshStore

/// Who owns the keys of sessions: what follows when a key goes from a session that only named it to its owner.
enum KeyOwnership {
    /// Decides a claim to a session key.
    static func claim(
        _ key: PublicKey, by member: Member, isProven: Bool, _ state: EngineState
    ) throws -> KeyClaim {
        if PlantedFault.strikes(.trustNamedKeys) {
            return state.roster.session(key: key).map { .own($0) } ?? .free
        }
        let claim = try state.roster.claim(key, by: member.number, isProven: isProven)
        if !isProven, let owner = try formerOwner(of: key, state), owner != member.number {
            throw MeshError(
                .sessionKeyTaken, "a session of another member proved this key before", hint: "make a new key")
        }
        return claim
    }

    /// Keys that sessions proved and that are gone: a session that only names one of them never gets it.
    static let migrations = [
        Migration(
            name: "proved-keys-1",
            sql: "CREATE TABLE proved_key (key BLOB PRIMARY KEY, member INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    ]

    static let capability = Capability("key-ownership", migrations: migrations) {}

    /// Records the owner of the key of a session that is removed.
    static func remember(_ session: Session, _ context: WriteContext) throws {
        guard session.isProven, session.hasKey else { return }
        try context.state.database.prepare("INSERT OR REPLACE INTO proved_key (key, member) VALUES (?, ?)")
            .run(session.key.bytes, session.member.rawValue)
    }

    /// The member whose session proved a key and is gone; nil when there is none.
    private static func formerOwner(of key: PublicKey, _ state: EngineState) throws -> MemberNumber? {
        try state.database.prepare("SELECT member FROM proved_key WHERE key = ?").first(key.bytes) {
            MemberNumber(rawValue: $0.int(0))
        }
    }

    /// Whether a key can become a member's: nobody else proved it as a session key.
    static func check(memberKey key: PublicKey, _ state: EngineState) throws(MeshError) {
        _ = try state.roster.usurper(of: key, owner: state.roster.member(key: key)?.number)
    }

    /// Gives a newly added member its own key when another member had named it as a session key.
    static func take(for member: Member, _ context: WriteContext) throws {
        guard !PlantedFault.strikes(.trustNamedKeys),
            let session = try context.state.roster.usurper(of: member.key, owner: member.number)
        else { return }
        try take(from: session, for: .member(member.number), of: member.number, context)
    }

    /// Ends a session that named another's key. What was sent to the key itself goes to the owner, who alone can open
    /// it; the rest was meant for the session's member and becomes dead letters.
    static func take(
        from session: Session, for recipient: Recipient, of owner: MemberNumber, _ context: WriteContext
    ) throws {
        Rights.close(session, .sessionKeyTaken, context)
        try Deliveries.handOver(
            addressedTo: session.keyHex, of: session.number, to: recipient, of: owner, context)
        try Retirement.retire(session, cause: "key_taken", context)
    }

    /// Takes back keys named before these rules held: a file of an earlier version may still have them. Returns how
    /// many sessions ended.
    static func restore(_ context: WriteContext) throws -> Int {
        var ended = 0
        let roster = context.state.roster
        for number in roster.sessionOrder {
            guard let session = roster.sessions[number], session.hasKey, !session.isProven,
                let owner = roster.member(key: session.key), owner.number != session.member
            else { continue }
            let reader = context.state.roster.reader(of: owner.number)
            try take(from: session, for: reader, of: owner.number, context)
            ended += 1
        }
        return ended
    }
}

extension Roster {
    /// The reader of what is sealed to a member's own key: its first session that is not gone, or its next one.
    func reader(of member: MemberNumber) -> Recipient {
        let own = sessions(of: member).first { sessions[$0]?.isGone == false }
        return own.map { .session($0) } ?? .member(member)
    }
}
