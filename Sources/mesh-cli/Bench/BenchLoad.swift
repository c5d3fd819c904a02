import MeshCore
import MeshSDK
import NIOCore

/// The load of a measurement: all peers, on one event loop, which it never leaves. It runs beside the broker that it
/// measures, so what it spends on a message is missing there: frames are read and written where the connections hold them.
final class BenchLoad {
    private let plan: BenchPlan
    private let forms: [BenchForm]
    private let finished: @Sendable () -> Void
    private var peers: [BenchPeer] = []
    private let keys: BenchKeys
    private var box: BenchBox
    private var scanner = FlatScanner()
    private var started: UInt64 = 0
    private var timer: RepeatedTask?
    private var tally: BenchTally

    var outcome: BenchOutcome { tally.outcome }

    init(_ plan: BenchPlan, _ mesh: BenchMesh, finished: @escaping @Sendable () -> Void) throws {
        self.plan = plan
        self.finished = finished
        let count = mesh.peers.count
        switch plan.target {
        case .direct:
            forms = mesh.peers.map { peer in
                let key = peer.sessionKey.publicKey.hex
                return plan.asCopies ? .copies(key) : .single(key, isPlain: false)
            }
        case .group: forms = [.single("@" + BenchRun.group, isPlain: true)]
        case .broadcast: forms = [.single("*", isPlain: true)]
        }
        keys = plan.target == .direct ? try BenchKeys(mesh.peers) : BenchKeys()
        box = BenchBox(size: plan.size)
        tally = BenchTally(plan, peers: count)
    }

    // MARK: Sending

    func start(_ connections: [WebSocketTransport], on loop: any EventLoop, _ own: NIOLoopBound<BenchLoad>) {
        peers = connections.enumerated().map { BenchPeer(number: $0.offset, connection: $0.element) }
        for peer in peers { peer.receive { [self] in frame($0, at: peer) } }
        started = NIODeadline.now().uptimeNanoseconds
        if plan.intervalNanos == nil {
            for peer in peers[senders] {
                fill(peer)
                peer.flush()
            }
        } else {
            timer = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .microseconds(500)) { _ in own.value.tick() }
        }
    }

    /// The peers that send; all of them receive.
    private var senders: Range<Int> { 0..<min(plan.senders, peers.count) }

    func stop() { timer?.cancel() }

    /// Sends as much as the window allows.
    private func fill(_ peer: BenchPeer) {
        guard peer.sent < plan.messages, peer.sent - peer.accepted < plan.window else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        while peer.sent < plan.messages, peer.sent - peer.accepted < plan.window { send(from: peer, due: now) }
    }

    /// Sends what is due by the plan's rate. The peers begin one after the other, not all at once.
    private func tick() {
        guard let interval = plan.intervalNanos else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        for number in senders {
            let peer = peers[number]
            let offset = interval * Double(number) / Double(senders.count)
            while peer.sent < plan.messages {
                let due = started + UInt64(offset + interval * Double(peer.sent))
                if due > now { break }
                send(from: peer, due: due)
            }
            peer.flush()
        }
    }

    private func send(from peer: BenchPeer, due: UInt64) {
        let message = peer.nextMessage()
        let payload = BenchPayload(due: due, sender: peer.number, number: message)
        guard plan.target == .direct else {
            return box.withBody(of: payload, key: nil) { peer.send(message, forms[0], nonce: $0, body: $1) }
        }
        var other = box.number(below: peers.count - 1)
        if other >= peer.number { other += 1 }
        guard let key = keys.between(peer.number, other) else { return }
        box.withBody(of: payload, key: key) { peer.send(message, forms[other], nonce: $0, body: $1) }
    }

    // MARK: Receiving

    /// Takes what is no frame.
    func receive(_ event: TransportEvent, at number: Int) {
        // Before the start there is only news of others who connect.
        guard peers.indices.contains(number) else { return }
        switch event {
        case .readComplete:
            if plan.intervalNanos == nil, senders.contains(number) { fill(peers[number]) }
            peers[number].acknowledge()
        case .closed(let reason): fail("a peer's connection ended: \(reason?.description ?? "lost")")
        case .text, .pong: break
        }
    }

    private func frame(_ bytes: UnsafeRawBufferPointer, at peer: BenchPeer) {
        switch BenchFrame(bytes, with: &scanner) {
        case .message(let fields): message(fields, bytes, at: peer)
        case .accepted:
            peer.accept()
            tally.accept()
            finishIfDone()
        case .refused: fail("the broker refused: \(String(decoding: bytes, as: UTF8.self))")
        case .other: break
        }
    }

    private func message(_ fields: BenchFrame.Message, _ bytes: UnsafeRawBufferPointer, at peer: BenchPeer) {
        let body = UnsafeRawBufferPointer(rebasing: bytes[fields.body])
        let payload: BenchPayload?
        if plan.target == .direct {
            let nonce = UnsafeRawBufferPointer(rebasing: bytes[fields.nonce])
            payload = sender(fields.senderName, in: bytes).flatMap { sender in
                guard let key = keys.between(peer.number, sender) else { return nil }
                let opened = BenchBox.open(body, nonce: nonce, key: key)
                return opened?.sender == sender ? opened : nil
            }
        } else {
            payload = box.read(body)
        }
        guard let payload, senders.contains(payload.sender), payload.number < plan.messages else {
            return fail("a message could not be opened")
        }
        peer.open(UnsafeRawBufferPointer(rebasing: bytes[fields.id]))
        if tally.deliver(payload, to: peer.number, now: NIODeadline.now().uptimeNanoseconds) { finishIfDone() }
    }

    /// The peer that a message says it is from: its name is `peer-N`.
    private func sender(_ name: Range<Int>?, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let name, (6...12).contains(name.count) else { return nil }
        var number = 0
        for byte in bytes[name].dropFirst(5) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number < peers.count ? number : nil
    }

    // MARK: The end

    private func fail(_ why: String) {
        tally.fail(why)
        finished()
    }

    private func finishIfDone() {
        guard tally.isComplete else { return }
        tally.end(seconds: Double(NIODeadline.now().uptimeNanoseconds - started) / 1e9)
        // The last acknowledgements leave with the end of their burst.
        for peer in peers { peer.flush() }
        finished()
    }
}
