import MeshCore
import MeshStore

/// What members allow each other to send: stored by member key, decided when a message is accepted.
enum Grants {
    /// Why a delivery waits that its recipient does not want; never shown to the sender.
    static let holdReason = "blocked"
    /// Members that one member may restrict.
    static let maximumPerMember = 10_000

    static let migrations = [
        Migration(
            name: "grants-1",
            sql: """
                CREATE TABLE peer_grant (
                    member INTEGER NOT NULL, peer INTEGER NOT NULL, grants TEXT NOT NULL, PRIMARY KEY (member, peer)
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    /// Who may send what to whom, where it is restricted: by recipient, then by sender.
    final class Memory: CapabilityMemory {
        var limits: [MemberNumber: [MemberNumber: Set<PeerGrant>]] = [:]
        init() {}
    }

    static let capability = Capability("grants", migrations: migrations) {
        Write(SetGrants.self) { request, context in try set(request, context) }
        Read(ListGrants.self) { _, view in
            let list = list(of: try view.caller().member.number, view.state)
            _ = try view.whole(list.grants, "all limits", hint: "take some back") { 200 + $0.name.utf8.count }
            return list
        }
        Load { state in
            let memory = state.memory(Memory.self)
            memory.limits.removeAll()
            let rows = try state.database.prepare("SELECT member, peer, grants FROM peer_grant").rows { row in
                (
                    MemberNumber(rawValue: row.int(0)), MemberNumber(rawValue: row.int(1)),
                    Set(row.text(2).split(separator: ",").compactMap { PeerGrant(rawValue: String($0)) })
                )
            }
            for (member, peer, grants) in rows { memory.limits[member, default: [:]][peer] = grants }
        }
    }

    /// Whether a recipient does not want this message.
    static func blocks(_ message: StoredMessage, _ recipient: Recipient, _ state: EngineState) -> Bool {
        let limits = state.memory(Memory.self).limits
        if limits.isEmpty { return false }
        let member: MemberNumber? =
            switch recipient {
            case .session(let number): state.roster.sessions[number]?.member
            case .member(let number): number
            }
        guard let member, let grants = limits[member]?[message.member] else { return false }
        return !grants.contains(message.kind == .direct ? .dm : .broadcast)
    }

    private static func set(_ request: SetGrants, _ context: WriteContext) throws -> GrantList {
        let (_, caller) = try context.caller()
        let state = context.state
        let peer = try state.roster.present(request.peer)
        guard peer.number != caller.number else {
            throw MeshError.argument("peer", "is the caller itself")
        }
        let memory = state.memory(Memory.self)
        if let grants = request.grants, Set(grants) != Set(PeerGrant.allCases) {
            let known = memory.limits[caller.number]?.count ?? 0
            guard known < maximumPerMember || memory.limits[caller.number]?[peer.number] != nil else {
                throw MeshError(.capacity, "a member limits at most \(maximumPerMember) others")
            }
            let text = PeerGrant.allCases.filter(grants.contains).map(\.rawValue).joined(separator: ",")
            try state.database.prepare("INSERT OR REPLACE INTO peer_grant (member, peer, grants) VALUES (?, ?, ?)")
                .run(caller.number.rawValue, peer.number.rawValue, text)
            memory.limits[caller.number, default: [:]][peer.number] = Set(grants)
        } else {
            try state.database.prepare("DELETE FROM peer_grant WHERE member = ? AND peer = ?")
                .run(caller.number.rawValue, peer.number.rawValue)
            memory.limits[caller.number]?[peer.number] = nil
            if memory.limits[caller.number]?.isEmpty == true { memory.limits[caller.number] = nil }
        }
        // Block lists are private to the member that made them.
        try context.record("member.grants")
        return list(of: caller.number, state)
    }

    private static func list(of member: MemberNumber, _ state: EngineState) -> GrantList {
        let limits = state.memory(Memory.self).limits[member] ?? [:]
        return GrantList(
            grants: limits.keys.sorted().compactMap { number in
                guard let peer = state.roster.members[number], let grants = limits[number] else { return nil }
                return .init(name: peer.name, pubkey: peer.key, grants: PeerGrant.allCases.filter(grants.contains))
            })
    }
}
