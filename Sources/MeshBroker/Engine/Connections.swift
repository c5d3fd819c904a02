package import MeshCore
import MeshStore

/// Opens or resumes a session whose keys were verified outside.
package struct OpenSession: InternalWriteRequest {
    /// The member's key.
    package var member: PublicKey
    /// The session's key; nil for a client without one.
    package var session: PublicKey?
    /// Whether possession of the session's key was proved.
    package var isProven: Bool
    /// The member's signature for the session's key.
    package var binding: Signature?
    /// A claudemesh client that keeps no session.
    package var isForeign: Bool
    package var dialect: Dialect
    package var acknowledges: Bool
    package var label: String?
    package var groups: [GroupMembership]?
    package var messageMode: MessageMode?
    package var info: ClientInfo
    /// The connection to attach; nil only registers the session.
    package var connection: UInt64?
    /// Whether a live connection of the same session is replaced; otherwise the newcomer is refused.
    package var replaces: Bool
    package var limits: HelloAck.Limits

    package init(
        member: PublicKey, session: PublicKey?, isProven: Bool, binding: Signature?, isForeign: Bool, dialect: Dialect,
        acknowledges: Bool, label: String?, groups: [GroupMembership]?, messageMode: MessageMode?, info: ClientInfo,
        connection: UInt64?, replaces: Bool, limits: HelloAck.Limits
    ) {
        self.member = member
        self.session = session
        self.isProven = isProven
        self.binding = binding
        self.isForeign = isForeign
        self.dialect = dialect
        self.acknowledges = acknowledges
        self.label = label
        self.groups = groups
        self.messageMode = messageMode
        self.info = info
        self.connection = connection
        self.replaces = replaces
        self.limits = limits
    }

    package static let declaration = RequestDeclaration.internalOnly(
        "_open_session", "Open a session.", isEssential: true)
    package typealias Answer = SessionOpened
}

/// The session that was opened, and the frame that notifies its client.
package struct SessionOpened: InternalReply {
    package static let type = "_session_opened"
    package var number: Int64
    package var acknowledges: Bool
    package var ack: HelloAck
}

/// Reports that a connection is gone.
package struct LoseConnection: InternalWriteRequest {
    package var session: Int64
    package var connection: UInt64
    /// Whether its client closed the connection cleanly.
    package var clean: Bool?
    package init(session: Int64, connection: UInt64, clean: Bool? = nil) {
        self.session = session
        self.connection = connection
        self.clean = clean
    }
    package static let declaration = RequestDeclaration.internalOnly(
        "_lose_connection", "A connection is gone.", isEssential: true)
    package typealias Answer = Acknowledged
}

/// Reports that the node has started: no connection from before is alive.
package struct StartNode: InternalWriteRequest {
    /// Milliseconds since the previous batch.
    package var stoppedFor: Int64
    package init(stoppedFor: Int64) { self.stoppedFor = stoppedFor }
    package static let declaration = RequestDeclaration.internalOnly(
        "_start_node", "The node has started.", isEssential: true)
    package typealias Answer = Acknowledged
}

/// Sessions and their connections: attaching, replacing, grace periods, leaving and retiring.
enum Connections {
    /// After a stop (or a jump of the clock) of this length nothing expires for a while.
    static let longStopMillis: Int64 = 3_600_000
    /// After a long stop nothing expires before recipients had a chance to return. Decided before the batch's timers
    /// fire.
    static func holdExpiry(_ batch: Batch, _ state: EngineState) {
        guard let first = batch.commands.first?.request, Swift.type(of: first) == StartNode.self,
            let start = first as? StartNode, start.stoppedFor > longStopMillis
        else { return }
        state.expiryHeldUntil = state.now + DeliveryPolicy.graceMillis * 2
    }

    static let capability = Capability("connections") {
        InternalWrite(OpenSession.self) { request, context in try open(request, context) }
        InternalWrite(LoseConnection.self) { request, context in
            let number = SessionNumber(rawValue: request.session)
            let connection = ConnectionID(rawValue: request.connection)
            context.state.subscriptions.remove(connection)
            guard let session = context.state.roster.sessions[number], session.attachment == .attached(connection)
            else { return Acknowledged(changed: 0) }
            try lose(session, saidGoodbye: request.clean == true && !PlantedFault.strikes(.forgetGoodbyes), context)
            return Acknowledged(changed: 1)
        }
        InternalWrite(StartNode.self) { request, context in
            var changed = try KeyOwnership.restore(context)
            for number in context.state.roster.sessionOrder {
                guard let session = context.state.roster.sessions[number] else { continue }
                if session.isAnnounced || session.attachment.isAttached {
                    try lose(session, context)
                    changed += 1
                }
            }
            return Acknowledged(changed: changed)
        }
        Timer(Retirement.timer) { key, context in try Retirement.isDue(SessionNumber(rawValue: key), context) }
        Load { state in try load(state) }
    }

    // MARK: Opening

    private static func open(_ request: OpenSession, _ context: WriteContext) throws -> SessionOpened {
        let state = context.state
        guard let member = state.roster.member(key: request.member) else {
            throw MeshError.stranger
        }
        if member.revokedAt != nil { throw MeshError(.revoked, "\(member.name) was removed from this mesh") }
        let groups = try request.groups.map { try $0.reduce([]) { try Groups.joined($0, with: $1) } } ?? []
        let key = request.session ?? standInKey(member, request)
        let claim = try claim(key, request, member, state)
        let known: Session? = if case .own(let session) = claim { session } else { nil }
        // The same connection tries again when the batch of its first try was undone.
        if let known, let attached = known.attachment.connection, let connection = request.connection,
            attached.rawValue != connection, !request.replaces
        {
            throw MeshError(
                .sessionInUse, "\(member.name)\(known.label.map { "/" + $0 } ?? "") is connected already",
                hint: "end the other one, or take its place with --replace")
        }
        let number = try known?.number ?? create(request, key: key, claim, member: member, context)
        try refresh(number, request, member.may(JoinGroup.declaration.permission) ? groups : [], context)
        if let connection = request.connection {
            try attach(number, ConnectionID(rawValue: connection), request, known: known, context)
        }
        guard let session = state.roster.sessions[number] else {
            throw MeshError(.internalError, "the session was not kept")
        }
        return SessionOpened(
            number: number.rawValue, acknowledges: session.acknowledges,
            ack: helloAck(session, member, request, known: known, context))
    }

    /// What happens to the key that a hello names.
    private static func claim(
        _ key: PublicKey, _ request: OpenSession, _ member: Member, _ state: EngineState
    ) throws -> KeyClaim {
        guard request.session != nil else { return state.roster.session(standIn: key).map { .own($0) } ?? .free }
        let claim = try KeyOwnership.claim(key, by: member, isProven: request.isProven, state)
        if case .own(let session) = claim, session.isProven, !request.isProven {
            throw MeshError(
                .sessionKeyTaken, "this session key was proved; who only names it is not let in",
                hint: "prove it with session_hello, or make a new session key")
        }
        return claim
    }

    private static func helloAck(
        _ session: Session, _ member: Member, _ request: OpenSession, known: Session?, _ context: WriteContext
    ) -> HelloAck {
        let wasGrace = if case .grace = known?.attachment { true } else { false }
        return HelloAck(
            presenceId: session.key.hex,
            memberDisplayName: context.state.roster.shownName(of: session, member),
            memberProfile: .init(
                roleTag: member.role.rawValue, groups: session.groups, messageMode: session.messageMode.rawValue),
            reattached: wasGrace ? true : nil, meshSlug: context.state.facts.slug, memberId: member.id,
            role: member.role,
            pending: context.state.mailboxes[session.number]?.count ?? 0, serverTime: context.now,
            limits: request.limits, status: session.status)
    }

    /// A client without a session key is identified by its own session id; its stand-in key is held by nobody.
    private static func standInKey(_ member: Member, _ request: OpenSession) -> PublicKey {
        let text = "mesh-foreign-v1|\(member.key.hex)|\(request.info.sessionID ?? "")"
        return PublicKey(bytes: Hashing.sha256(Array(text.utf8))) ?? .zero
    }

    private static func create(
        _ request: OpenSession, key: PublicKey, _ claim: KeyClaim, member: Member, _ context: WriteContext
    ) throws -> SessionNumber {
        let state = context.state
        // A foreign client may send any name: it is made a label, and never refused.
        let label = request.isForeign ? request.label.flatMap(Labels.clean) : request.label
        if let label, !request.isForeign { try checkLabel(label, of: member, context) }
        try Retirement.makeRoom(for: member, context)
        if case .takenFrom(let other) = claim {
            let next = SessionNumber(rawValue: state.nextSession)
            try KeyOwnership.take(from: other, for: .session(next), of: member.number, context)
        }
        var session = Session(
            number: SessionNumber(rawValue: state.nextSession), member: member.number, key: key, label: label,
            isForeign: request.isForeign, hasKey: request.session != nil, isProven: request.isProven,
            binding: request.binding, acknowledges: request.acknowledges, dialect: request.dialect, seenAt: context.now)
        session.statusSince = context.now
        try insert(session, context)
        return session.number
    }

    /// Takes over what a returning client states about itself.
    private static func refresh(
        _ number: SessionNumber, _ request: OpenSession, _ groups: [GroupMembership], _ context: WriteContext
    ) throws {
        guard let before = context.state.roster.sessions[number] else { return }
        var session = before
        if request.connection != nil { session.info = request.info }
        session.isProven = session.isProven || request.isProven
        session.binding = request.binding ?? session.binding
        session.acknowledges = session.acknowledges || request.acknowledges
        session.dialect = request.connection == nil ? session.dialect : request.dialect
        // One of our clients keeps its key on disk, even when a foreign one has named it before.
        if request.isProven, !request.isForeign {
            // A foreign client's label is checked less: one of our clients does not keep it.
            if session.isForeign { session.label = nil }
            session.isForeign = false
        }
        if before.isForeign, request.isForeign, let label = request.label.flatMap(Labels.clean) {
            session.label = label
        }
        if !groups.isEmpty { session.groups = groups }
        if let mode = request.messageMode { session.messageMode = mode }
        if session != before { try context.update(number) { $0 = session } }
    }

    private static func attach(
        _ number: SessionNumber, _ connection: ConnectionID, _ request: OpenSession, known: Session?,
        _ context: WriteContext
    ) throws {
        if let old = known?.attachment.connection, old != connection {
            context.state.subscriptions.remove(old)
            context.close(old, request.dialect == .claudemesh ? .legacySessionReplaced : .sessionReplaced)
        }
        if request.isForeign { try replaceSameClient(number, request, context) }
        let wasAnnounced = known?.isAnnounced ?? false
        try context.update(number) {
            $0.attachment = .attached(connection)
            $0.attachedAt = context.now
            $0.hasClosed = false
        }
        if !wasAnnounced {
            // A session that was seen before returns: its key lives on its client's disk.
            try Presence.arrive(number, returned: known.map { $0.attachedAt > 0 } ?? false, context)
        }
        if let session = context.state.roster.sessions[number] {
            try Deliveries.moveMemberMail(to: session, context)
        }
        try Deliveries.reoffer(number, context)
    }

    /// A claudemesh client that reconnects under its own session id takes the place of its older connection. The
    /// session of that one is over: its key was that of another run.
    private static func replaceSameClient(
        _ number: SessionNumber, _ request: OpenSession, _ context: WriteContext
    ) throws {
        guard let sessionID = request.info.sessionID, !sessionID.isEmpty,
            let member = context.state.roster.sessions[number]?.member
        else { return }
        for other in context.state.roster.sessionOrder where other != number {
            guard let session = context.state.roster.sessions[other], session.isForeign, session.member == member,
                session.info.sessionID == sessionID, let connection = session.attachment.connection
            else { continue }
            context.close(connection, .legacySessionReplaced)
            try lose(session, saidGoodbye: true, context)
        }
    }

    private static func lose(_ session: Session, saidGoodbye: Bool = false, _ context: WriteContext) throws {
        let until = context.now + DeliveryPolicy.graceMillis
        try context.update(session.number) {
            $0.attachment = .grace(until: until)
            $0.lastSeenAt = context.now
            if saidGoodbye, $0.isForeign { $0.hasClosed = true }
        }
        context.arm(Presence.graceTimer, key: session.number.rawValue, due: until)
        try Deliveries.holdWhatIsGone(session.number, context)
    }

    // MARK: Registration

    /// Whether a session may be registered: its key is new or the member's own, its label free.
    static func check(_ binding: SessionBinding, member: Member, _ context: WriteContext) throws {
        if binding.pubkey == member.key {
            // It comes with the member's own key, even when somebody has named it before.
            if context.state.roster.session(key: member.key)?.member == member.number { return }
        } else if case .own = try KeyOwnership.claim(binding.pubkey, by: member, isProven: false, context.state) {
            return
        }
        if let label = binding.label { try checkLabel(label, of: member, context) }
    }

    /// Registers a session whose key is on its client's disk. A known one stays as it is.
    static func register(
        _ binding: SessionBinding, member: Member, proven: Bool, _ context: WriteContext
    ) throws {
        try check(binding, member: member, context)
        guard context.state.roster.session(key: binding.pubkey) == nil else { return }
        try Retirement.makeRoom(for: member, context)
        let session = Session(
            number: SessionNumber(rawValue: context.state.nextSession), member: member.number, key: binding.pubkey,
            label: binding.label, isForeign: false, hasKey: true, isProven: proven, binding: binding.binding,
            acknowledges: true, dialect: .mesh, seenAt: context.now)
        try insert(session, context)
    }

    private static func insert(_ session: Session, _ context: WriteContext) throws {
        let state = context.state
        state.roster.insert(session)
        state.nextSession += 1
        try context.save(session)
        try context.record(
            "session.registered", object: session.key.hex,
            ["member": .string(state.roster.members[session.member]?.key.hex ?? "")])
        try Deliveries.moveMemberMail(to: session, context)
    }

    private static func checkLabel(_ label: String, of member: Member, _ context: WriteContext) throws(MeshError) {
        try Labels.check(label)
        if context.state.roster.isMisleading(label, of: member.number) {
            throw MeshError(
                .exists, "\(label) is, or reads like, the name of another member",
                hint: "choose another name for this session")
        }
        let taken = context.state.roster.sessions(of: member.number).contains {
            context.state.roster.sessions[$0]?.label == label
        }
        if taken {
            throw MeshError(
                .exists, "\(member.name) has a session called \(label)", hint: "choose another name for this one")
        }
    }

    // MARK: Storage

    private static func load(_ state: EngineState) throws {
        let sessions = try state.database.prepare(
            """
            SELECT number, member, key, label, flags, binding, dialect, groups, status, status_since, status_expires,
                   summary, mode, attached_at, seen_at, info
            FROM session ORDER BY number
            """
        ).rows { row in try SessionRow.read(row) }
        for var session in sessions {
            // Written before labels were checked.
            if session.isForeign { session.label = session.label.flatMap(Labels.clean) }
            state.roster.insert(session)
            if session.isForeign { Retirement.arm(session, state) }
        }
        state.nextSession =
            max(sessions.last?.number.rawValue ?? 0, try MetaTable(state.database).int("session.last") ?? 0) + 1
    }
}

extension MeshError {
    /// The answer to non-members, the same whether the mesh exists or not: nobody learns names by asking.
    package static let stranger = MeshError(
        .unauthorized, "this key is not a member of that mesh", hint: "join with an invite")
}

extension CloseReason {
    /// A newer connection of the same session took this one's place.
    static let sessionReplaced = CloseReason(code: 4004, reason: "session_replaced")
    /// The same, as claudemesh clients know it.
    static let legacySessionReplaced = CloseReason(code: 1000, reason: "session_replaced")
    /// The session's key belongs to another member, who has proved it.
    static let sessionKeyTaken = CloseReason(code: 1008, reason: "session_key_taken")
    /// The session was removed from the mesh.
    static let sessionRemoved = CloseReason(code: 4001, reason: "session_removed")
}
