import Logging
import MeshCore
import Synchronization

/// Frames in and out.
extension MeshClient {
    // MARK: In

    func receive(_ event: TransportEvent, _ closing: AsyncStream<CloseReason?>.Continuation) {
        switch event {
        case .text(let bytes):
            core.withLock { $0.lastHeard = SystemCalls.now() }
            guard let json = try? JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 26, maxDepth: 64)),
                let type = json["type"]?.stringValue
            else { return logger.warning("a frame of the broker cannot be read") }
            take(type, json)
        case .pong: core.withLock { $0.lastHeard = SystemCalls.now() }
        case .readComplete: sendAcknowledgements()
        case .closed(let reason):
            closing.yield(reason)
            closing.finish()
        }
    }

    private func take(_ type: String, _ json: JSON) {
        switch type {
        case HelloAck.type: attached()
        case MessagePush.type: push(json)
        case SendAck.type where json["_reqId"] == nil: acknowledged(json)
        case "error": refused(json)
        case ReceiptPush.type:
            guard let receipt = try? JSONCoder.decode(ReceiptPush.self, from: json) else { return }
            eventContinuation.yield(.receipt(receipt))
            routeToWatch("message:" + receipt.messageId, type, json)
        case StateSnapshot.type, "state_change":
            routeToWatch("state:" + (json["watchId"]?.stringValue ?? ""), type, json)
        case InboxChanged.type: routeToWatch("inbox", type, json)
        case ClockStatus.type where json["_reqId"] == nil: routeToWatch("clock", type, json)
        default: break
        }
        guard let id = json["_reqId"]?.stringValue, let waiter = core.withLock({ $0.waiters.removeValue(forKey: id) })
        else { return }
        if type == "error" {
            waiter.resume(.failure(MeshError(fields: json.objectValue ?? JSONObject())))
        } else {
            waiter.resume(.success(json))
        }
    }

    /// The hello was accepted: what was open is sent again, in order, before anything new.
    private func attached() {
        let (transport, frames, waiters) = core.withLock { core in
            core.machine.attached()
            let sends = core.sends.values.sorted { $0.order < $1.order }.map(\.frame)
            let watches = core.watches.sorted { $0.key < $1.key }.map { $0.value.frame() }
            return (core.transport, sends + watches, core.takeAttachWaiters())
        }
        if !frames.isEmpty { transport?.send(frames) }
        for waiter in waiters { waiter.resume() }
        eventContinuation.yield(.connected)
    }

    private func push(_ json: JSON) {
        if json["subtype"]?.stringValue == "system" { return system(json) }
        guard let push = try? JSONCoder.decode(MessagePush.self, from: json) else {
            return logger.warning("a push of the broker cannot be read")
        }
        switch core.withLock({ $0.seen.see(push.messageId) }) {
        case .inProgress: break
        case .done: acknowledge(push.messageId)
        case .new:
            guard let message = sealing.open(push) else {
                core.withLock { core in
                    core.undecryptable += 1
                    core.seen.forget(push.messageId)
                }
                return write(Acknowledge(messageIDs: [push.messageId], reject: "undecryptable"))
            }
            messageContinuation.yield(message)
        }
    }

    private func system(_ json: JSON) {
        let data = json["eventData"]?.objectValue ?? JSONObject()
        let name = json["event"]?.stringValue ?? ""
        if name == "tick" || name == "clock_changed" { return routeToWatch("clock", name, .object(data)) }
        let event: MeshEvent =
            switch name {
            case "peer_joined": .peerJoined(data)
            case "peer_returned": .peerReturned(data)
            case "peer_left": .peerLeft(data)
            default: .other(name, data)
            }
        eventContinuation.yield(event)
    }

    private func acknowledged(_ json: JSON) {
        guard let ack = try? JSONCoder.decode(SendAck.self, from: json) else { return }
        guard let send = core.withLock({ $0.sends.removeValue(forKey: ack.id) }) else { return }
        if let name = send.outboxName { outbox?.remove(name) }
        if ack.queued {
            send.resume?(.success(ack))
        } else {
            send.resume?(
                .failure(send.refusal ?? MeshError(.internalError, ack.error ?? "the broker refused the message")))
        }
    }

    private func refused(_ json: JSON) {
        let error = MeshError(fields: json.objectValue ?? JSONObject())
        core.withLock { core in
            core.refusal = error
            if let id = json["id"]?.stringValue { core.sends[id]?.refusal = error }
        }
    }

    private func routeToWatch(_ key: String, _ type: String, _ json: JSON) {
        core.withLock { $0.watches[key]?.take }?(type, json)
    }

    // MARK: Out

    /// Acknowledges a message: now when nothing else comes, else with the rest of the burst.
    func acknowledge(_ id: String) {
        core.withLock { core in
            core.seen.finish(id)
            core.acknowledged.append(id)
        }
        sendAcknowledgements()
    }

    func sendAcknowledgements() {
        let (transport, ids) = core.withLock { core in
            let ids = Array(core.acknowledged.prefix(1_000))
            guard core.transport != nil, core.machine.isAttached else { return (core.transport, [String]()) }
            core.acknowledged.removeFirst(ids.count)
            return (core.transport, ids)
        }
        guard !ids.isEmpty, let transport else { return }
        if let frame = try? WireFrame.bytes(type: Acknowledge.type, body: Acknowledge(messageIDs: ids)) {
            transport.send([frame])
        }
    }

    /// Sends a request whose answer nobody waits for.
    func write<Asked: Request>(_ request: Asked) {
        guard let transport = core.withLock({ $0.transport }) else { return }
        if let frame = try? WireFrame.bytes(type: Asked.type, body: request) { transport.send([frame]) }
    }

    /// Sends a request and waits for its answer.
    func ask(_ type: String, _ body: some Encodable) async throws(MeshError) -> JSON {
        let id = core.withLock { "r\($0.number())" }
        let frame = try WireFrame.bytes(type: type, body: body, requestID: id)
        try await waitForConnection()
        let result: Result<JSON, MeshError> = await withCheckedContinuation { continuation in
            let deadline = SystemCalls.now() + configuration.requestTimeoutMillis
            let transport = core.withLock { core -> (any Transport)? in
                guard let transport = core.transport, core.machine.isAttached else { return nil }
                core.waiters[id] = .init(resume: { continuation.resume(returning: $0) }, deadline: deadline)
                return transport
            }
            guard let transport else {
                return continuation.resume(
                    returning: .failure(
                        MeshError(.busy, "the connection was lost", hint: "ask again", details: ["network": true])))
            }
            transport.send([frame])
        }
        return try result.get()
    }

    /// Hands a send to the broker and waits until it is on disk there; sent again after every reconnection.
    func deliver(_ send: Send) async throws(MeshError) -> SendAck {
        if configuration.outboxFolder != nil, outbox == nil {
            throw MeshError(.storageFailed, "the outbox \(configuration.outboxFolder ?? "") cannot be used")
        }
        let order = core.withLock { $0.number() }
        var send = send
        send.id = send.clientMessageID ?? "s\(order)"
        let id = send.id ?? ""
        let frame = try WireFrame.bytes(type: Send.type, body: send)
        let outboxName = try outbox?.add(send, order: SystemCalls.now())
        let result: Result<SendAck, MeshError> = await withCheckedContinuation { continuation in
            let (transport, ending) = core.withLock { core -> ((any Transport)?, MeshError?) in
                if core.isEnded {
                    return (nil, core.ending ?? MeshError(.busy, "the client has ended", details: ["network": true]))
                }
                core.sends[id] = .init(
                    frame: frame, order: order, outboxName: outboxName,
                    resume: { continuation.resume(returning: $0) })
                return (core.machine.isAttached ? core.transport : nil, nil)
            }
            if let ending { return continuation.resume(returning: .failure(ending)) }
            transport?.send([frame])
        }
        return try result.get()
    }

    private func waitForConnection() async throws(MeshError) {
        do { try await connected() } catch {
            throw error as? MeshError ?? MeshError(.busy, "the client has ended", details: ["network": true])
        }
    }
}
