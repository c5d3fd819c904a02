public import MeshCore
import Synchronization

/// Watches: a snapshot, then every later change; begun again after a reconnection.
extension MeshClient {
    /// Follows what happens to a message: its receipts, each a change of one delivery.
    public func watchMessage(_ id: String) async throws(MeshError) -> AsyncStream<RecipientReceipt> {
        let (stream, continuation) = AsyncStream<RecipientReceipt>.makeStream(
            bufferingPolicy: .bufferingNewest(configuration.bufferLimit))
        let frame = try WireFrame.bytes(type: WatchMessage.type, body: WatchMessage(messageId: id))
        begin(
            "message:" + id, frame: { frame },
            take: { _, json in
                guard let receipt = try? JSONCoder.decode(ReceiptPush.self, from: json) else { return }
                continuation.yield(receipt.recipient)
            }, end: { continuation.finish() }, startsNow: false)
        continuation.onTermination = { [weak self] _ in self?.end("message:" + id) }
        for receipt in try await call(WatchMessage(messageId: id)).recipients { continuation.yield(receipt) }
        return stream
    }

    /// The session's unacknowledged messages, opened, then each one that arrives. It acknowledges nothing: it is for
    /// readers without presence.
    public func watchInbox() async throws(MeshError) -> AsyncStream<Message> {
        // As many as may wait for a session: more are not kept, and stay with the broker.
        let (stream, continuation) = AsyncStream<Message>.makeStream(
            bufferingPolicy: .bufferingOldest(DeliveryPolicy.maximumPending))
        let frame = try WireFrame.bytes(type: WatchInbox.type, body: WatchInbox(), requestID: "inbox")
        let take: @Sendable (MessagePush) -> Void = { [weak self] push in
            guard let self, push.hasUsableID, case .new = core.withLock({ $0.seen.see(push.messageId) }) else { return }
            if let message = sealing.open(push) {
                continuation.yield(message)
            } else {
                core.withLock { $0.undecryptable += 1 }
                write(Acknowledge(messageIDs: [push.messageId], reject: "undecryptable"))
            }
        }
        begin(
            "inbox", frame: { frame },
            take: { _, json in
                guard let changed = try? JSONCoder.decode(InboxChanged.self, from: json) else { return }
                take(changed.message)
            }, end: { continuation.finish() }, startsNow: false)
        continuation.onTermination = { [weak self] _ in self?.end("inbox") }
        var page = try await call(WatchInbox()).messages
        var left = 200
        while let last = page.last {
            for push in page { take(push) }
            left -= page.count
            guard left > 0 else { break }
            // A page of large messages holds fewer than there are.
            page = try await call(ListInbox(limit: left, after: last.messageId)).messages
        }
        return stream
    }

    func begin(
        _ key: String, frame: @escaping @Sendable () -> [UInt8], take: @escaping @Sendable (String, JSON) -> Void,
        end: @escaping @Sendable () -> Void, startsNow: Bool = true
    ) {
        let transport = core.withLock { core -> (any Transport)? in
            core.watches[key] = .init(frame: frame, take: take, end: end)
            return core.machine.isAttached && startsNow ? core.transport : nil
        }
        transport?.send([frame()])
    }

    func end(_ key: String) { core.withLock { _ = $0.watches.removeValue(forKey: key) } }
}
