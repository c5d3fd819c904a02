import MeshCore
import MeshStore

/// Delivery status for senders and recipients; and what waits in an inbox.
enum Receipts {
    static let capability = Capability("receipts") {
        Read(GetMessageStatus.self) { request, view in try status(request.messageId, view) }
        Watch(WatchMessage.self) { request, watch in
            let status = try status(request.messageId, watch.view)
            if let seq = watch.view.state.messageIDs.seq(status.messageId) {
                try watch.subscribe(channel: Deliveries.messageChannel, prefix: String(seq), name: status.messageId)
            }
            return status
        }
        Read(ListInbox.self) { request, view in
            try inbox(view, limit: request.limit ?? 50, after: request.after)
        }
        Watch(WatchInbox.self) { _, watch in
            let number = try watch.view.caller().session.number
            try watch.subscribe(channel: "\(Deliveries.inboxChannel):\(number.rawValue)", prefix: "", name: "inbox")
            return try inbox(watch.view, limit: 200, after: nil)
        }
        Read(ListDeadLetters.self) { request, view in try deadLetters(request, view) }
    }

    // MARK: Status

    private static func status(_ id: String, _ view: ReadView) throws -> MessageStatus {
        let state = view.state
        let (session, member) = try view.caller()
        let seq = try find(id, state)
        guard let message = try StoredMessage.find(seq, state.database) else { throw unknown(id) }
        let rows = try state.database.prepare(
            "SELECT recipient, state, reason, attempts, updated_at FROM delivery WHERE message = ? ORDER BY recipient"
        ).rows(seq) { row in
            (
                recipient: Recipient(stored: row.int(0)), state: DeliveryState(stored: row.int(1)) ?? .held,
                reason: row.isNull(2) ? nil : row.text(2), attempts: Int(row.int(3)), updatedAt: row.int(4)
            )
        }
        // Only the sender's member and the recipients learn that a message exists.
        let isOwn = message.member == member.number
        guard isOwn || rows.contains(where: { $0.recipient == .session(session.number) }) else { throw unknown(id) }
        var page = view.wholePage()
        let receipts = page.take(rows) { _ in 300 }.map { entry in
            row(
                entry.recipient, entry.state,
                // Including what the recipient does not want.
                reason: entry.state == .held ? holdReason(entry.recipient, message.priority, state) : entry.reason,
                attempts: entry.attempts, updatedAt: entry.updatedAt, state)
        }
        let delivered = !rows.isEmpty && rows.allSatisfy { $0.state.isReceived }
        let agreed = Set(rows.map(\.state))
        var status = MessageStatus(
            messageId: state.messageIDs.id(seq), targetSpec: message.target,
            status: agreed.count == 1 ? agreed.first?.rawValue ?? "accepted" : "accepted", delivered: delivered,
            deliveredAt: delivered ? Timestamp.iso8601(rows.map(\.updatedAt).max() ?? 0) : nil,
            acceptedAt: message.acceptedAt, expiresAt: message.expiresAt, recipients: receipts)
        if page.isFull { status.recipientCount = rows.count }
        return status
    }

    /// The number of an id or of a unique prefix of 8 characters or more.
    private static func find(_ id: String, _ state: EngineState) throws(MeshError) -> Int64 {
        if let seq = state.messageIDs.seq(id) {
            guard seq < state.nextMessage else { throw unknown(id) }
            return seq
        }
        guard (8..<13).contains(id.utf8.count) else {
            throw .argument("messageId", "13 characters, or a unique prefix of at least 8")
        }
        let newest = max(1, state.nextMessage - 1_000_000)..<max(1, state.nextMessage)
        let found = state.messageIDs.numbers(beginning: id, in: newest, limit: 2)
        if found.count > 1 {
            throw MeshError(
                .ambiguousPrefix, "\(id) begins more than one message id",
                hint: found.map { state.messageIDs.id($0) }.joined(separator: ", "))
        }
        guard let seq = found.first else { throw unknown(id) }
        return seq
    }

    private static func unknown(_ id: String) -> MeshError {
        MeshError(.notFound, "no message of yours has the id \(id.prefix(64))")
    }

    /// One recipient's receipt.
    static func row(
        _ recipient: Recipient, _ delivery: DeliveryState, reason: String?, attempts: Int, updatedAt: Int64,
        _ state: EngineState
    ) -> RecipientReceipt {
        let key = Messages.sealingKey(of: recipient, state) ?? .zero
        var name = "(retired)"
        var label: String?
        var isConnected = false
        switch recipient {
        case .session(let number):
            if let session = state.roster.sessions[number], let member = state.roster.members[session.member] {
                name = member.name
                label = session.label
                isConnected = session.attachment.isAttached
            }
        case .member(let number): name = state.roster.members[number]?.name ?? name
        }
        let legacy = delivery.isReceived ? "delivered" : isConnected ? "held" : "disconnected"
        return RecipientReceipt(
            name: name, pubkey: key, label: label, status: legacy, state: delivery, reason: reason, attempts: attempts,
            updatedAt: updatedAt)
    }

    /// Why a delivery waits at this moment.
    static func holdReason(_ recipient: Recipient, _ priority: Priority, _ state: EngineState) -> String? {
        guard case .session(let number) = recipient, let session = state.roster.sessions[number] else {
            return HoldReason.away.rawValue
        }
        return (Deliveries.holdReason(session, state.mailboxes[number] ?? Mailbox(), priority) ?? .behind).rawValue
    }

    /// The session that requested receipts of a message whose last delivery has just ended.
    static func lastAsker(
        _ message: Int64, _ delivery: DeliveryState, _ state: EngineState
    ) throws -> SessionNumber? {
        guard delivery.isFinal else { return nil }
        let row = try state.database.prepare("SELECT sender, flags FROM message WHERE seq = ?").first(message) {
            (SessionNumber(rawValue: $0.int(0)), $0.int(1))
        }
        guard let row, row.1 & StoredMessage.receiptsFlag != 0 else { return nil }
        return row.0
    }

    // MARK: Inbox

    private static func inbox(_ view: ReadView, limit: Int, after: String?) throws -> Inbox {
        let state = view.state
        let session = try view.caller().session
        var floor: Int64 = 0
        if let after {
            guard let seq = state.messageIDs.seq(after) else { throw MeshError.argument("after", "not a message id") }
            floor = seq
        }
        let all = state.mailboxes[session.number]?.all ?? []
        var messages: [MessagePush] = []
        var page = view.page()
        for pending in all where pending.message > floor && messages.count < limit {
            guard let message = try StoredMessage.find(pending.message, state.database),
                let push = message.push(
                    to: .session(session.number), session: session, attempt: max(1, pending.attempts), state)
            else { continue }
            // The copies of others are read as well.
            guard page.takes(message.storedBytes) else { break }
            messages.append(push)
        }
        return Inbox(messages: messages, total: all.count)
    }

    private static func deadLetters(_ request: ListDeadLetters, _ view: ReadView) throws -> DeadLetters {
        let limit = request.limit ?? 50
        let member = try view.caller().member
        var page = view.page()
        var letters: [DeadLetters.Letter] = []
        try view.each(
            """
            SELECT l.message, l.recipient, d.state, d.reason, d.attempts, d.updated_at, m.target
            FROM dead_letter l JOIN message m ON m.seq = l.message
            JOIN delivery d ON d.message = l.message AND d.recipient = l.recipient
            WHERE m.member = ? ORDER BY l.message DESC, l.recipient LIMIT ?
            """, member.number.rawValue, limit
        ) { entry in
            let target = entry.text(6)
            // A target may be a list of hundreds.
            guard page.takes(500 + target.utf8.count) else { return false }
            letters.append(
                DeadLetters.Letter(
                    messageId: view.state.messageIDs.id(entry.int(0)), targetSpec: target,
                    recipient: row(
                        Recipient(stored: entry.int(1)), DeliveryState(stored: entry.int(2)) ?? .expired,
                        reason: entry.isNull(3) ? nil : entry.text(3), attempts: Int(entry.int(4)),
                        updatedAt: entry.int(5), view.state)))
            return true
        }
        return DeadLetters(letters: letters)
    }
}
