import MeshCore
import MeshStore

/// The life of deliveries after a message was accepted: offers, holds, acknowledgements, repeated offers, expiry.
/// A delivery's row and its place in memory change together.
enum Deliveries {
    static let leaseTimer = TimerKind(rawValue: "delivery.lease")
    static let holdTimer = TimerKind(rawValue: "delivery.hold")
    static let expiryTimer = TimerKind(rawValue: "delivery.expiry")
    static let inboxChannel = "inbox"
    static let messageChannel = "message"

    // MARK: Accepting

    /// Makes one delivery per recipient: offered now, or held.
    static func accept(
        _ message: StoredMessage, _ recipients: [Recipient], wantsReceipts: Bool, _ context: WriteContext
    ) throws {
        let state = context.state
        guard !recipients.isEmpty else { return }
        let bucket = LiveMessage.bucket(message.expiresAt, acceptedAt: message.acceptedAt)
        state.live[message.seq] = LiveMessage(
            remaining: recipients.count, expiresAt: message.expiresAt,
            receiptsTo: wantsReceipts ? message.sender : nil, bucket: bucket)
        expect(message.seq, in: bucket, context)
        if recipients.count > 1 { context.spend(recipients.count * WriteContext.smallPush) }
        for recipient in recipients where !PlantedFault.strikes(.dropDelivery) {
            try accept(message, recipient, isFannedOut: recipients.count > 1, context)
        }
    }

    /// Notes that a message expires in a bucket.
    static func expect(_ message: Int64, in bucket: Int64, _ context: WriteContext) {
        if context.state.expires(message, at: bucket) { context.arm(expiryTimer, key: bucket, due: bucket) }
    }

    private static func accept(
        _ message: StoredMessage, _ recipient: Recipient, isFannedOut: Bool, _ context: WriteContext
    ) throws {
        let state = context.state
        if Grants.blocks(message, recipient, state) {
            // The sender is not notified: it waits until its time is over, as behind others.
            try insertRow(message.seq, recipient, .held, reason: Grants.holdReason, attempts: 0, context)
            return try receipt(
                message.seq, recipient, .held, reason: Receipts.holdReason(recipient, message.priority, state),
                attempts: 0, context)
        }
        var pending = Pending(message: message.seq, priority: message.priority, acceptedAt: context.now)
        guard case .session(let number) = recipient, let session = state.roster.sessions[number] else {
            if case .member(let number) = recipient {
                guard !isFull(recipient, state) else { return try refuse(message.seq, recipient, context) }
                state.memberMail[number, default: []].append(pending)
            }
            try insertRow(message.seq, recipient, .held, attempts: 0, context)
            return
        }
        let mailbox = state.mailbox(of: number)
        guard mailbox.count < DeliveryPolicy.maximumPending else {
            return try refuse(message.seq, recipient, context)
        }
        let reason = holdReason(session, mailbox, message.priority)
        if reason == nil {
            pending.attempts = 1
            pending.offeredAt = context.now
            pending.bytes = message.offerBytes
            mailbox.offer(pending)
        } else {
            mailbox.hold(pending)
        }
        try insertRow(message.seq, recipient, reason == nil ? .offered : .held, attempts: pending.attempts, context)
        if reason == nil {
            push(message, to: session, pending, isFannedOut: isFannedOut, context)
        } else {
            armHold(session, pending, context)
        }
        notifyInbox(message, session, context)
        try receipt(
            message.seq, recipient, reason == nil ? .offered : .held, reason: reason?.rawValue,
            attempts: pending.attempts, context)
    }

    /// Whether a recipient's mailbox is full.
    static func isFull(_ recipient: Recipient, _ state: EngineState) -> Bool {
        let waiting =
            switch recipient {
            case .session(let number): state.mailboxes[number]?.count ?? 0
            case .member(let number): state.memberMail[number]?.count ?? 0
            }
        return waiting >= DeliveryPolicy.maximumPending
    }

    /// A delivery that finds no room becomes a dead letter at once.
    private static func refuse(_ message: Int64, _ recipient: Recipient, _ context: WriteContext) throws {
        try insertRow(message, recipient, .rejected, reason: "queue_full", attempts: 0, context)
        try deadLetter(message, recipient, context)
        _ = finishOne(message, context)
    }

    /// Why a new delivery of a priority waits; nil when it can be offered.
    static func holdReason(_ session: Session, _ mailbox: Mailbox, _ priority: Priority) -> HoldReason? {
        if session.isGone { return .gone }
        if session.messageMode != .push { return .inbox }
        if !session.attachment.isAttached { return .away }
        if DeliveryPolicy.gate(priority, session.status) == .hold { return DeliveryPolicy.reason(session.status) }
        if !mailbox.isClear(priority) { return .behind }
        if mailbox.isWindowFull { return .window }
        return nil
    }

    // MARK: Offering

    /// Offers, in order, what is held and may go now. Every transition that can free a message ends here. Returns how
    /// many were offered.
    @discardableResult
    static func drain(_ number: SessionNumber, _ context: WriteContext) throws -> Int {
        let state = context.state
        guard state.mailboxes[number]?.isHolding == true, let session = state.roster.sessions[number],
            session.attachment.isAttached, session.messageMode == .push
        else { return 0 }
        var offered = 0
        for priority in Priority.allCases {
            while let mailbox = state.mailboxes[number], let front = mailbox.front(priority), !mailbox.isWindowFull {
                guard mayGo(front, session, at: context.now) else {
                    armHold(session, front, context)
                    break
                }
                guard let pending = state.mailboxes[number]?.popFront(priority) else { break }
                try offer(pending, to: session, context)
                offered += 1
            }
        }
        return offered
    }

    /// Offers everything unacknowledged again, oldest first, then what was held: the session has a new connection.
    static func reoffer(_ number: SessionNumber, _ context: WriteContext) throws {
        guard let session = context.state.roster.sessions[number], session.messageMode == .push else { return }
        guard let mailbox = context.state.mailboxes[number] else { return }
        let open = mailbox.offered.values
        // Hold all of it first, so that the window counts what this connection is sent; newest first, so that each
        // finds its place at once.
        for pending in open.reversed() { mailbox.takeBack(pending) }
        for pending in open where !mailbox.isWindowFull {
            _ = mailbox.remove(pending.message)
            try offer(pending, to: session, context)
        }
        try drain(number, context)
    }

    /// Repeats offers whose lease ran out.
    static func repeatOffers(_ number: SessionNumber, _ context: WriteContext) throws -> Bool {
        guard let session = context.state.roster.sessions[number], session.attachment.isAttached, session.acknowledges,
            let mailbox = context.state.mailboxes[number]
        else { return false }
        var fired = false
        for pending in mailbox.offered.values {
            guard pending.offeredAt + DeliveryPolicy.offerLeaseMillis(attempt: pending.attempts) <= context.now else {
                continue
            }
            _ = context.state.mailboxes[number]?.remove(pending.message)
            try offer(pending, to: session, context)
            fired = true
        }
        armLease(session, context)
        return fired
    }

    private static func offer(_ pending: Pending, to session: Session, _ context: WriteContext) throws {
        let state = context.state
        let recipient = Recipient.session(session.number)
        guard pending.attempts < DeliveryPolicy.maximumAttempts else {
            return try end(pending.message, recipient, as: .expired, reason: "attempts", context)
        }
        guard let message = try StoredMessage.find(pending.message, state.database) else {
            return try end(pending.message, recipient, as: .expired, reason: "dropped", context)
        }
        var next = pending
        next.attempts += 1
        next.offeredAt = context.now
        next.bytes = message.offerBytes
        context.spend(WriteContext.smallPush)
        state.mailbox(of: session.number).offer(next)
        try updateRow(pending.message, recipient, .offered, reason: nil, attempts: next.attempts, context)
        push(message, to: session, next, isFannedOut: false, context)
        try receipt(pending.message, recipient, .offered, reason: nil, attempts: next.attempts, context)
    }

    private static func push(
        _ message: StoredMessage, to session: Session, _ pending: Pending, isFannedOut: Bool, _ context: WriteContext
    ) {
        func made() -> (any Push)? {
            message.push(to: .session(session.number), session: session, attempt: pending.attempts, context.state)
        }
        // A first offer of one body is the same for all; claudemesh clients see their own messages differently.
        let isSame = isFannedOut && message.isShared && session.dialect == .mesh && pending.attempts == 1
        guard let connection = session.attachment.connection,
            let push = isSame ? context.shared(message.seq, made) : made()
        else { return }
        if session.acknowledges {
            context.effects.append(.push(connection, push))
            armLease(session.number, context.state.mailbox(of: session.number), attempt: pending.attempts, context)
        } else {
            context.effects.append(.trackedPush(connection, push, message: message.seq))
        }
    }

    /// Arms the timer of an offer made now. One per session and second is enough: the lease is a lower bound.
    static func armLease(_ number: SessionNumber, _ mailbox: Mailbox, attempt: Int, _ context: WriteContext) {
        let due = (context.now + DeliveryPolicy.offerLeaseMillis(attempt: attempt) + 999) / 1_000 * 1_000
        guard mailbox.leaseDue != due else { return }
        mailbox.leaseDue = due
        context.arm(leaseTimer, key: number.rawValue, due: due)
    }

    private static func armLease(_ session: Session, _ context: WriteContext) {
        let due = context.state.mailboxes[session.number]?.offered.values
            .map { $0.offeredAt + DeliveryPolicy.offerLeaseMillis(attempt: $0.attempts) }.min()
        if let due { context.arm(leaseTimer, key: session.number.rawValue, due: (due + 999) / 1_000 * 1_000) }
    }

    private static func mayGo(_ pending: Pending, _ session: Session, at now: Int64) -> Bool {
        if DeliveryPolicy.gate(pending.priority, session.status) == .offer { return true }
        return session.status == .working && now >= holdEnd(pending, session)
    }

    /// A hold for `working` ends when the message has waited for its maximum age.
    private static func holdEnd(_ pending: Pending, _ session: Session) -> Int64 {
        max(pending.acceptedAt, session.statusSince) + DeliveryPolicy.maximumHoldMillis(pending.priority)
    }

    private static func armHold(_ session: Session, _ pending: Pending, _ context: WriteContext) {
        guard session.status == .working, session.attachment.isAttached else { return }
        context.arm(holdTimer, key: session.number.rawValue, due: holdEnd(pending, session))
    }

    // MARK: Ending

    /// Applies a client's acknowledgement or refusal. For ids that are not the session's own, the first one that cannot
    /// exist is an error; those that are settled change nothing.
    static func acknowledge(_ request: Acknowledge, by route: Route, _ context: WriteContext) throws -> Int {
        let state = context.state
        let number = route.session.number
        var wanted = request.messageIDs ?? []
        if let id = request.brokerMessageID { wanted.append(id) }
        var messages: [Int64] = []
        messages.reserveCapacity(wanted.count)
        for id in wanted {
            guard let seq = state.messageIDs.seq(id), seq < state.nextMessage else {
                throw MeshError(.notFound, "no message has the id \(id.prefix(64))")
            }
            messages.append(seq)
        }
        if wanted.isEmpty, let clientID = request.clientMessageID {
            messages = try find(clientID: clientID, for: number, state)
        }
        if !route.session.acknowledges { try context.update(number) { $0.acknowledges = true } }
        let target: DeliveryState = request.reject != nil ? .rejected : request.read == true ? .read : .delivered
        return try settle(messages, of: number, as: target, reason: request.reject, context)
    }

    /// Settles deliveries of one session: one entry for all of them, then offers what may go next.
    static func settle(
        _ messages: [Int64], of session: SessionNumber, as target: DeliveryState, reason: String?,
        _ context: WriteContext
    ) throws -> Int {
        let state = context.state
        if PlantedFault.strikes(.forgetAcknowledgements) { return messages.count }
        let recipient = Recipient.session(session)
        let mailbox = state.mailboxes[session]
        var changed: [Int64] = []
        changed.reserveCapacity(messages.count)
        for message in messages {
            if let pending = mailbox?.remove(message) {
                try updateRow(
                    message, recipient, target, reason: reason, attempts: max(pending.attempts, 1), context)
                if target == .rejected { try deadLetter(message, recipient, context) }
                let asker = finishOne(message, context)
                changed.append(message)
                receipt(
                    message, recipient, target, reason: reason, attempts: max(pending.attempts, 1), asker: asker,
                    context)
            } else if target == .read, try isDelivered(message, recipient, state.database) {
                try updateRow(message, recipient, .read, reason: nil, attempts: nil, context)
                changed.append(message)
                try receipt(message, recipient, .read, reason: nil, attempts: 1, context)
            }
        }
        guard !changed.isEmpty else { return 0 }
        try recordSettled(changed, by: session, as: target, context)
        try drain(session, context)
        return changed.count
    }

    /// Appends one entry for everything that one command settled.
    private static func recordSettled(
        _ messages: [Int64], by session: SessionNumber, as target: DeliveryState, _ context: WriteContext
    ) throws {
        let state = context.state
        let ids = messages.map { state.messageIDs.id($0) }.joined(separator: ",")
        let sender = state.routes.of(session, state)
        var facts = CanonicalObject()
        facts.add("count", messages.count)
        facts.add("ids", ids.commitment)
        facts.add("session", sender?.session.keyHex ?? "")
        try context.record(
            target == .rejected ? "message.rejected" : target == .read ? "message.read" : "message.delivered",
            actor: sender?.member.keyHex ?? "unknown", object: messages.count == 1 ? ids : nil, facts)
    }

    /// Marks a delivery as answered: its recipient sent a reply to the message.
    static func answer(_ message: Int64, by session: SessionNumber, _ context: WriteContext) throws {
        let recipient = Recipient.session(session)
        let known = try context.state.database.prepare(
            "SELECT state FROM delivery WHERE message = ? AND recipient = ?"
        ).first(message, recipient.stored) { DeliveryState(stored: $0.int(0)) }
        guard let known = known ?? nil, known != .answered, known != .expired, known != .rejected else { return }
        let wasWaiting = context.state.mailboxes[session]?.remove(message) != nil
        if wasWaiting { _ = finishOne(message, context) }
        try updateRow(message, recipient, .answered, reason: nil, attempts: nil, context)
        try receipt(message, recipient, .answered, reason: nil, attempts: 1, context)
        if wasWaiting { try drain(session, context) }
    }

    /// Ends every unfinished delivery of the messages that expire by a bucket's time.
    static func expire(bucket: Int64, _ context: WriteContext) throws -> Bool {
        let state = context.state
        if context.now < state.expiryHeldUntil {
            context.arm(expiryTimer, key: bucket, due: state.expiryHeldUntil)
            return false
        }
        let messages = state.takeExpired(at: bucket)
        guard !messages.isEmpty else { return false }
        for message in messages {
            let recipients = try state.database.prepare(
                "SELECT recipient FROM delivery WHERE message = ? AND state < 2 ORDER BY recipient"
            ).rows(message) { Recipient(stored: $0.int(0)) }
            for recipient in recipients { try end(message, recipient, as: .expired, reason: "ttl", context) }
        }
        return true
    }

    /// Ends everything that waits for a session that will not come back.
    static func abandon(_ session: SessionNumber, reason: String, _ context: WriteContext) throws {
        for pending in context.state.mailboxes[session]?.all ?? [] {
            try end(pending.message, .session(session), as: .expired, reason: reason, context)
        }
    }

    /// Ends everything that waits for a member without a session.
    static func abandon(_ member: MemberNumber, reason: String, _ context: WriteContext) throws {
        for pending in context.state.memberMail.removeValue(forKey: member) ?? [] {
            try end(pending.message, .member(member), as: .expired, reason: reason, context)
        }
    }

    /// Ends one delivery without its recipient: a dead letter.
    private static func end(
        _ message: Int64, _ recipient: Recipient, as final: DeliveryState, reason: String, _ context: WriteContext
    ) throws {
        let state = context.state
        switch recipient {
        case .session(let number): _ = state.mailboxes[number]?.remove(message)
        case .member(let number): state.memberMail[number]?.removeAll { $0.message == message }
        }
        try updateRow(message, recipient, final, reason: reason, attempts: nil, context)
        try deadLetter(message, recipient, context)
        _ = finishOne(message, context)
        try context.record(
            "message.\(final.rawValue)", object: state.messageIDs.id(message),
            ["recipient": .string(Messages.sealingKey(of: recipient, state)?.hex ?? ""), "reason": .string(reason)])
        try receipt(message, recipient, final, reason: reason, attempts: nil, context)
    }

    /// Counts one delivery as final; returns the session that requested the message's receipts.
    private static func finishOne(_ message: Int64, _ context: WriteContext) -> SessionNumber? {
        let state = context.state
        guard var live = state.live.removeValue(forKey: message) else { return nil }
        live.remaining -= 1
        if live.remaining > 0 { state.live[message] = live }
        return live.receiptsTo
    }

    // MARK: Rows

    static func insertRow(
        _ message: Int64, _ recipient: Recipient, _ delivery: DeliveryState, reason: String? = nil, attempts: Int,
        _ context: WriteContext
    ) throws {
        try context.state.database.prepare(
            hot:
                "INSERT INTO delivery (message, recipient, state, reason, attempts, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
        ).run { (row) throws(StoreError) in
            try row.bind(1, message)
            try row.bind(2, recipient.stored)
            try row.bind(3, delivery.stored)
            if let reason { try row.bind(4, reason) }
            try row.bind(5, Int64(attempts))
            try row.bind(6, context.now)
        }
    }

    static func updateRow(
        _ message: Int64, _ recipient: Recipient, _ delivery: DeliveryState, reason: String?, attempts: Int?,
        _ context: WriteContext
    ) throws {
        try context.state.database.prepare(
            hot: """
                UPDATE delivery SET state = ?, reason = ?, attempts = COALESCE(?, attempts), updated_at = ?
                WHERE message = ? AND recipient = ?
                """
        ).run { (row) throws(StoreError) in
            try row.bind(1, delivery.stored)
            if let reason { try row.bind(2, reason) }
            if let attempts { try row.bind(3, Int64(attempts)) }
            try row.bind(4, context.now)
            try row.bind(5, message)
            try row.bind(6, recipient.stored)
        }
    }

    private static func deadLetter(_ message: Int64, _ recipient: Recipient, _ context: WriteContext) throws {
        try context.state.database.prepare("INSERT OR IGNORE INTO dead_letter (message, recipient) VALUES (?, ?)")
            .run(message, recipient.stored)
    }

    private static func isDelivered(_ message: Int64, _ recipient: Recipient, _ database: Database) throws -> Bool {
        try database.prepare("SELECT state FROM delivery WHERE message = ? AND recipient = ?")
            .first(message, recipient.stored) { $0.int(0) == DeliveryState.delivered.stored } ?? false
    }

    /// Few waiting messages are checked one by one; among many, what each member has sent under this id is looked up.
    private static let fewWaiting = 256

    private static func find(clientID: String, for session: SessionNumber, _ state: EngineState) throws -> [Int64] {
        guard let mailbox = state.mailboxes[session] else { return [] }
        guard mailbox.count <= fewWaiting else {
            let hash = Array(clientID.utf8).withUnsafeBytes { Digest.sha256($0) }
            return state.roster.memberOrder.compactMap { state.sent[SentKey(member: $0, hash: hash)] }
                .filter(mailbox.contains).sorted()
        }
        return try mailbox.all.map(\.message).filter { seq in
            try state.database.prepare("SELECT client_id FROM message WHERE seq = ?").first(seq) { row in
                !row.isNull(0) && row.text(0).isSame(as: clientID)
            } ?? false
        }
    }

    // MARK: Telling

    static func receipt(
        _ message: Int64, _ recipient: Recipient, _ delivery: DeliveryState, reason: String?, attempts: Int?,
        _ context: WriteContext
    ) throws {
        let asker =
            try context.state.live[message]?.receiptsTo ?? Receipts.lastAsker(message, delivery, context.state)
        receipt(message, recipient, delivery, reason: reason, attempts: attempts, asker: asker, context)
    }

    private static func receipt(
        _ message: Int64, _ recipient: Recipient, _ delivery: DeliveryState, reason: String?, attempts: Int?,
        asker: SessionNumber?, _ context: WriteContext
    ) {
        let state = context.state
        if asker == nil, state.subscriptions.isEmpty { return }
        let watchers = state.subscriptions.interests(in: messageChannel, key: String(message))
        guard !watchers.isEmpty || asker != nil else { return }
        let row = Receipts.row(
            recipient, delivery, reason: reason, attempts: attempts ?? 0, updatedAt: context.now, state)
        let push = ReceiptPush(messageId: state.messageIDs.id(message), recipient: row)
        for watcher in watchers where watcher.prefix == String(message) {
            context.push(push, to: watcher.connection, bytes: WriteContext.smallPush)
        }
        if let asker { context.push(push, to: asker) }
    }

    private static func notifyInbox(_ message: StoredMessage, _ session: Session, _ context: WriteContext) {
        guard context.state.subscriptions.hasInterests(inFamily: inboxChannel) else { return }
        let watchers = context.state.subscriptions.interests(in: "\(inboxChannel):\(session.number.rawValue)")
        guard !watchers.isEmpty,
            let push = message.push(to: .session(session.number), session: session, attempt: 0, context.state)
        else { return }
        let shared = SharedPush(InboxChanged(message: push))
        for watcher in watchers { context.push(shared, to: watcher.connection, bytes: message.offerBytes) }
    }

    // MARK: Opening

    /// Reads what is unfinished: every session is disconnected now.
    static func load(_ state: EngineState) throws {
        let rows = try state.database.prepare(
            """
            SELECT d.message, d.recipient, d.state, d.attempts, m.priority, m.accepted_at, m.expires_at, m.sender,
                   m.flags, d.reason
            FROM delivery d JOIN message m ON m.seq = d.message WHERE d.state < 2 ORDER BY d.message, d.recipient
            """
        ).rows { row in
            (
                pending: Pending(
                    message: row.int(0), priority: Priority(rank: Int(row.int(4))) ?? .next, acceptedAt: row.int(5),
                    attempts: Int(row.int(3))),
                recipient: Recipient(stored: row.int(1)), isOffered: row.int(2) == DeliveryState.offered.stored,
                expiresAt: row.int(6), sender: SessionNumber(rawValue: row.int(7)), flags: row.int(8),
                isBlocked: !row.isNull(9) && row.text(9) == Grants.holdReason
            )
        }
        for row in rows {
            switch row.recipient {
            case _ where row.isBlocked: break
            case .session(let number):
                if row.isOffered {
                    state.mailbox(of: number).offer(row.pending)
                } else {
                    state.mailbox(of: number).hold(row.pending)
                }
            case .member(let number): state.memberMail[number, default: []].append(row.pending)
            }
            let bucket = LiveMessage.bucket(row.expiresAt, acceptedAt: row.pending.acceptedAt)
            state.live[
                row.pending.message,
                default: LiveMessage(
                    remaining: 0, expiresAt: row.expiresAt,
                    receiptsTo: row.flags & StoredMessage.receiptsFlag != 0 ? row.sender : nil, bucket: bucket)
            ].remaining += 1
            if state.loads(row.pending.message, expiringAt: bucket) {
                state.timers.arm(expiryTimer, key: bucket, due: bucket)
            }
        }
        state.nextMessage = (try state.database.prepare("SELECT MAX(seq) FROM message").first { $0.int(0) } ?? 0) + 1
        let floor = state.nextMessage - Int64(Messages.maximumSentKeys)
        let keys = try state.database.prepare(
            "SELECT seq, member, client_id FROM message WHERE seq >= ? AND client_id IS NOT NULL ORDER BY seq"
        ).rows(floor) { row in
            (SentKey(member: MemberNumber(rawValue: row.int(1)), clientID: row.text(2)), row.int(0))
        }
        for (key, seq) in keys { state.sent[key] = seq }
    }

    /// Arms the timers of open offers and holds after the memory was reloaded while connections are open.
    static func resume(_ state: EngineState) {
        for number in state.mailboxes.keys where state.roster.sessions[number]?.attachment.isAttached == true {
            state.timers.arm(leaseTimer, key: number.rawValue, due: state.now)
            state.timers.arm(holdTimer, key: number.rawValue, due: state.now)
        }
    }
}
