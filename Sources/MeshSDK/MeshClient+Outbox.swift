public import MeshCore
import Synchronization

/// The outbox: messages that are accepted on this machine's disk and handed to the broker in the background.
extension MeshClient {
    /// Entries that are under way at once.
    private static let window = 64

    /// Accepts a message: it is on this machine's disk when this returns, and the broker gets it when it can be reached,
    /// over crashes of this program, stored once. Returns its idempotency key. Needs an outbox folder. Fails with
    /// `queue_full` when the outbox is, with `storage_failed` when the disk is.
    @discardableResult
    public func enqueue(_ outgoing: Outgoing) throws(MeshError) -> String {
        guard let outbox else {
            throw MeshError(
                .invalidArgument, "this client has no outbox that can be used", hint: "set configuration.outboxFolder")
        }
        try outgoing.checkSize()
        let name = try outbox.add(outgoing, nil, order: core.withLock { $0.outboxOrder() })
        core.withLock { $0.outboxQueue.append(name) }
        outboxSignal.yield()
        return outgoing.clientMessageID
    }

    /// Messages of the outbox that will not be sent, with the reason: refused for good, or older than
    /// `outboxMaxAgeMillis`.
    public func outboxDeadLetters() throws(MeshError) -> [OutboxDeadLetter] { try outbox?.dead() ?? [] }

    /// Forgets a dead letter; false when it is not there.
    @discardableResult
    public func discardDeadLetter(_ name: String) -> Bool { outbox?.discard(dead: name) ?? false }

    /// Queues what an earlier run has left.
    func loadOutbox() throws {
        guard let folder = configuration.outboxFolder else { return }
        guard let outbox else { throw MeshError(.storageFailed, "the outbox \(folder) cannot be used") }
        let names = try outbox.load().map(\.name)
        core.withLock { core in
            // What this run has queued already comes after what it has found.
            let known = Set(core.outboxQueue)
            core.outboxQueue = names.filter { !known.contains($0) && !core.isOpen($0) } + core.outboxQueue
        }
        outboxSignal.yield()
    }

    /// Hands entries to the broker, in order, some at a time; what fails for the moment is tried again later.
    func drainOutbox() async throws {
        guard let outbox else { return }
        var failures = 0
        for await _ in outboxSignals {
            while true {
                let names = core.withLock { core in
                    let names = Array(core.outboxQueue.prefix(Self.window))
                    core.outboxQueue.removeFirst(names.count)
                    return names
                }
                if names.isEmpty { break }
                let later = try await hand(over: names, outbox)
                if later.isEmpty {
                    failures = 0
                    continue
                }
                core.withLock { $0.outboxQueue = later + $0.outboxQueue }
                let wait = min(
                    configuration.backoff.maximumMillis, configuration.backoff.initialMillis << min(failures, 12))
                failures += 1
                try await configuration.clock.sleep(for: .milliseconds(wait))
            }
        }
    }

    /// Sends entries and waits for their answers. Returns those that are to be tried again.
    private func hand(over names: [String], _ outbox: FileOutbox) async throws -> [String] {
        let (answers, answer) = AsyncStream<(FileOutbox.Entry, Result<SendAck, MeshError>)>.makeStream()
        var later: [String] = []
        var open = 0
        for name in names {
            do throws(MeshError) {
                guard var entry = try outbox.read(name) else { continue }
                guard SystemCalls.now() - entry.acceptedAt <= configuration.outboxMaxAgeMillis else {
                    try bury(entry, MeshError(.attestationExpired, "it waited too long to be sent"), outbox)
                    continue
                }
                if entry.send == nil { try await seal(&entry, outbox) }
                guard let send = entry.send else { continue }
                let sealed = entry
                try begin(send, outboxName: name, keepsWhenRefused: true) { answer.yield((sealed, $0)) }
                open += 1
            } catch {
                if error.isTransient { later.append(name) } else { try bury(name, error, outbox) }
            }
        }
        if open > 0 {
            for await (entry, result) in answers {
                open -= 1
                if case .failure(let error) = result { try settle(entry, error, &later, outbox) }
                if open == 0 { break }
            }
        }
        try Task.checkCancellation()
        return later.sorted()
    }

    private func settle(
        _ entry: FileOutbox.Entry, _ error: MeshError, _ later: inout [String], _ outbox: FileOutbox
    ) throws(MeshError) {
        if error.code == .recipientsChanged, entry.outgoing != nil {
            // Nothing was stored: it is sealed anew, for those whom the target reaches now.
            var entry = entry
            entry.send = nil
            try outbox.store(entry)
            core.withLock { $0.resolved.removeAll() }
            later.append(entry.name)
        } else if error.isTransient {
            later.append(entry.name)
        } else {
            try bury(entry, error, outbox)
        }
    }

    private func seal(_ entry: inout FileOutbox.Entry, _ outbox: FileOutbox) async throws(MeshError) {
        guard let outgoing = entry.outgoing else {
            throw MeshError(.storageFailed, "\(entry.name) holds no message")
        }
        var send = try sealed(outgoing, for: try await resolve(outgoing.target, fresh: false))
        send.id = send.clientMessageID
        entry.send = send
        try outbox.store(entry)
    }

    private func bury(_ name: String, _ error: MeshError, _ outbox: FileOutbox) throws(MeshError) {
        if let entry = try outbox.read(name) { try bury(entry, error, outbox) }
    }

    private func bury(_ entry: FileOutbox.Entry, _ error: MeshError, _ outbox: FileOutbox) throws(MeshError) {
        try outbox.bury(entry, error)
        let id = entry.outgoing?.clientMessageID ?? entry.send?.clientMessageID ?? entry.name
        eventContinuation.yield(
            .other("outbox_dead_letter", ["clientMessageId": .string(id), "error": .object(error.fields)]))
    }
}

extension MeshError {
    /// Whether the same request may succeed later without any change.
    var isTransient: Bool {
        switch code {
        case .busy, .behind, .rateLimited, .queueFull, .shuttingDown, .storageFull, .meshStopped, .timestampSkew: true
        default: details["network"] == true
        }
    }
}
