import MeshCore
import MeshStore

/// Deliveries that change owner: what waits for one recipient goes to another one that can open it.
extension Deliveries {
    /// Gives a member's next session what waited for the member.
    static func moveMemberMail(to session: Session, _ context: WriteContext) throws {
        let state = context.state
        guard let waiting = state.memberMail.removeValue(forKey: session.member) else { return }
        let (member, own) = (Recipient.member(session.member), Recipient.session(session.number))
        for pending in waiting {
            let message = try StoredMessage.find(pending.message, state.database)
            try move(pending, message, from: member, to: own, isBlocked: false, context)
        }
    }

    /// Moves what was addressed to a key itself, and waits for one session, to a recipient of the member that owns the
    /// key.
    static func handOver(
        addressedTo key: String, of session: SessionNumber, to recipient: Recipient, of owner: MemberNumber,
        _ context: WriteContext
    ) throws {
        try handOver(of: session, to: recipient, of: owner, context) { $0.target == key }
    }

    /// Moves what was sealed to a member's own key, and waits for a session without one, to the member's reader.
    static func handOver(sealedTo member: MemberNumber, of session: SessionNumber, _ context: WriteContext) throws {
        guard let key = context.state.roster.members[member]?.key else { return }
        let reader = context.state.roster.reader(of: member)
        try handOver(of: session, to: reader, of: nil, context) { message in
            message.kind == .direct && message.sealingKey(for: .session(session)) == key
        }
    }

    private static func handOver(
        of session: SessionNumber, to recipient: Recipient, of owner: MemberNumber?, _ context: WriteContext,
        where isMeant: (StoredMessage) -> Bool
    ) throws {
        let state = context.state
        for pending in state.mailboxes[session]?.all ?? [] {
            guard let message = try StoredMessage.find(pending.message, state.database), isMeant(message),
                try !hasDelivery(pending.message, recipient, state.database)
            else { continue }
            _ = state.mailboxes[session]?.remove(pending.message)
            // Another member decides for itself whether it wants mail of this sender.
            let isBlocked = owner.map { Grants.blocks(message, .member($0), state) } ?? false
            try move(pending, message, from: .session(session), to: recipient, isBlocked: isBlocked, context)
        }
        if case .session(let number) = recipient { try drain(number, context) }
    }

    private static func move(
        _ pending: Pending, _ message: StoredMessage?, from old: Recipient, to new: Recipient, isBlocked: Bool,
        _ context: WriteContext
    ) throws {
        let state = context.state
        try state.database.prepare(
            "UPDATE delivery SET recipient = ?, state = ?, reason = ? WHERE message = ? AND recipient = ?"
        ).run(
            new.stored, DeliveryState.held.stored, isBlocked ? Grants.holdReason : nil, pending.message, old.stored)
        if var message, case .copies(var copies) = message.body,
            let place = copies.firstIndex(where: { $0.recipient == old.stored })
        {
            copies[place].recipient = new.stored
            message.body = .copies(copies)
            try message.updateBody(in: state.database)
        }
        if isBlocked { return }
        var held = pending
        (held.offeredAt, held.bytes) = (0, 0)
        switch new {
        case .session(let number): state.mailbox(of: number).insert(held)
        case .member(let number):
            state.memberMail[number, default: []].append(held)
            state.memberMail[number]?.sort { $0.message < $1.message }
        }
    }

    /// Holds what was offered to a session that is gone, and notifies the waiting senders that it may never be read.
    static func holdWhatIsGone(_ number: SessionNumber, _ context: WriteContext) throws {
        let state = context.state
        guard state.roster.sessions[number]?.isGone == true, let mailbox = state.mailboxes[number] else { return }
        let recipient = Recipient.session(number)
        for pending in mailbox.offered.values.reversed() {
            mailbox.takeBack(pending)
            try updateRow(pending.message, recipient, .held, reason: nil, attempts: pending.attempts, context)
        }
        for pending in mailbox.all {
            try receipt(
                pending.message, recipient, .held, reason: HoldReason.gone.rawValue, attempts: pending.attempts, context
            )
        }
    }

    private static func hasDelivery(_ message: Int64, _ recipient: Recipient, _ database: Database) throws -> Bool {
        try database.prepare("SELECT 1 FROM delivery WHERE message = ? AND recipient = ?")
            .first(message, recipient.stored) { _ in true } ?? false
    }
}

extension StoredMessage {
    /// The key that a recipient's copy is sealed to; nil when it is plain or has none for it.
    fileprivate func sealingKey(for recipient: Recipient) -> PublicKey? {
        switch body {
        case .shared(_, _, let key): key
        case .copies(let copies): copies.first { $0.recipient == recipient.stored }?.key
        case .dropped: nil
        }
    }
}
