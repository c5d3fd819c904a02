import MeshCore
import MeshEngine
import NIOCore

/// The life of one connection: first its hello, then requests in, and answers and pushes out. Confined to its loop.
final class ConnectionHandler {
    private enum Phase {
        /// Not identified yet.
        case silent
        /// The hello was handed to the mesh.
        case greeting(any Sequencer, meshID: String)
        /// The session is open.
        case open(any Sequencer, meshID: String, session: SessionNumber)
        case ended
    }

    private let id: ConnectionID
    private let sink: any FrameSink
    private let host: any ConnectionHost
    /// The connection that owns this, released when it has ended. Not weak: that would make every count of its
    /// references go through a table of its own, on two threads.
    var connection: PeerConnection?
    private let table: CapabilityTable
    private let limits: ConnectionLimits
    private var phase = Phase.silent
    /// The session, once it is open and until it ends: every frame uses it.
    private var session: SessionNumber?
    private var hasEnded = false
    /// The mesh that was asked to open a session when the connection ended.
    private var left: (sequencer: any Sequencer, meshID: String, saidGoodbye: Bool)?
    /// The signature of the hello that the mesh decides on.
    private var token: ReplayToken?
    private var isTouched = false
    private var dialect = Dialect.claudemesh
    private var isAttached = true
    /// The member whose share of connections includes this one.
    private var counted: PublicKey?
    /// The member key that the hello named.
    private var namedKey: String?
    /// The member that the hello named; it is the connection's once the session is open.
    private var member: PublicKey?
    /// Frames that came while the hello was on its way.
    private var early: [[UInt8]] = []
    private var burst: [Submission] = []
    private var acknowledged: [String] = []
    private var budget = RequestBudget()
    private var sends: TokenBucket?
    private var strikes = 0
    private var receipts = TransportReceipts()
    private var lastHeard: NIODeadline = .now()
    private var scanner = FlatScanner()
    private var timer: RepeatedTask?
    private var helloTimer: Scheduled<Void>?

    init(id: ConnectionID, sink: any FrameSink, host: any ConnectionHost) {
        self.id = id
        self.sink = sink
        self.host = host
        table = host.table
        limits = host.limits
        if !sink.isLoopback, let rate = limits.sendsPerSecond {
            sends = TokenBucket(rate: rate, burst: limits.sendBurst)
        }
    }

    func opened(on loop: any EventLoop) {
        host.metrics.connectionOpened()
        // Both timers run on the connection's own loop and are cancelled at its end.
        let own = NIOLoopBound(self, eventLoop: loop)
        helloTimer = loop.scheduleTask(in: .seconds(limits.helloSeconds)) {
            own.value.end(.policy("hello_timeout"))
        }
        timer = loop.scheduleRepeatedTask(
            initialDelay: .seconds(limits.pingSeconds), delay: .seconds(limits.pingSeconds)
        ) { _ in own.value.beat() }
    }

    private func beat() {
        guard NIODeadline.now() - lastHeard < .seconds(limits.silenceSeconds) else {
            host.metrics.connectionSilent()
            return end(.policy("silent"))
        }
        sink.ping([])
    }

    // MARK: Frames in

    func text(_ bytes: UnsafeRawBufferPointer) {
        if hasEnded { return }
        lastHeard = .now()
        if let session, takeFlat(bytes, session) { return }
        do throws(JSONError) {
            handle(try JSON.parse(bytes, limits: .frame), size: bytes.count)
        } catch {
            refuse(MeshError(error, in: "frame"), FrameEnvelope.find(in: bytes))
        }
    }

    /// Refuses an unreadable frame. If it is JSON all the same, the answer goes to the request that it is.
    private func refuse(_ error: MeshError, _ envelope: FrameEnvelope?) {
        guard session != nil, let envelope, let type = envelope.type else {
            return strike(error, requestID: envelope?.requestID)
        }
        host.metrics.frameRejected(error.code)
        let sendID = type == Send.type ? envelope.id ?? "" : nil
        answer(ReplyTag(type: type, requestID: envelope.requestID, sendID: sendID), error)
    }

    /// Handles a frame of a frequent kind without building a tree; false leaves it to the general path.
    private func takeFlat(_ bytes: UnsafeRawBufferPointer, _ session: SessionNumber) -> Bool {
        guard bytes.count <= JSONLimits.frame.maxBytes, scanner.scan(bytes),
            let request = table.decode(flat: scanner, in: bytes)
        else { return false }
        var requestID: String?
        switch scanner.value("_reqId", in: bytes) {
        case nil: break
        case .string(let range): requestID = FlatScanner.text(bytes, range)
        // One that is no string is refused on the general path.
        default: return false
        }
        submit(request, requestID: requestID, size: bytes.count, session)
        return true
    }

    private func handle(_ frame: JSON, size: Int) {
        guard let object = frame.objectValue, let type = object["type"]?.stringValue else {
            return strike(
                MeshError(.badFrame, "a frame is a JSON object with a string `type`"),
                requestID: frame["_reqId"]?.stringValue)
        }
        if let given = object["_reqId"], given.stringValue == nil, !given.isNull { return refuse(requestID: given) }
        switch phase {
        case .silent: greet(type, frame)
        case .greeting:
            guard early.count < limits.unansweredRequests else {
                return end(.policy("too many frames before hello_ack"))
            }
            early.append(frame.bytes())
        case .open(let sequencer, _, let session):
            request(type, frame, size, sequencer, session)
        case .ended: break
        }
    }

    /// An id that no answer could carry as it is: the refusal does.
    private func refuse(requestID: JSON) {
        let error = MeshError.argument("_reqId", "must be a string, not \(requestID.typeName)")
        host.metrics.frameRejected(error.code)
        var fields = error.fields
        fields["_reqId"] = requestID
        sink.write(WireFrame.bytes(type: "error", fields: fields))
        strikes += 1
        if strikes >= limits.strikes { end(.policy(error.code.rawValue)) }
    }

    func readComplete() {
        flushBurst()
        sink.flush()
    }

    func pong(_ payload: [UInt8]) {
        lastHeard = .now()
        let messages = receipts.confirm(payload)
        guard !messages.isEmpty, case .open(let sequencer, _, let session) = phase else { return }
        sequencer.submit([.init(.command(TransportReceipt(messages: messages), .session(session, id)), for: .nobody)])
    }

    // MARK: Hello

    private func greet(_ type: String, _ frame: JSON) {
        let now = host.nowMillis()
        namedKey = frame["parentMemberPubkey"]?.stringValue ?? frame["pubkey"]?.stringValue
        do throws(MeshError) {
            let greeting: Greeting
            let meshID: String
            switch type {
            case Hello.type:
                let hello = try decode(Hello.self, frame)
                meshID = hello.meshId
                greeting = try host.authenticator.open(hello, now: now, connection: id)
            case SessionHello.type:
                let hello = try decode(SessionHello.self, frame)
                meshID = hello.meshId
                greeting = try host.authenticator.open(hello, now: now, connection: id)
            default:
                return strike(
                    MeshError(.noHello, "the first frame must be hello or session_hello"),
                    requestID: frame["_reqId"]?.stringValue)
            }
            guard let sequencer = host.sequencer(of: meshID), let connection else {
                if let stopped = host.stopped(meshID) { throw stopped }
                throw MeshError.stranger
            }
            try host.memberConnections.enter(greeting.open.member)
            counted = greeting.open.member
            try host.authenticator.replays.reserve(greeting.token, at: now)
            token = greeting.token
            let open = greeting.open
            dialect = open.dialect
            isAttached = open.connection != nil
            member = open.member
            phase = .greeting(sequencer, meshID: meshID)
            sink.heardHello()
            // Input after the hello waits in the socket, and costs nothing here.
            sink.pauseReading()
            sequencer.submit([
                .init(.command(open, .node), for: .connection(connection, ReplyTag(type: OpenSession.type)))
            ])
        } catch {
            refuseHello(error)
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ frame: JSON) throws(MeshError) -> Value {
        do throws(JSONError) { return try JSONCoder.decode(type, from: frame) } catch {
            throw MeshError(.malformed, "\(error)")
        }
    }

    /// The mesh has decided: a member's signature is used up, a stranger's is released.
    private func settleToken(_ error: MeshError? = nil) {
        guard let token else { return }
        self.token = nil
        if error?.code == .unauthorized || error?.code == .revoked {
            host.authenticator.replays.release(token)
        } else {
            host.authenticator.replays.confirm(token)
        }
    }

    private func refuseHello(_ error: MeshError) {
        settleToken(error)
        host.metrics.connectionRejected(error.code)
        host.refused(hello: error, key: namedKey, from: sink.remoteAddress)
        sink.write(error.frame())
        let reason = error.code == .revoked ? "banned" : error.code.rawValue
        end(CloseReason(code: error.code.closeCode ?? 1008, reason: reason))
    }

    private func welcome(_ opened: SessionOpened, _ sequencer: any Sequencer, _ meshID: String) {
        settleToken()
        helloTimer?.cancel()
        let number = SessionNumber(rawValue: opened.number)
        phase = .open(sequencer, meshID: meshID, session: number)
        session = number
        sink.admit(member.map { host.lines.join($0) } ?? UnsentBytes())
        sink.resumeReading()
        if let frame = try? opened.ack.frame() { sink.write(frame) }
        let waiting = early
        early = []
        for frame in waiting { frame.withUnsafeBytes { text($0) } }
        flushBurst()
    }

    // MARK: Requests

    private func request(
        _ type: String, _ frame: JSON, _ size: Int, _ sequencer: any Sequencer, _ session: SessionNumber
    ) {
        let requestID = frame["_reqId"]?.stringValue
        if type == Hello.type || type == SessionHello.type {
            return strike(MeshError(.alreadyGreeted, "this connection has said hello"), requestID: requestID)
        }
        do throws(MeshError) {
            let request = try table.decode(type: type, from: frame)
            submit(request, requestID: requestID, size: size, session)
        } catch {
            let sendID = type == Send.type ? frame["id"]?.stringValue ?? "" : nil
            host.metrics.frameRejected(error.code)
            answer(ReplyTag(type: type, requestID: requestID, sendID: sendID), error)
        }
    }

    private func submit(_ request: any Request, requestID: String?, size: Int, _ session: SessionNumber) {
        guard let connection else { return }
        let kind = Swift.type(of: request)
        if kind == Acknowledge.self, requestID == nil, gather(request) { return }
        let outgoing = request.outgoing
        let tag = ReplyTag(
            type: kind.type, requestID: requestID, sendID: outgoing?.id,
            isSilent: dialect == .claudemesh && kind.declaration.isSilentForVersion1
                || requestID == nil && kind == Acknowledge.self,
            bytes: size)
        if outgoing != nil, sends?.take(at: .now()) == false { return answer(tag, tooFast) }
        burst.append(
            Submission(
                request, .session(session, id), isQuery: kind.kind != .write, sendPriority: outgoing?.priority,
                for: .connection(connection, tag)))
        if budget.take(bytes: size, limits: limits) { sink.pauseReading() }
    }

    /// Adds an acknowledgement to the others of its burst, which become one command; false when it has other content.
    private func gather(_ request: any Request) -> Bool {
        guard let acknowledge = request as? Acknowledge, acknowledge.read != true, acknowledge.reject == nil,
            acknowledge.clientMessageID == nil
        else { return false }
        if let ids = acknowledge.messageIDs { acknowledged += ids }
        if let id = acknowledge.brokerMessageID { acknowledged.append(id) }
        return true
    }

    private var tooFast: MeshError {
        MeshError(
            .rateLimited, "rate_limit: more than \(limits.sendsPerSecond ?? 0) messages a second", hint: "send slower")
    }

    private func flushBurst() {
        guard !acknowledged.isEmpty || !burst.isEmpty, case .open(let sequencer, _, let session) = phase else { return }
        while !acknowledged.isEmpty {
            let ids = Array(acknowledged.prefix(1_000))
            acknowledged.removeFirst(ids.count)
            let asker = connection.map {
                Submission.Asker.connection($0, ReplyTag(type: Acknowledge.type, isSilent: true))
            }
            burst.append(
                Submission(
                    Acknowledge(messageIDs: ids), .session(session, id), isQuery: false, sendPriority: nil,
                    for: asker ?? .nobody))
            if budget.take(bytes: 0, limits: limits) { sink.pauseReading() }
        }
        let work = burst
        burst = []
        sequencer.submit(work)
    }

    private func strike(_ error: MeshError, requestID: String?) {
        host.metrics.frameRejected(error.code)
        sink.write(error.frame(requestID: requestID))
        strikes += 1
        if strikes >= limits.strikes { end(.policy(error.code.rawValue)) }
    }

    // MARK: Frames out

    /// Takes output of the mesh's writer for this connection; true when it is the first since the last flush.
    func deliver(_ item: BatchOutput.Item) -> Bool {
        if hasEnded {
            leave(item)
            return false
        }
        switch item {
        case .reply(let submission, let reply):
            guard let tag = submission.tag else { return false }
            if tag.type == OpenSession.type {
                greeted(reply)
            } else {
                giveBack(tag)
                answer(tag, reply)
            }
        case .answer(let submission, let reply, let lease):
            guard let tag = submission.tag else { return false }
            giveBack(tag)
            answer(tag, reply, holding: lease)
        case .refusal(let submission, let error):
            guard let tag = submission.tag else { return false }
            if tag.type == OpenSession.type {
                if case .greeting = phase { refuseHello(error) }
            } else {
                giveBack(tag)
                answer(tag, error)
            }
        case .push(let push):
            if let frame = push.frame(for: dialect) { sink.write(frame) }
        case .trackedPush(let push, let message):
            guard let frame = push.frame(for: dialect) else { return false }
            sink.write(frame)
            receipts.sent(message)
        case .close(let reason): end(reason)
        }
        defer { isTouched = true }
        return !isTouched
    }

    /// The connection ended before its hello was answered: a session that was opened for it has lost it.
    private func leave(_ item: BatchOutput.Item) {
        guard let left else { return }
        switch item {
        case .reply(_, let reply):
            guard let opened = reply as? SessionOpened else { return }
            settleToken()
            lose(
                SessionNumber(rawValue: opened.number), left.sequencer, left.meshID, saidGoodbye: left.saidGoodbye)
        case .refusal(let submission, let error) where submission.tag?.type == OpenSession.type:
            settleToken(error)
            host.forget(id, meshID: left.meshID)
        default: return
        }
        self.left = nil
    }

    /// Notifies the mesh that a session has lost its connection.
    private func lose(
        _ session: SessionNumber, _ sequencer: any Sequencer, _ meshID: String, saidGoodbye: Bool
    ) {
        guard isAttached else { return host.forget(id, meshID: meshID) }
        sequencer.submit([
            .init(
                .command(
                    LoseConnection(
                        session: session.rawValue, connection: id.rawValue, clean: saidGoodbye ? true : nil), .node),
                for: .nobody)
        ])
    }

    func flush() {
        isTouched = false
        sink.flush()
        // A ping after the pushes: its pong confirms that the client's transport has taken them.
        if let payload = receipts.ping() { sink.ping(payload) }
    }

    private func greeted(_ reply: any Reply) {
        guard case .greeting(let sequencer, let meshID) = phase else { return }
        guard let opened = reply as? SessionOpened else {
            return refuseHello(MeshError(.internalError, "the session was not opened"))
        }
        welcome(opened, sequencer, meshID)
    }

    /// Marks the request as answered.
    private func giveBack(_ tag: ReplyTag) {
        if budget.give(bytes: tag.bytes, limits: limits) { sink.resumeReading() }
    }

    private func answer(_ tag: ReplyTag, _ reply: any Reply, holding lease: AnswerLease? = nil) {
        guard !tag.isSilent else { return }
        do throws(MeshError) {
            let frame = try reply.frame(requestID: tag.requestID)
            if let lease { sink.write(frame, holding: lease) } else { sink.write(frame) }
        } catch {
            sink.write(error.frame(requestID: tag.requestID))
        }
    }

    private func answer(_ tag: ReplyTag, _ error: MeshError) {
        if tag.type == Acknowledge.type, tag.isSilent, error.code == .notFound { return }
        sink.write(error.frame(requestID: tag.requestID, id: tag.sendID))
        if let sendID = tag.sendID {
            let failed = SendAck(id: sendID, messageId: "", queued: false, error: error.description)
            if let frame = try? failed.frame() { sink.write(frame) }
        }
        if error.code == .revoked { end(CloseReason(code: 4002, reason: "banned")) }
        if error.code == .meshStopped { end(.policy(error.code.rawValue)) }
    }

    // MARK: The end

    /// The mesh that it is connected to; nil before its hello and after its end.
    var meshID: String? {
        switch phase {
        case .open(_, let meshID, _): meshID
        case .greeting(_, let meshID): meshID
        case .silent, .ended: nil
        }
    }

    func end(_ reason: CloseReason) {
        if case .ended = phase { return }
        sink.flush()
        sink.close(reason)
        closed()
    }

    /// The connection has ended; `saidGoodbye` when its client closed it cleanly.
    func closed(saidGoodbye: Bool = false) {
        let last = phase
        if case .ended = last { return }
        flushBurst()
        phase = .ended
        session = nil
        hasEnded = true
        timer?.cancel()
        helloTimer?.cancel()
        host.metrics.connectionClosed()
        if let counted { host.memberConnections.leave(counted) }
        switch last {
        case .open(let sequencer, let meshID, let session):
            if let member { host.lines.leave(member) }
            lose(session, sequencer, meshID, saidGoodbye: saidGoodbye)
        case .greeting(let sequencer, let meshID):
            left = (sequencer, meshID, saidGoodbye)
            host.forget(id, meshID: meshID)
        case .silent, .ended: break
        }
        if let connection { host.ended(connection) }
        connection = nil
    }
}
