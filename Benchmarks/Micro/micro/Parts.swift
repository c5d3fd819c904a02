import Foundation
import MeshCore
import MeshEngine
import MeshStore
import MeshTestSupport

/// One hot part, done some number of times.
struct Part {
    var name: String
    /// What it may allocate for each time, at most; checked by `--check`.
    var limit: Double
    /// Does it this often.
    var run: (Int) throws -> Void
}

/// The parts that a message passes on its way through the broker, in order.
enum Parts {
    static let text = [UInt8](repeating: 0x61, count: 256)

    static func all() throws -> [Part] {
        try [
            frameDecoding(), sendParsing(), pushWriting(), frameEncoding(), boxSealing(), boxOpening(), ledgerAppend(),
        ]
            + [
                engineApply(.sealed, batch: 1, limit: 66), engineApply(.sealed, batch: 100, limit: 17),
                engineApply(.copies, batch: 100, limit: 47), storeCommit(),
            ]
    }

    /// The wire form of a sealed message of 256 bytes to one session.
    private static func sendFrame() throws -> [UInt8] {
        try WireFrame.bytes(type: Send.type, body: sealed(to: MeshBench.key(2).publicKey), requestID: "r17")
    }

    private static func sealed(to session: PublicKey) -> Send {
        var send = Send(targetSpec: TargetSpec([session.hex]))
        send.id = "17"
        send.clientMessageID = "0123456789abcdef"
        send.nonce = Base64.encode([UInt8](repeating: 5, count: 24))
        send.ciphertext = Base64.encode([UInt8](repeating: 7, count: 272))
        return send
    }

    /// A send as the broker reads it from its frame.
    private static func decoded(_ frame: [UInt8], _ scanner: inout FlatScanner) throws -> any Request {
        let request = frame.withUnsafeBytes { bytes in
            scanner.scan(bytes) ? Capabilities.table.decode(flat: scanner, in: bytes) : nil
        }
        guard let request else { throw MicroFailure("the frame went the general way") }
        return request
    }

    private static func frameDecoding() throws -> Part {
        let frame = try WebSocketEncoder.frame(.text, sendFrame(), maskKey: 0x1234_5678)
        return Part(name: "frame decoding", limit: 0) { count in
            var decoder = WebSocketDecoder(role: .server, maxMessageBytes: 1 << 20)
            var buffer = frame
            for _ in 0..<count {
                let step = buffer.withUnsafeMutableBytes { decoder.next(in: $0) }
                guard case .message(let range, _) = step else { throw MicroFailure("the frame was refused") }
                // Masking again makes the buffer as it was.
                buffer.withUnsafeMutableBytes {
                    WebSocketMask.apply(0x1234_5678, to: UnsafeMutableRawBufferPointer(rebasing: $0[range]))
                }
            }
        }
    }

    private static func sendParsing() throws -> Part {
        let frame = try sendFrame()
        let table = Capabilities.table
        try checkReading()
        return Part(name: "send parsing", limit: 2) { count in
            var scanner = FlatScanner()
            try frame.withUnsafeBytes { bytes in
                for _ in 0..<count {
                    guard scanner.scan(bytes), table.decode(flat: scanner, in: bytes) != nil else {
                        throw MicroFailure("the frame went the general way")
                    }
                }
            }
        }
    }

    /// Whether an optimised build reads frames as the general decoder does, every member that a frequent one may have: the
    /// tests run in debug builds.
    private static func checkReading() throws {
        var send = sealed(to: MeshBench.key(2).publicKey)
        var sends = [send]
        for priority in Priority.allCases {
            (send.priority, send.ttl) = (priority, 60_000)
            sends.append(send)
        }
        send.copies = [
            SealedCopy(session: MeshBench.key(3).publicKey, nonce: "", ciphertext: "c", bodyVersion: 3),
            SealedCopy(member: MeshBench.key(4).publicKey, nonce: "", ciphertext: "d"),
        ]
        (send.receipts, send.replyToID, send.encrypted, send.mentions) = (true, "r", true, ["a", "b"])
        sends.append(send)
        var scanner = FlatScanner()
        for send in sends {
            for frame in [send.frame(), try WireFrame.bytes(type: Send.type, body: send)] {
                let read = try decoded(frame, &scanner)
                let isSame = try JSONCoder.encode(Read(request: read)) == JSONCoder.encode(send)
                guard isSame, read.outgoing == send.outgoing else { throw MicroFailure("a send was read as another") }
            }
        }
        try checkReplies(&scanner)
    }

    private static func checkReplies(_ scanner: inout FlatScanner) throws {
        var push = MessagePush(
            messageId: "m", meshId: "x", senderPubkey: "s", priority: .low, nonce: "", ciphertext: "aGk=",
            createdAt: "t", attempt: 2, kind: "direct", targetSpec: "b", encrypted: true)
        push.senderMemberPubkey = MeshBench.key(2).publicKey
        (push.senderMemberId, push.senderName, push.senderDisplayName) = ("i", "n", "d")
        (push.senderLabel, push.recipientKey, push.bodyVersion) = ("l", MeshBench.key(3).publicKey, 3)
        (push.replyToId, push.clientMessageID, push.requestFingerprint) = ("r", "c", "f")
        let ack = SendAck(
            id: "1", messageId: "m", queued: true, status: "s", recipients: 4, duplicate: true, error: "e")
        let readPush = push.frame(requestID: nil).withUnsafeBytes {
            scanner.scan($0) ? MessagePush(flat: scanner, in: $0) : nil
        }
        let readAck = ack.frame(requestID: nil).withUnsafeBytes {
            scanner.scan($0) ? SendAck(flat: scanner, in: $0) : nil
        }
        for text in [
            #"{"type":"client_ack","messageIds":["a","b"]}"#, #"{"type":"client_ack","brokerMessageId":"a"}"#,
            #"{"type":"client_ack","_reqId":"1","brokerMessageId":"a","messageIds":["b"]}"#,
        ] {
            let general = try JSONCoder.decode(Acknowledge.self, from: JSON.parse(Array(text.utf8), limits: .frame))
            let read = try decoded(Array(text.utf8), &scanner)
            guard try JSONCoder.encode(Read(request: read)) == JSONCoder.encode(general) else {
                throw MicroFailure("an acknowledgement was read as another")
            }
        }
        guard readPush == push, try readAck.map({ try JSONCoder.encode($0) }) == JSONCoder.encode(ack) else {
            throw MicroFailure("a frame of the broker was read as another")
        }
    }

    /// Encodes as the request that it holds.
    private struct Read: Encodable {
        var request: any Request
        func encode(to encoder: any Encoder) throws { try request.encode(to: encoder) }
    }

    private static func pushWriting() throws -> Part {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 10)
        let eve = try bench.peer("eve", 11)
        _ = bench.takeEffects()
        var scanner = FlatScanner()
        let frame = try WireFrame.bytes(type: Send.type, body: sealed(to: eve.session))
        try bench.apply([(decoded(frame, &scanner), bob.actor)])
        guard case .push(_, let push)? = bench.effects.last else { throw MicroFailure("no push was made") }
        return Part(name: "push writing", limit: 1) { count in
            for _ in 0..<count where push.frame(for: .mesh) == nil { throw MicroFailure("no frame was written") }
        }
    }

    private static func frameEncoding() throws -> Part {
        let frame = try sendFrame()
        return Part(name: "frame encoding", limit: 1) { count in
            for _ in 0..<count where WebSocketEncoder.frame(.text, frame).isEmpty { throw MicroFailure("no frame") }
        }
    }

    private static func boxKey() throws -> BoxKey {
        try BoxKey(mine: MeshBench.key(1), theirs: MeshBench.key(2).publicKey)
    }

    private static func boxSealing() throws -> Part {
        let key = try boxKey()
        let nonce = [UInt8](repeating: 1, count: 24)
        return Part(name: "crypto_box sealing", limit: 2) { count in
            for _ in 0..<count { _ = try key.seal(text, nonce: nonce) }
        }
    }

    private static func boxOpening() throws -> Part {
        let key = try boxKey()
        let nonce = [UInt8](repeating: 1, count: 24)
        let box = try key.seal(text, nonce: nonce)
        return Part(name: "crypto_box opening", limit: 2) { count in
            for _ in 0..<count where key.open(box, nonce: nonce) == nil { throw MicroFailure("the box did not open") }
        }
    }

    private static func ledgerAppend() throws -> Part {
        Part(name: "ledger append", limit: 8) { count in
            var tree = MerkleTree()
            var head = Digest.zero
            var buffer: [UInt8] = []
            for seq in 0..<Int64(count) {
                let entry = LedgerEntry(
                    origin: "mesh/0123456789abcdef", seq: seq, timestamp: 1_700_000_000_000, previous: head,
                    actor: "node", kind: "message.accepted", object: "01HZX0000000", publicAttributes: ["size": 272],
                    commitments: [:])
                buffer.removeAll(keepingCapacity: true)
                entry.encode(into: &buffer)
                head = MerkleTree.leafHash(buffer)
                tree.append(leaf: head)
            }
        }
    }

    /// How a message is sent.
    private enum Form: String {
        /// One box for one key: the short way.
        case sealed
        /// A copy for each recipient: the general way.
        case copies
    }

    /// A send is accepted, resolved, recorded, stored and offered; for each message, the commit of its batch included.
    private static func engineApply(_ form: Form, batch size: Int, limit: Double) throws -> Part {
        let bench = try MeshBench()
        let bob = try bench.peer("bob", 10)
        let eve = try bench.peer("eve", 11)
        var number = 0
        // One frame, into which the client message ids are written: 0123456789abcdef is what `sealed` says.
        var frame = try WireFrame.bytes(type: Send.type, body: sealed(to: eve.session))
        guard let place = frame.firstRange(of: Array("0123456789abcdef".utf8))?.lowerBound else {
            throw MicroFailure("the frame has no client message id")
        }
        var scanner = FlatScanner()
        var send = try bench.sealed("eve", from: bob)
        func request() throws -> any Request {
            number += 1
            guard form == .sealed else {
                send.clientMessageID = "m\(number)"
                return send
            }
            var rest = number
            for digit in 0..<16 {
                frame[place + 15 - digit] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            return try decoded(frame, &scanner)
        }
        return Part(name: "apply \(form.rawValue), batch of \(size)", limit: limit) { count in
            for _ in 0..<max(1, count / size) {
                let commands = try (0..<size).map { _ in (try request(), bob.actor) }
                var ids: [String] = []
                for outcome in try bench.apply(commands) {
                    let answer = try outcome.get()
                    guard let ack = (answer as? SealedAnswer)?.ack ?? answer as? SendAck else {
                        throw MicroFailure("a send was not accepted")
                    }
                    ids.append(ack.messageId)
                }
                try bench.ask(Acknowledge(messageIDs: ids), as: eve.actor)
                bench.forget()
            }
        }
    }

    private static func storeCommit() throws -> Part {
        let bench = try MeshBench()
        let database = try Database(path: bench.folder.appending(path: "micro.sqlite").path, mode: .create)
        try database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB) STRICT")
        return Part(name: "store commit, one row", limit: 4) { count in
            // Lives as long as the part: its folder goes with it.
            try withExtendedLifetime(bench) {
                for _ in 0..<count {
                    try database.transaction {
                        try database.prepare("INSERT INTO t (body) VALUES (?)").run(text)
                    }
                }
            }
        }
    }
}

struct MicroFailure: Error, CustomStringConvertible {
    var description: String
    init(_ text: String) { description = text }
}
