import MeshCore

/// Presence: status, summary, visibility, joins, leaves and returns. A lost connection has a grace period; only after
/// it are the others notified, once.
enum Presence {
    static let graceTimer = TimerKind(rawValue: "presence.grace")
    static let workingTimer = TimerKind(rawValue: "presence.working")
    static let visibleTimer = TimerKind(rawValue: "presence.visible")
    /// A session may hide or show itself only this often: each time is a push to everybody.
    static let visibleMillis: Int64 = 1_000

    /// What was last sent to the others about sessions that hid or showed themselves; lost with the process.
    final class Memory: CapabilityMemory {
        var announced: [SessionNumber: (isVisible: Bool, at: Int64)] = [:]
        init() {}
    }

    static let capability = Capability("presence") {
        Write(SetStatus.self) { request, context in
            let (session, _) = try context.caller()
            let lease = request.lease ?? DeliveryPolicy.workingLeaseMillis
            let isRenewal = session.status == request.status
            try setStatus(request.status, of: session.number, lease: lease, context)
            if !isRenewal {
                try context.record(
                    "presence.status", object: session.key.hex,
                    [
                        "status": .string(request.status.rawValue),
                        "until": request.status == .working ? .integer(context.now + lease) : .null,
                    ])
            }
            return try answer(session.number, context)
        }
        Write(SetSummary.self) { request, context in
            let (session, _) = try context.caller()
            let summary = request.summary ?? ""
            try context.update(session.number) { $0.summary = summary.isEmpty ? nil : summary }
            try context.record(
                "presence.summary", object: session.key.hex, commitments: ["summary": summary.commitment])
            return try answer(session.number, context)
        }
        Write(SetVisible.self) { request, context in
            let (session, _) = try context.caller()
            if session.isVisible != request.visible {
                try context.update(session.number) { $0.isVisible = request.visible }
                try context.record("presence.visible", object: session.key.hex, ["visible": .bool(request.visible)])
                tellVisibility(session.number, context)
            }
            return try answer(session.number, context)
        }
        Read(ListPeers.self) { request, view in
            let caller = try? view.caller().session
            let roster = view.roster
            let start = try view.cursor(request.after) { roster.session(key: $0)?.number }
            let listed = roster.sessionOrder.after(start).lazy.compactMap { roster.sessions[$0] }.filter { session in
                (request.all == true || session.attachment != .away)
                    && (session.isVisible || session.member == caller?.member)
            }
            var page = view.listPage()
            let taken = page.take(listed) { $0.listBytes }
            return PeersList(
                peers: taken.compactMap { session in
                    roster.members[session.member].map { member in
                        PeersList.Peer(
                            session: session, member: member,
                            shownName: view.roster.shownName(of: session, member),
                            pending: view.state.mailboxes[session.number]?.count ?? 0,
                            you: session.number == caller?.number, now: view.now)
                    }
                }, next: page.isFull ? taken.last?.keyHex : nil)
        }
        Timer(visibleTimer) { key, context in tellVisibility(SessionNumber(rawValue: key), context) }
        Timer(workingTimer) { key, context in
            let number = SessionNumber(rawValue: key)
            guard let session = context.state.roster.sessions[number], session.status == .working,
                let expires = session.statusExpiresAt, expires <= context.now
            else { return false }
            try setStatus(.idle, of: number, lease: 0, context)
            try context.record(
                "presence.status", object: session.key.hex, ["status": "idle", "cause": "lease"])
            return true
        }
        Timer(graceTimer) { key, context in
            let number = SessionNumber(rawValue: key)
            guard let session = context.state.roster.sessions[number],
                case .grace(let until) = session.attachment, until <= context.now
            else { return false }
            try leave(session, context)
            return true
        }
        Load { state in
            for (number, session) in state.roster.sessions {
                if session.status == .working, let expires = session.statusExpiresAt {
                    state.timers.arm(workingTimer, key: number.rawValue, due: expires)
                }
            }
        }
    }

    /// Sets a status: the only function that does, so that every transition to idle delivers what was held.
    static func setStatus(
        _ status: PeerStatus, of number: SessionNumber, lease: Int64, _ context: WriteContext
    ) throws {
        try context.update(number) { session in
            if session.status != status { session.statusSince = context.now }
            session.status = status
            session.statusExpiresAt = status == .working ? context.now + lease : nil
        }
        if status == .working { context.arm(workingTimer, key: number.rawValue, due: context.now + lease) }
        if status == .idle { try Deliveries.drain(number, context) }
    }

    /// Notifies the others that a session is here: once, until it has left.
    static func arrive(_ number: SessionNumber, returned: Bool, _ context: WriteContext) throws {
        guard let session = context.state.roster.sessions[number], !session.isAnnounced,
            let member = context.state.roster.members[session.member]
        else { return }
        try context.update(number) { $0.isAnnounced = true }
        try context.record(
            "session.opened", object: session.key.hex,
            ["member": .string(member.key.hex), "returned": .bool(returned), "proven": .bool(session.isProven)])
        if session.isVisible { announce(returned ? "peer_returned" : "peer_joined", session, member, context) }
    }

    /// Notifies the others that a session hides or shows itself, at once or when the limit allows; true when it was
    /// sent.
    @discardableResult
    private static func tellVisibility(_ number: SessionNumber, _ context: WriteContext) -> Bool {
        guard let session = context.state.roster.sessions[number],
            let member = context.state.roster.members[session.member]
        else { return false }
        let memory = context.state.memory(Memory.self)
        if let announced = memory.announced[number] {
            guard announced.isVisible != session.isVisible else { return false }
            guard context.now >= announced.at + visibleMillis else {
                context.arm(visibleTimer, key: number.rawValue, due: announced.at + visibleMillis)
                return false
            }
        }
        memory.announced[number] = (session.isVisible, context.now)
        announce(session.isVisible ? "peer_visible" : "peer_hidden", session, member, context)
        return true
    }

    /// Drops a session that is removed.
    static func forget(_ number: SessionNumber, _ state: EngineState) {
        state.memory(Memory.self).announced[number] = nil
    }

    /// Ends a session's presence after its grace period. `isLast` means that the session itself ends now.
    static func leave(_ session: Session, isLast: Bool = false, _ context: WriteContext) throws {
        guard let member = context.state.roster.members[session.member] else { return }
        let wasAnnounced = session.isAnnounced
        try context.update(session.number) {
            if $0.attachment.isAttached { $0.lastSeenAt = context.now }
            $0.attachment = .away
            $0.isAnnounced = false
            if $0.status == .working {
                $0.status = .idle
                $0.statusExpiresAt = nil
            }
        }
        if wasAnnounced {
            try context.record("session.gone", object: session.key.hex)
            if session.isVisible { announce("peer_left", session, member, context) }
        }
        if !isLast { try Retirement.left(session.number, context) }
    }

    /// Sends one event to every connected session except its subject. Legacy clients of the same member are left
    /// out, as they expect.
    private static func announce(_ event: String, _ session: Session, _ member: Member, _ context: WriteContext) {
        guard context.state.roster.connectedCount <= DeliveryPolicy.presenceAudience else { return }
        let name = context.state.roster.shownName(of: session, member)
        var data: JSONObject = [
            "name": .string(name), "displayName": .string(name),
            "pubkey": .string((session.claimedKey ?? member.key).hex),
            "memberPubkey": .string(member.key.hex), "memberName": .string(member.name),
        ]
        if let label = session.label { data["label"] = .string(label) }
        if event == "peer_joined" || event == "peer_returned" {
            data["groups"] = .array(
                session.groups.map { group in
                    var object: JSONObject = ["name": .string(group.name)]
                    if let role = group.role { object["role"] = .string(role) }
                    return .object(object)
                })
        }
        if event == "peer_returned" {
            data["lastSeenAt"] = .string(Timestamp.iso8601(session.lastSeenAt))
            data["summary"] = session.summary.map { .string($0) } ?? .null
        }
        let id = Hex.encode(
            Hashing.sha256(Array("\(event)|\(session.number.rawValue)|\(context.state.ledger.size)".utf8)).prefix(16))
        let push = SystemEvent(event: event, data: data, id: id, meshID: context.state.facts.id, at: context.now)
        context.broadcast(push) { other in
            other.number != session.number && (other.dialect == .mesh || other.member != session.member)
        }
    }

    private static func answer(_ number: SessionNumber, _ context: WriteContext) throws -> PresenceSet {
        guard let session = context.state.roster.sessions[number] else {
            throw MeshError(.internalError, "the session is gone")
        }
        return PresenceSet(
            status: session.status, statusExpiresAt: session.statusExpiresAt, summary: session.summary,
            visible: session.isVisible)
    }
}
