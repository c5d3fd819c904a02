import Logging
import MeshCore
import Synchronization

/// Frames in and out.
extension MeshClient {
    // MARK: In

    func receive(_ event: TransportEvent, _ closed: ClosedGate) {
        switch event {
        case .text(let bytes):
            core.withLock { $0.lastHeard = SystemCalls.now() }
            if takeFlat(bytes) { return }
            guard let json = try? JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 26, maxDepth: 64)),
                let type = json["type"]?.stringValue
            else { return logger.warning("a frame of the broker cannot be read") }
            if bytes.count > MessagePush.maximumFrameBytes, type == MessagePush.type {
                return logger.warning("a push of the broker is larger than a message can be")
            }
            take(type, json, bytes.count)
        case .pong: core.withLock { $0.lastHeard = SystemCalls.now() }
        case .readComplete: sendAcknowledgements()
        case .closed(let reason):
            closed.open(reason)
        }
    }

    /// Takes a message or the answer to one without building a tree; false leaves the frame to the general way.
    private func takeFlat(_ bytes: [UInt8]) -> Bool {
        var scanner = FlatScanner()
        return bytes.withUnsafeBytes { bytes in
            guard scanner.scan(bytes) else { return false }
            if bytes.count <= MessagePush.maximumFrameBytes, let push = MessagePush(flat: scanner, in: bytes),
                push.subtype != "system"
            {
                self.push(push)
            } else if let ack = SendAck(flat: scanner, in: bytes) {
                acknowledged(ack)
            } else {
                return false
            }
            return true
        }
    }

    private func take(_ type: String, _ json: JSON, _ bytes: Int) {
        switch type {
        case HelloAck.type: attached()
        case MessagePush.type: push(json)
        case SendAck.type where json["_reqId"] == nil:
            if let ack = try? JSONCoder.decode(SendAck.self, from: json) { acknowledged(ack) }
        case "error":
            refused(json)
            if let id = json["_reqId"]?.stringValue, id.hasPrefix("state:") { routeToWatch(id, type, json) }
        case ReceiptPush.type:
            guard let receipt = try? JSONCoder.decode(ReceiptPush.self, from: json) else { return }
            eventContinuation.yield(.receipt(receipt))
            routeToWatch("message:" + receipt.messageId, type, json)
        case StateSnapshot.type, "state_change":
            // One write, and all watches that see it.
            let names = json["watchIds"]?.arrayValue?.compactMap(\.stringValue) ?? [json["watchId"]?.stringValue ?? ""]
            for name in names { routeToWatch("state:" + name, type, json) }
        case InboxChanged.type: routeToWatch("inbox", type, json)
        case ClockStatus.type where json["_reqId"] == nil: routeToWatch("clock", type, json)
        default: break
        }
        guard let id = json["_reqId"]?.stringValue, let waiter = core.withLock({ $0.waiters.removeValue(forKey: id) })
        else { return }
        if type == "error" {
            waiter.resume(.failure(MeshError(fields: json.objectValue ?? JSONObject())))
        } else {
            waiter.resume(.success((json, bytes)))
        }
    }

    /// The hello was accepted: what was open is sent again, in order, before anything new.
    private func attached() {
        let (transport, frames, waiters) = core.withLock { core in
            core.machine.attached()
            core.helloDeadline = nil
            core.lastDisconnection = nil
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
        self.push(push)
    }

    private func push(_ push: MessagePush) {
        guard push.hasUsableID else { return logger.warning("a push of the broker has no usable id") }
        switch core.withLock({ $0.seen.see(push.messageId) }) {
        case .inProgress: break
        case .done: acknowledge(push.messageId)
        case .new:
            // Another run has handled it, and its acknowledgement was lost.
            if let inbox, inbox.wasHandled(push.messageId) { return acknowledge(push.messageId) }
            guard let message = sealing.open(push) else {
                core.withLock { core in
                    core.undecryptable += 1
                    core.seen.forget(push.messageId)
                }
                return write(Acknowledge(messageIDs: [push.messageId], reject: "undecryptable"))
            }
            if let question = push.replyToId,
                let asker = core.withLock({ core in core.askers.values.first { $0.messageID == question } }),
                asker.asked?.judge(message) != .other, asker.answers.take((push, message))
            {
                return
            }
            takeOver(push, message)
        }
    }

    /// With an inbox a message is acknowledged once it is on this machine's disk; without one when it was handled.
    func takeOver(_ push: MessagePush, _ message: Message) {
        // What does not fit stays with the broker, which offers it again.
        let fits = core.withLock { core in
            if core.waiting.begin(push.messageId, bytes: push.waitingBytes) { return true }
            core.seen.forget(push.messageId)
            return false
        }
        guard fits else { return }
        guard let inbox else { return _ = messageContinuation.yield(message) }
        do throws(MeshError) {
            let isNew = try inbox.take(push)
            sendAcknowledgement(push.messageId)
            if isNew {
                messageContinuation.yield(message)
            } else {
                core.withLock { $0.waiting.end(push.messageId) }
            }
        } catch {
            // It stays with the broker, which offers it again.
            logger.error("a message cannot be kept", metadata: ["error": "\(error)"])
            core.withLock { core in
                core.seen.forget(push.messageId)
                core.waiting.end(push.messageId)
            }
        }
    }

    /// The handler has returned.
    func handled(_ id: String) {
        core.withLock { $0.waiting.end(id) }
        guard let inbox else { return acknowledge(id) }
        core.withLock { $0.seen.finish(id) }
        do throws(MeshError) { try inbox.finish(id) } catch {
            logger.error("a handled message cannot be marked", metadata: ["error": "\(error)"])
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

    private func acknowledged(_ ack: SendAck) {
        guard let send = core.withLock({ $0.sends.removeValue(forKey: ack.id) }) else { return }
        if let name = send.outboxName, ack.queued || !send.keepsWhenRefused { outbox?.remove(name) }
        if ack.queued {
            core.withLock { core in
                if let id = send.clientMessageID { core.askers[id]?.messageID = ack.messageId }
            }
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
        core.withLock { $0.seen.finish(id) }
        sendAcknowledgement(id)
    }

    private func sendAcknowledgement(_ id: String) {
        core.withLock { $0.acknowledged.append(id) }
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

    /// Sends a request and waits for its answer. Returns how many bytes it has as well.
    func ask(_ type: String, _ body: some Encodable) async throws(MeshError) -> (JSON, Int) {
        let id = core.withLock { "r\($0.number())" }
        let frame = try WireFrame.bytes(type: type, body: body, requestID: id)
        try await waitForConnection()
        let result: Result<(JSON, Int), MeshError> = await withCheckedContinuation { continuation in
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
    func deliver(_ send: Send, _ outgoing: Outgoing) async throws(MeshError) -> SendAck {
        if configuration.outboxFolder != nil, outbox == nil {
            throw MeshError(.storageFailed, "the outbox \(configuration.outboxFolder ?? "") cannot be used")
        }
        var send = send
        send.id = send.clientMessageID
        let outboxName = try outbox?.add(outgoing, send, order: core.withLock { $0.outboxOrder() })
        let ready = send
        let result: Result<SendAck, MeshError> = await withCheckedContinuation { continuation in
            do throws(MeshError) {
                try begin(ready, outboxName: outboxName, keepsWhenRefused: false) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Hands a send to the broker, in the order of the calls; `done` gets the answer, once.
    func begin(
        _ send: Send, outboxName: String?, keepsWhenRefused: Bool,
        done: @escaping @Sendable (Result<SendAck, MeshError>) -> Void
    ) throws(MeshError) {
        let order = core.withLock { $0.number() }
        // A second send with an idempotency key that is under way has a number of its own: both wait for their answers.
        let wanted = send.id ?? "s\(order)"
        let (frame, transport, ending) = core.withLock { core -> ([UInt8], (any Transport)?, MeshError?) in
            if core.isEnded {
                return ([], nil, core.ending ?? MeshError(.busy, "the client has ended", details: ["network": true]))
            }
            let id = core.sends[wanted] == nil ? wanted : "s\(order)"
            var send = send
            send.id = id
            let frame = send.frame()
            core.sends[id] = .init(
                frame: frame, order: order, clientMessageID: send.clientMessageID, outboxName: outboxName,
                keepsWhenRefused: keepsWhenRefused, resume: done)
            return (frame, core.machine.isAttached ? core.transport : nil, nil)
        }
        if let ending { return done(.failure(ending)) }
        transport?.send([frame])
    }

    private func waitForConnection() async throws(MeshError) {
        do { try await connected() } catch {
            throw error as? MeshError ?? MeshError(.busy, "the client has ended", details: ["network": true])
        }
    }
}
