public import MeshCore
import Synchronization

/// Watches: a snapshot, then every later change; begun again after a reconnection.
extension MeshClient {
    /// Watches the keys of a prefix. The first element is a snapshot, the others are the changes of one write each,
    /// without a gap; after a reconnection, or when the reader was too slow, a new snapshot comes.
    public func watchState(prefix: String = "") async throws(MeshError) -> AsyncStream<StateUpdate> {
        let name = "w\(core.withLock { $0.number() })"
        let (stream, continuation) = AsyncStream<StateUpdate>.makeStream(
            bufferingPolicy: .bufferingOldest(configuration.bufferLimit))
        let frame = try WireFrame.bytes(type: WatchState.type, body: WatchState(prefix: prefix, watchId: name))
        let box = Lagging()
        begin(
            "state:" + name, frame: { frame },
            take: { [weak self] type, json in
                guard let update = Self.stateUpdate(type, json), box.mayPass(update) else { return }
                if case .dropped = continuation.yield(update) {
                    // The reader is behind: leave out changes until a new snapshot is taken.
                    box.fellBehind()
                    self?.core.withLock { $0.transport }?.send([frame])
                }
            }, end: { continuation.finish() })
        continuation.onTermination = { [weak self] _ in
            self?.end("state:" + name)
            self?.write(Unwatch(watchId: name))
        }
        return stream
    }

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
        let (stream, continuation) = AsyncStream<Message>.makeStream()
        let frame = try WireFrame.bytes(type: WatchInbox.type, body: WatchInbox(), requestID: "inbox")
        let take: @Sendable (MessagePush) -> Void = { [weak self] push in
            guard let self, case .new = core.withLock({ $0.seen.see(push.messageId) }) else { return }
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
        for push in try await call(WatchInbox()).messages { take(push) }
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

    private static func stateUpdate(_ type: String, _ json: JSON) -> StateUpdate? {
        if type == StateSnapshot.type {
            guard let snapshot = try? JSONCoder.decode(StateSnapshot.self, from: json) else { return nil }
            return .snapshot(snapshot.entries, revision: snapshot.revision)
        }
        guard let list = json["changes"], let revision = json["revision"]?.integerValue,
            let changes = try? JSONCoder.decode([StateChanges.Change].self, from: list)
        else { return nil }
        let author = StateUpdate.Author(
            name: json["updatedBy"]?.stringValue ?? "",
            key: json["updatedByKey"]?.stringValue.flatMap { PublicKey(hex: $0) })
        return .changes(changes, revision: revision, updatedBy: author)
    }

    /// Whether a watch waits for a new snapshot.
    private final class Lagging: Sendable {
        private let isBehind = Mutex(false)
        func fellBehind() { isBehind.withLock { $0 = true } }
        func mayPass(_ update: StateUpdate) -> Bool {
            isBehind.withLock { isBehind in
                if case .snapshot = update { isBehind = false }
                return !isBehind
            }
        }
    }
}
