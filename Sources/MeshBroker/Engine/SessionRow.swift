package import MeshCore
import MeshStore

/// A session as its row.
enum SessionRow {
    private static let foreign: Int64 = 1
    private static let hasKey: Int64 = 2
    private static let proven: Int64 = 4
    private static let acknowledges: Int64 = 8
    private static let visible: Int64 = 16
    private static let announced: Int64 = 32
    private static let closed: Int64 = 64

    static func write(_ session: Session, to database: Database) throws {
        var flags: Int64 = 0
        if session.isForeign { flags |= foreign }
        if session.hasKey { flags |= hasKey }
        if session.isProven { flags |= proven }
        if session.acknowledges { flags |= acknowledges }
        if session.isVisible { flags |= visible }
        if session.isAnnounced { flags |= announced }
        if session.hasClosed { flags |= closed }
        try database.prepare(
            """
            INSERT OR REPLACE INTO session (number, member, key, label, flags, binding, dialect, groups, status,
                status_since, status_expires, summary, mode, attached_at, seen_at, info)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        ).run(
            session.number.rawValue, session.member.rawValue, session.key.bytes, session.label, flags,
            session.binding?.bytes, session.dialect.rawValue, try JSONCoder.encode(session.groups).text,
            session.status.rawValue, session.statusSince, session.statusExpiresAt, session.summary,
            session.messageMode.rawValue, session.attachedAt, session.lastSeenAt,
            try JSONCoder.encode(session.info).text)
    }

    static func read(_ row: Statement) throws -> Session {
        let flags = row.int(4)
        guard let key = PublicKey(bytes: row.blob(2)), let dialect = Dialect(rawValue: row.text(6)),
            let status = PeerStatus(rawValue: row.text(8)), let mode = MessageMode(rawValue: row.text(12))
        else { throw MeshError(.storageFailed, "session \(row.int(0)) cannot be read") }
        var session = Session(
            number: SessionNumber(rawValue: row.int(0)), member: MemberNumber(rawValue: row.int(1)), key: key,
            label: row.isNull(3) ? nil : row.text(3), isForeign: flags & foreign != 0, hasKey: flags & hasKey != 0,
            isProven: flags & proven != 0, binding: row.isNull(5) ? nil : Signature(bytes: row.blob(5)),
            acknowledges: flags & acknowledges != 0, dialect: dialect, seenAt: row.int(14))
        session.isVisible = flags & visible != 0
        session.isAnnounced = flags & announced != 0
        session.hasClosed = flags & closed != 0
        session.groups = try decode([GroupMembership].self, row.text(7))
        session.status = status
        session.statusSince = row.int(9)
        session.statusExpiresAt = row.isNull(10) ? nil : row.int(10)
        session.summary = row.isNull(11) ? nil : row.text(11)
        session.messageMode = mode
        session.attachedAt = row.int(13)
        session.info = try decode(ClientInfo.self, row.text(15))
        return session
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONCoder.decode(type, from: JSON.parse(Array(text.utf8), limits: .frame))
    }
}

extension WriteContext {
    /// Changes a session in memory and in its table.
    package func update(_ number: SessionNumber, _ change: (inout Session) -> Void) throws {
        guard state.roster.update(number, change) != nil, let session = state.roster.sessions[number] else { return }
        try save(session)
    }

    /// Stores a session.
    func save(_ session: Session) throws {
        try SessionRow.write(session, to: state.database)
        try MetaTable(state.database).set("session.last", state.nextSession - 1)
    }
}
