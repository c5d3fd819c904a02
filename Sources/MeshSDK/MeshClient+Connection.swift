import Logging
import MeshCore
import Synchronization

/// The life of the connection: effects only, decided by `ConnectionMachine`.
extension MeshClient {
    /// Pings are sent this often, and a connection that is silent for longer than the second time is cut.
    private static let pingMillis: Int64 = 30_000
    private static let silenceMillis: Int64 = 75_000
    /// How long a client that is told to stop waits for the broker's goodbye.
    private static let goodbyeMillis: Int64 = 2_000

    func connectAgainAndAgain() async throws {
        try loadOutbox()
        try loadInbox()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.tick() }
            group.addTask { try await self.drainOutbox() }
            defer { group.cancelAll() }
            while true {
                switch await attempt() {
                case .connect: continue
                case .wait(let milliseconds):
                    try await configuration.clock.sleep(for: .milliseconds(milliseconds))
                case .end(let error): throw error
                case .stop: return
                }
            }
        }
    }

    /// One connection, from its start to its end.
    private func attempt() async -> ConnectionMachine.Action {
        let transport: any Transport
        do {
            transport = try await connector.connect()
        } catch {
            logger.debug("cannot connect", metadata: ["error": "\(error)"])
            tellDisconnected((error as? TransportError)?.message ?? FaultWords.of(error))
            return core.withLock { $0.machine.couldNotConnect(random: .random(in: 0...1)) }
        }
        let closed = ClosedGate()
        core.withLock { core in
            core.transport = transport
            core.refusal = nil
            core.lastHeard = SystemCalls.now()
            core.helloDeadline = core.lastHeard + configuration.requestTimeoutMillis
        }
        transport.start { [weak self] event in self?.receive(event, closed) }
        let hello = credentials.hello(configuration: configuration, now: SystemCalls.now())
        if let frame = try? WireFrame.bytes(type: SessionHello.type, body: hello) { transport.send([frame]) }
        return await withTaskCancellationHandler {
            // Not ended by the cancellation itself: what was said last, acknowledgements above all, leaves first.
            disconnected(await closed.wait())
        } onCancel: {
            core.withLock { $0.machine.stop() }
            sendAcknowledgements()
            transport.close(.normal)
            Task {
                // Real time, not the injected clock: a client that is told to stop ends although nobody moves that one.
                try? await Task.sleep(for: .milliseconds(Self.goodbyeMillis))
                closed.open(nil)
            }
        }
    }

    private func disconnected(_ reason: CloseReason?) -> ConnectionMachine.Action {
        let (action, waiters) = core.withLock { core in
            core.transport = nil
            core.helloDeadline = nil
            core.acknowledged = []
            let waiters = core.waiters
            core.waiters = [:]
            return (core.machine.closed(reason, refusal: core.refusal, random: .random(in: 0...1)), waiters)
        }
        let lost = MeshError(
            .busy, "the connection was lost before the answer came", hint: "ask again", details: ["network": true])
        for waiter in waiters.values { waiter.resume(.failure(lost)) }
        // A client that ends says why with its error.
        if case .end = action { return action }
        tellDisconnected(reason?.description ?? "the line went away")
        return action
    }

    /// Says that there is no connection, once for each reason until there is one again: attempts in between are quiet.
    private func tellDisconnected(_ reason: String) {
        let isNew = core.withLock { core in
            defer { core.lastDisconnection = reason }
            return core.lastDisconnection != reason
        }
        if isNew { eventContinuation.yield(.disconnected(reason)) }
    }

    /// Ends everything that waits.
    func finish(_ error: (any Error)?) {
        let ending = error.map { $0 as? MeshError ?? MeshError(.internalError, "\($0)") }
        let (attach, waiters, sends, watches) = core.withLock { core in
            core.isEnded = true
            core.ending = ending
            defer {
                core.waiters = [:]
                core.sends = [:]
                core.watches = [:]
            }
            return (core.takeAttachWaiters(), core.waiters, core.sends, core.watches)
        }
        let reason = ending ?? MeshError(.busy, "the client has ended", details: ["network": true])
        for continuation in attach { continuation.resume(throwing: reason) }
        for waiter in waiters.values { waiter.resume(.failure(reason)) }
        for send in sends.values { send.resume?(.failure(reason)) }
        for watch in watches.values { watch.end() }
        messageContinuation.finish()
        eventContinuation.finish()
        outboxSignal.finish()
    }

    /// Once a second: requests that took too long, pings, silence, the lease of `working`.
    private func tick() async throws {
        var lastPing = SystemCalls.now()
        var lastLease = lastPing
        while true {
            try await configuration.clock.sleep(for: .seconds(1))
            let now = SystemCalls.now()
            expireRequests(now)
            guard
                let (transport, heard, lease, hello) = core.withLock({ core in
                    core.transport.map { ($0, core.lastHeard, core.workingLease, core.helloDeadline) }
                })
            else { continue }
            if let hello, now > hello {
                // Pongs alone keep nothing alive: a broker that greets nobody is tried again, or another behind its address.
                core.withLock { $0.helloDeadline = nil }
                tellDisconnected("the broker did not answer the hello in time")
                transport.close(.policy("no answer to the hello"))
            } else if now - heard > Self.silenceMillis {
                transport.close(.policy("silent"))
            } else if now - lastPing >= Self.pingMillis {
                lastPing = now
                transport.ping([])
            }
            if let lease, now - lastLease >= lease / 3 {
                lastLease = now
                write(SetStatus(status: .working, lease: lease))
            }
        }
    }

    private func expireRequests(_ now: Int64) {
        let late = core.withLock { core in
            let late = core.waiters.filter { $0.value.deadline <= now }
            for key in late.keys { core.waiters[key] = nil }
            return late
        }
        for waiter in late.values {
            waiter.resume(
                .failure(
                    MeshError(.busy, "the broker did not answer in time", hint: "ask again", details: ["network": true])
                ))
        }
    }

    /// Hands out what an earlier run has taken over and not handled.
    private func loadInbox() throws {
        guard let folder = configuration.inboxFolder else { return }
        guard let inbox else { throw MeshError(.storageFailed, "the inbox \(folder) cannot be used") }
        for push in try inbox.load() {
            guard case .new = core.withLock({ $0.seen.see(push.messageId) }) else { continue }
            if inbox.wasHandled(push.messageId) {
                try inbox.finish(push.messageId)
            } else if let message = sealing.open(push) {
                messageContinuation.yield(message)
            }
        }
    }
}

/// Says once that a connection has ended, to one who waits for it.
final class ClosedGate: Sendable {
    private enum State {
        case closed
        case awaited(CheckedContinuation<CloseReason?, Never>)
        case open(CloseReason?)
    }

    private let state = Mutex(State.closed)

    /// The connection has ended; later calls change nothing.
    func open(_ reason: CloseReason?) {
        let waiter = state.withLock { state -> CheckedContinuation<CloseReason?, Never>? in
            if case .open = state { return nil }
            defer { state = .open(reason) }
            if case .awaited(let waiter) = state { return waiter }
            return nil
        }
        waiter?.resume(returning: reason)
    }

    /// Waits for the end. There is one waiter.
    func wait() async -> CloseReason? {
        await withCheckedContinuation { continuation in
            let reason = state.withLock { state -> CloseReason?? in
                if case .open(let reason) = state { return .some(reason) }
                state = .awaited(continuation)
                return nil
            }
            if let reason { continuation.resume(returning: reason) }
        }
    }
}
