import MeshCore

/// The sessions of a member: listed and removed by the member itself, or by an admin.
enum Sessions {
    static let capability = Capability("sessions") {
        Read(ListSessions.self) { request, view in
            let (session, caller) = try view.caller()
            let member = try request.member.map { try view.roster.present($0) } ?? caller
            guard member.number == caller.number || caller.may(.admin) else {
                throw MeshError(
                    .forbidden, "only an admin lists the sessions of others", hint: "see who is here: list_peers")
            }
            let own = view.roster.sessions(of: member.number)
            var page = view.wholePage()
            let taken = page.take(own.lazy.compactMap { view.roster.sessions[$0] }) {
                340 + ($0.label?.utf8.count ?? 0) + ($0.info.channel?.utf8.count ?? 0)
            }
            var list = SessionList(
                member: member.name, pubkey: member.key, limit: Retirement.maximumPerMember,
                sessions: taken.map {
                    .init(
                        session: $0, pending: view.state.mailboxes[$0.number]?.count ?? 0,
                        you: $0.number == session.number, now: view.now)
                })
            if page.isFull { list.sessionCount = own.count }
            return list
        }
        Write(RemoveSession.self) { request, context in try remove(request, context) }
    }

    private static func remove(_ request: RemoveSession, _ context: WriteContext) throws -> SessionRemoved {
        let state = context.state
        let (own, caller) = try context.caller()
        let member = try request.member.map { try state.roster.present($0) } ?? caller
        if member.number != caller.number {
            guard caller.may(.admin) else {
                throw MeshError(.forbidden, "only an admin removes the sessions of others", hint: "ask an admin")
            }
            try Rights.checkSubordinate(member, context)
        }
        let session = try find(request.session, of: member, state.roster)
        guard session.number != own.number else {
            throw MeshError.argument(
                "session", "is the one that asks", hint: "remove it from another session of \(member.name)")
        }
        let waiting = state.mailboxes[session.number]?.count ?? 0
        Rights.close(session, .sessionRemoved, context)
        if session.isAnnounced { try Presence.leave(session, isLast: true, context) }
        try Retirement.remove(session, reason: "recipient_removed", context)
        try context.record("session.removed", object: session.keyHex, ["member": .string(member.keyHex)])
        return SessionRemoved(
            session: session.keyHex, label: session.label, member: member.name, abandoned: waiting)
    }

    /// The session of a member that a key, a unique prefix of it, or a label identifies.
    private static func find(_ text: String, of member: Member, _ roster: Roster) throws(MeshError) -> Session {
        let own = roster.sessions(of: member.number).compactMap { roster.sessions[$0] }
        var found = own.filter { $0.keyHex == text }
        if found.isEmpty { found = own.filter { $0.label == text } }
        if found.isEmpty, text.utf8.count >= 8 { found = own.filter { $0.keyHex.hasPrefix(text) } }
        guard let session = found.first else {
            throw MeshError(
                .notFound, "\(member.name) has no session \(text.prefix(64))",
                hint: "mesh-cli session list shows the keys")
        }
        guard found.count == 1 else {
            throw MeshError(
                .ambiguousTarget, "\(text.prefix(64)) means \(found.count) sessions of \(member.name)",
                hint: "use a key: \(found.prefix(4).map(\.key.shortHex).joined(separator: ", "))")
        }
        return session
    }
}
