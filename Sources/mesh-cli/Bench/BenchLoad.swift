import Histogram
import MeshCore
import MeshSDK
import NIOCore

/// The load of a measurement: all peers, on one event loop, which it never leaves.
final class BenchLoad {
    private let plan: BenchPlan
    private let mesh: BenchMesh
    private let heads: [[UInt8]]
    private let finished: @Sendable () -> Void
    private var peers: [BenchPeer] = []
    private var keys: [BoxKey?]
    private var numbers = SystemRandomNumberGenerator()
    private var scanner = FlatScanner()
    private var started: UInt64 = 0
    private var timer: RepeatedTask?
    /// One bit for each delivery that can be.
    private var seen: [UInt64]
    private(set) var outcome: BenchOutcome

    init(_ plan: BenchPlan, _ mesh: BenchMesh, finished: @escaping @Sendable () -> Void) {
        self.plan = plan
        self.mesh = mesh
        self.finished = finished
        let count = mesh.peers.count
        switch plan.target {
        case .direct: heads = mesh.peers.map { BenchPeer.head(target: $0.sessionKey.publicKey.hex) }
        case .group: heads = [BenchPeer.head(target: "@" + BenchRun.group) + #","encrypted":false"#.utf8]
        case .broadcast: heads = [BenchPeer.head(target: "*") + #","encrypted":false"#.utf8]
        }
        keys = Array(repeating: nil, count: plan.target == .direct ? count * count : 0)
        let copies = plan.target == .direct ? 1 : count - 1
        let senders = min(plan.senders, count)
        outcome = BenchOutcome(
            expectedAccepted: senders * plan.messages, expectedDelivered: senders * plan.messages * copies)
        seen = Array(repeating: 0, count: (count * senders * plan.messages + 63) / 64)
    }

    // MARK: Sending

    func start(_ transports: [any Transport], on loop: any EventLoop, _ own: NIOLoopBound<BenchLoad>) {
        peers = transports.enumerated().map { BenchPeer(number: $0.offset, transport: $0.element) }
        if plan.target == .direct { makeKeys() }
        started = NIODeadline.now().uptimeNanoseconds
        if plan.intervalNanos == nil {
            for number in senders {
                fill(number)
                peers[number].flush()
            }
        } else {
            timer = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .microseconds(500)) { _ in own.value.tick() }
        }
    }

    /// The peers that send; all of them receive.
    private var senders: Range<Int> { 0..<min(plan.senders, peers.count) }

    func stop() { timer?.cancel() }

    /// The shared key of two peers is the same on both sides.
    private func makeKeys() {
        let count = peers.count
        let secrets = mesh.peers.map { KeyConversion.x25519($0.sessionKey) }
        let publics = mesh.peers.map { (try? KeyConversion.x25519($0.sessionKey.publicKey)) ?? [] }
        for one in 0..<count {
            for other in 0..<one {
                let key = try? BoxKey(mineX25519: secrets[one], theirsX25519: publics[other])
                keys[one * count + other] = key
                keys[other * count + one] = key
            }
        }
    }

    /// Sends as much as the window allows.
    private func fill(_ number: Int) {
        let now = NIODeadline.now().uptimeNanoseconds
        while peers[number].sent < plan.messages, peers[number].sent - peers[number].accepted < plan.window {
            send(from: number, due: now)
        }
    }

    /// Sends what is due by the plan's rate. The peers begin one after the other, not all at once.
    private func tick() {
        guard let interval = plan.intervalNanos else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        for number in senders {
            let offset = interval * Double(number) / Double(senders.count)
            while peers[number].sent < plan.messages {
                let due = started + UInt64(offset + interval * Double(peers[number].sent))
                if due > now { break }
                send(from: number, due: due)
            }
            peers[number].flush()
        }
    }

    private func send(from number: Int, due: UInt64) {
        let message = peers[number].sent
        peers[number].sent += 1
        let text = BenchPayload.make(due: due, sender: number, number: message, size: plan.size)
        guard plan.target == .direct else {
            let frame = BenchPeer.send(
                head: heads[0], peer: number, number: message, nonce: "", body: Base64.encode(text))
            return peers[number].frames.append(frame)
        }
        var other = Int.random(in: 0..<(peers.count - 1), using: &numbers)
        if other >= number { other += 1 }
        let nonce = BoxKey.randomNonce()
        guard let box = try? keys[number * peers.count + other]?.seal(text, nonce: nonce) else { return }
        peers[number].frames.append(
            BenchPeer.send(
                head: heads[other], peer: number, number: message, nonce: Base64.encode(nonce),
                body: Base64.encode(box)))
    }

    // MARK: Receiving

    func receive(_ event: TransportEvent, at number: Int) {
        // Before the start there is only news of others who connect.
        guard peers.indices.contains(number) else { return }
        switch event {
        case .text(let bytes): bytes.withUnsafeBytes { frame($0, at: number) }
        case .readComplete:
            if plan.intervalNanos == nil, senders.contains(number) { fill(number) }
            peers[number].flush()
        case .closed(let reason):
            outcome.failure = outcome.failure ?? "a peer's connection ended: \(reason?.description ?? "lost")"
            finished()
        case .pong: break
        }
    }

    private func frame(_ bytes: UnsafeRawBufferPointer, at number: Int) {
        guard scanner.scan(bytes), let type = scanner.text("type", in: bytes) else { return }
        switch type {
        case MessagePush.type: message(bytes, at: number)
        case SendAck.type:
            guard scanner.value("queued", in: bytes) == .bool(true) else { return refused(bytes) }
            peers[number].accepted += 1
            outcome.accepted += 1
            finishIfDone()
        case "error": refused(bytes)
        default: break
        }
    }

    private func refused(_ bytes: UnsafeRawBufferPointer) {
        outcome.failure = outcome.failure ?? "the broker refused: \(String(decoding: bytes, as: UTF8.self))"
        finished()
    }

    private func message(_ bytes: UnsafeRawBufferPointer, at number: Int) {
        guard let id = scanner.text("messageId", in: bytes), let body = scanner.text("ciphertext", in: bytes),
            let nonce = scanner.text("nonce", in: bytes), let box = Base64.decode(body)
        else { return }
        let sender = plan.target == .direct ? sender(of: bytes) : nil
        let text: [UInt8]
        if plan.target == .direct {
            guard let sender, let nonce = Base64.decode(nonce),
                let opened = keys[number * peers.count + sender]?.open(box, nonce: nonce)
            else { return unreadable() }
            text = opened
        } else {
            text = box
        }
        guard let payload = BenchPayload(text), payload.sender < senders.count, payload.number < plan.messages else {
            return unreadable()
        }
        peers[number].opened.append(Array(id.utf8))
        let place = (number * senders.count + payload.sender) * plan.messages + payload.number
        let bit: UInt64 = 1 << UInt64(place & 63)
        if seen[place >> 6] & bit != 0 {
            outcome.duplicates += 1
            return
        }
        seen[place >> 6] |= bit
        outcome.delivered += 1
        let now = NIODeadline.now().uptimeNanoseconds
        _ = outcome.latency.record(max(1, (now - min(now, payload.due)) / 1_000))
        finishIfDone()
    }

    /// The peer that a message says it is from: its name is `peer-N`.
    private func sender(of bytes: UnsafeRawBufferPointer) -> Int? {
        guard let name = scanner.text("senderName", in: bytes), let number = Int(name.dropFirst(5)),
            peers.indices.contains(number)
        else { return nil }
        return number
    }

    private func unreadable() {
        outcome.failure = outcome.failure ?? "a message could not be opened"
        finished()
    }

    private func finishIfDone() {
        guard outcome.isComplete else { return }
        outcome.seconds = Double(NIODeadline.now().uptimeNanoseconds - started) / 1e9
        // The last acknowledgements leave with the end of their burst.
        for number in peers.indices { peers[number].flush() }
        finished()
    }
}
