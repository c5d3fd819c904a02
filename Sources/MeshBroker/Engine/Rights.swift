import MeshCore
import MeshStore

/// Permissions, and the removal of members.
enum Rights {
    static let migrations = [
        Migration(
            name: "rights-1",
            sql: """
                CREATE TABLE member_right (
                    member INTEGER PRIMARY KEY, granted TEXT NOT NULL, denied TEXT NOT NULL, banned INTEGER NOT NULL
                ) STRICT;
                """)
    ]

    static let capability = Capability("rights", migrations: migrations) {
        Write(SetRights.self) { request, context in try set(request, context) }
        Write(RemoveMember.self) { request, context in
            let member = try subordinate(request.member, context)
            let sessions = try expel(member, isBanned: false, .removed, context)
            try context.record("member.removed", object: member.keyHex)
            return MemberRemoved(name: member.name, pubkey: member.key, sessions: sessions)
        }
        Write(LeaveMesh.self) { _, context in
            let (_, member) = try context.caller()
            guard member.role != .owner else {
                throw MeshError(
                    .forbidden, "the owner does not leave its mesh", hint: "delete it: mesh-cli mesh delete")
            }
            let sessions = try expel(member, isBanned: false, keepsDenials: true, .removed, context)
            try context.record("member.left", object: member.keyHex)
            return MemberRemoved(name: member.name, pubkey: member.key, sessions: sessions)
        }
        Write(Ban.self) { request, context in
            let member = try subordinate(request.target, context)
            _ = try expel(member, isBanned: true, .banned, context)
            try context.record(
                "member.banned", object: member.keyHex,
                commitments: request.reason.map { ["reason": $0.commitment] } ?? [:])
            return BanAck(banned: member.name)
        }
        Write(Unban.self) { request, context in try unban(request, context) }
        Read(ListBans.self) { _, view in
            let banned = view.roster.memberOrder.lazy.compactMap { view.roster.members[$0] }.filter(\.isBanned)
            let listed = try view.whole(banned, "all bans", hint: "unban who may come back") { $0.listBytes }
            return BanList(
                bans: listed.compactMap { member in
                    member.revokedAt.map { since in
                        BanList.Row(name: member.name, pubkey: member.key, revokedAt: Timestamp.iso8601(since))
                    }
                })
        }
        Write(Kick.self) { request, context in
            KickAck(kicked: try end(request.target, request.all, .kicked, "session.kicked", context))
        }
        Write(Disconnect.self) { request, context in
            DisconnectAck(kicked: try end(request.target, request.all, .disconnected, "session.disconnected", context))
        }
        Load { state in
            let rows = try state.database.prepare("SELECT member, granted, denied, banned FROM member_right").rows {
                row in
                (
                    MemberNumber(rawValue: row.int(0)), permissions(row.text(1)), permissions(row.text(2)),
                    row.int(3) == 1
                )
            }
            for (number, granted, denied, isBanned) in rows {
                state.roster.update(member: number) {
                    $0.granted = granted
                    $0.denied = denied
                    $0.isBanned = isBanned
                }
            }
        }
    }

    // MARK: Rights

    private static func set(_ request: SetRights, _ context: WriteContext) throws -> MemberRights {
        let (_, caller) = try context.caller()
        let member = try subordinate(request.member, context)
        if let role = request.role { try Members.check(role: role, givenBy: caller) }
        let granted = try request.grant.map { try checked($0, "grant") } ?? member.granted
        let denied = try request.deny.map { try checked($0, "deny") } ?? member.denied
        if caller.role != .owner, granted.contains(.admin) != member.granted.contains(.admin) {
            throw MeshError(.forbidden, "only the owner gives and takes the right to administer", hint: "ask the owner")
        }
        guard granted.isDisjoint(with: denied) else {
            throw MeshError.argument("deny", "a right is given or taken away, not both")
        }
        let role = request.role ?? member.role
        if role != member.role {
            try context.state.database.prepare("UPDATE member SET role = ? WHERE number = ?")
                .run(role.rawValue, member.number.rawValue)
        }
        try store(member.number, granted: granted, denied: denied, isBanned: member.isBanned, context)
        context.state.roster.update(member: member.number) {
            $0.role = role
            $0.granted = granted
            $0.denied = denied
        }
        try context.record(
            "member.rights", object: member.keyHex,
            ["role": .string(role.rawValue), "grant": .string(text(granted)), "deny": .string(text(denied))])
        guard let changed = context.state.roster.members[member.number] else {
            throw MeshError(.internalError, "the member is gone")
        }
        return MemberRights(changed)
    }

    private static func checked(_ permissions: [Permission], _ field: String) throws(MeshError) -> Set<Permission> {
        guard !permissions.contains(.observe) else {
            throw .argument(field, "every member observes; to end that, remove the member")
        }
        return Set(permissions)
    }

    private static func store(
        _ member: MemberNumber, granted: Set<Permission>, denied: Set<Permission>, isBanned: Bool,
        _ context: WriteContext
    ) throws {
        try context.state.database.prepare(
            "INSERT OR REPLACE INTO member_right (member, granted, denied, banned) VALUES (?, ?, ?, ?)"
        ).run(member.rawValue, text(granted), text(denied), isBanned ? 1 : 0)
    }

    private static func text(_ permissions: Set<Permission>) -> String {
        Permission.allCases.filter(permissions.contains).map(\.rawValue).joined(separator: ",")
    }

    private static func permissions(_ text: String) -> Set<Permission> {
        Set(text.split(separator: ",").compactMap { Permission(rawValue: String($0)) })
    }

    // MARK: Taking out

    /// Ends every session of a member and removes it. Returns how many ended.
    private static func expel(
        _ member: Member, isBanned: Bool, keepsDenials: Bool = false, _ reason: CloseReason, _ context: WriteContext
    ) throws -> Int {
        let state = context.state
        let sessions = state.roster.sessions(of: member.number)
        for number in sessions {
            guard let session = state.roster.sessions[number] else { continue }
            close(session, reason, context)
            try Presence.leave(session, isLast: true, context)
            try Retirement.remove(session, reason: "recipient_removed", context)
        }
        try Deliveries.abandon(member.number, reason: "recipient_removed", context)
        if !isBanned { try Topics.leaveAll(member.number, context) }
        try state.database.prepare("UPDATE member SET revoked_at = ? WHERE number = ?")
            .run(context.now, member.number.rawValue)
        let granted = isBanned ? member.granted : []
        // A member that leaves and comes back has no more rights than before.
        let denied = isBanned || keepsDenials ? member.denied : []
        try store(member.number, granted: granted, denied: denied, isBanned: isBanned, context)
        state.roster.update(member: member.number) {
            $0.revokedAt = context.now
            $0.isBanned = isBanned
            $0.granted = granted
            $0.denied = denied
        }
        return sessions.count
    }

    private static func unban(_ request: Unban, _ context: WriteContext) throws -> UnbanAck {
        let state = context.state
        let banned = state.roster.memberOrder.compactMap { state.roster.members[$0] }.filter(\.isBanned)
        let name = Names.normalised(request.target)
        let found = banned.filter { $0.name.isSame(as: name) || $0.keyHex == name }
        guard let member = found.first, found.count == 1 else {
            throw MeshError(
                found.isEmpty ? .notFound : .ambiguousTarget,
                "\(found.count) banned members are called \(request.target.prefix(64))",
                hint: found.isEmpty ? "mesh-cli member bans" : "use its key")
        }
        try checkSubordinate(member, context)
        if let other = state.roster.member(name: member.name) ?? state.roster.member(readingLike: member.name) {
            throw MeshError(
                .exists, "another member is called \(other.name) now",
                hint: "remove that one first, or invite this one again")
        }
        try state.database.prepare("UPDATE member SET revoked_at = NULL WHERE number = ?").run(member.number.rawValue)
        try store(member.number, granted: member.granted, denied: member.denied, isBanned: false, context)
        state.roster.update(member: member.number) {
            $0.revokedAt = nil
            $0.isBanned = false
        }
        try context.record("member.unbanned", object: member.keyHex)
        return UnbanAck(unbanned: member.name)
    }

    /// Ends connections; the sessions stay. Returns the names of those that had any.
    private static func end(
        _ target: String?, _ all: Bool?, _ reason: CloseReason, _ kind: String, _ context: WriteContext
    ) throws -> [String] {
        let state = context.state
        let (caller, _) = try context.caller()
        let meant: [Session]
        if all == true, target == nil {
            // Every member that the caller may decide about.
            meant = state.roster.sessionOrder.compactMap { state.roster.sessions[$0] }.filter { session in
                guard session.number != caller.number, let member = state.roster.members[session.member] else {
                    return false
                }
                return (try? checkSubordinate(member, context)) != nil
            }
        } else if let target, all != true {
            let resolution = try state.roster.resolve(TargetSpec([target]), from: nil, at: context.now)
            guard resolution.kind == .direct else {
                throw MeshError.argument("target", "a name or a key; everybody is all: true")
            }
            meant = resolution.recipients.compactMap {
                if case .session(let number) = $0 { state.roster.sessions[number] } else { nil }
            }
            for session in meant {
                if let member = state.roster.members[session.member] { try checkSubordinate(member, context) }
            }
        } else {
            throw MeshError.argument("target", "name one, or say all: true")
        }
        var names: [String] = []
        for session in meant where close(session, reason, context) {
            if session.attachment.isAttached { try Presence.leave(session, context) }
            try context.record(kind, object: session.keyHex)
            names.append(state.roster.members[session.member].map { state.roster.shownName(of: session, $0) } ?? "")
        }
        return names
    }

    /// Ends a session's connections: the one that it is attached by and those that only watch.
    @discardableResult
    static func close(_ session: Session, _ reason: CloseReason, _ context: WriteContext) -> Bool {
        let watching = context.state.subscriptions.connections(of: session.number)
        let attached = session.attachment.connection.map { [$0] } ?? []
        for connection in attached + watching.filter({ !attached.contains($0) }) {
            context.state.subscriptions.remove(connection)
            context.close(connection, reason)
        }
        return !attached.isEmpty || !watching.isEmpty
    }

    // MARK: Who

    /// Returns the member that is meant, if the caller may decide about it.
    private static func subordinate(_ target: String, _ context: WriteContext) throws(MeshError) -> Member {
        let member = try context.state.roster.present(target)
        try checkSubordinate(member, context)
        return member
    }

    /// Fails with `forbidden` when the caller may not decide about a member.
    static func checkSubordinate(_ member: Member, _ context: WriteContext) throws(MeshError) {
        let (_, caller) = try context.caller()
        if member.role == .owner, member.number != caller.number {
            throw MeshError(.forbidden, "nobody decides about the owner of a mesh")
        }
        if member.number == caller.number {
            throw MeshError(.forbidden, "nobody decides about itself", hint: "ask another admin or the owner")
        }
        // One that the owner denied it is still made and unmade by the owner alone.
        if member.role == .admin || member.may(.admin), caller.role != .owner {
            throw MeshError(.forbidden, "only the owner decides about admins", hint: "ask the owner")
        }
    }
}

extension CloseReason {
    static let kicked = CloseReason(code: 4001, reason: "kicked")
    static let disconnected = CloseReason(code: 1000, reason: "disconnected")
    static let banned = CloseReason(code: 4002, reason: "banned")
    static let removed = CloseReason(code: 4002, reason: "removed")
}
