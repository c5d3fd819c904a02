import Foundation
import MeshBroker
import MeshCore
import MeshTestSupport
import Synchronization
import Testing

@testable import MeshSDK

/// What a client does with a broker that says what no broker says.
@Suite(.timeLimit(.minutes(1))) struct LyingBrokerTests {
    private static let mesh = String(repeating: "ab", count: 16)

    private static func credentials() -> Credentials {
        Credentials(
            broker: "http://127.0.0.1:1", meshID: mesh, meshSlug: "lab", node: .zero, owner: .zero, memberName: "bob",
            memberID: "b", role: .member, label: nil, memberKey: SigningKey(), sessionKey: SigningKey())
    }

    private static func plain(_ id: String, _ text: String) -> MessagePush {
        MessagePush(
            messageId: id, meshId: mesh, senderPubkey: SigningKey().publicKey.hex, priority: .next, nonce: "",
            ciphertext: Base64.encode(Array(text.utf8)), createdAt: "2026-04-15T12:00:00.000Z", attempt: 1,
            kind: "group", targetSpec: "@all", encrypted: false)
    }

    private static func verdict(_ client: MeshClient, _ id: String) -> DuplicateWindow.Verdict {
        client.core.withLock { $0.seen.see(id) }
    }

    @Test func `pongs do not keep a connection whose hello is never answered`() async throws {
        let broker = ScriptedBroker()
        var configuration = MeshClient.Configuration()
        configuration.requestTimeoutMillis = 1
        configuration.backoff.initialMillis = 1
        let client = MeshClient(credentials: Self.credentials(), connector: broker, configuration: configuration)
        let running = Task { try await client.run() }
        var reasons = broker.closings.makeAsyncIterator()
        #expect(await reasons.next()?.code == 1008)
        // It is tried again, and given up again.
        #expect(await reasons.next()?.code == 1008)
        running.cancel()
        try? await running.value
    }

    @Test func `an answer that cannot be sealed for is not remembered`() async {
        let client = MeshClient(credentials: Self.credentials(), connector: ScriptedBroker())
        client.core.withLock { $0.resolved["pia"] = Resolved(kind: "direct", sealed: false, recipients: []) }
        let error = await #expect(throws: MeshError.self) { try await client.send(Outgoing(to: "pia", text: "x")) }
        #expect(error?.code == .badSignature)
        #expect(client.core.withLock { $0.resolved["pia"] } == nil)
    }

    @Test func `no more messages are kept than a broker may send`() throws {
        let client = MeshClient(credentials: Self.credentials(), connector: ScriptedBroker())
        let count = WaitingMessages.maximumCount
        for number in 0..<count + 500 {
            client.receive(.text(Self.plain("m\(number)", "x").frame(requestID: nil)), ClosedGate())
        }
        #expect(client.leftWithBroker == 500)
        // Handled ones make room; what was left comes again.
        client.handled("m0")
        client.receive(.text(Self.plain("m\(count + 1)", "x").frame(requestID: nil)), ClosedGate())
        #expect(client.leftWithBroker == 500)
        client.receive(.text(Self.plain("m\(count + 2)", "x").frame(requestID: nil)), ClosedGate())
        #expect(client.leftWithBroker == 501)
    }

    @Test func `neither in number nor in bytes`() {
        var waiting = WaitingMessages()
        let large = WaitingMessages.maximumBytes / 4
        let taken = (0..<5).map { waiting.begin("\($0)", bytes: large) }
        #expect(taken == [true, true, true, true, false])
        waiting.end("2")
        waiting.end("unknown")
        let (again, more) = (waiting.begin("4", bytes: large), waiting.begin("5", bytes: 1))
        #expect(again && !more)
        #expect(waiting.turnedAway == 2)
    }

    @Test(arguments: [true, false])
    func `a frame that is larger than a message can be is no message`(_ isFlat: Bool) throws {
        let client = MeshClient(credentials: Self.credentials(), connector: ScriptedBroker())
        var push = Self.plain("m1", String(repeating: "x", count: MessagePush.maximumFrameBytes))
        // A list of names leaves the short way of reading.
        if !isFlat { push.mentions = ["a", "b"] }
        client.receive(.text(push.frame(requestID: nil)), ClosedGate())
        #expect(Self.verdict(client, "m1") == .new)
        client.receive(.text(Self.plain("m2", "x").frame(requestID: nil)), ClosedGate())
        #expect(Self.verdict(client, "m2") == .inProgress)
    }

    @Test(arguments: [
        "pia\nMESH_FROM=ada", "pia\u{0}", "\u{1B}[2J", "", "a\u{202E}b", String(repeating: "x", count: 300),
    ])
    func `a name that no member can have is not handed out`(_ name: String) throws {
        let credentials = Self.credentials()
        var push = Self.plain("m1", "hello")
        push.senderName = name
        push.senderLabel = name
        push.replyToId = "x\ny"
        let message = try #require(Sealing(credentials).open(push))
        #expect(message.from.name == push.senderPubkey)
        #expect(message.from.label == nil)
        #expect(message.replyTo == nil)
        (push.senderName, push.senderLabel, push.replyToId) = ("Zoë Å", "laptop", "4t8zq0m1c5xkd")
        let right = try #require(Sealing(credentials).open(push))
        #expect(right.from.name == "Zoë Å" && right.from.label == "laptop" && right.replyTo == "4t8zq0m1c5xkd")
    }

    @Test func `a message that is done takes no other with it`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mesh-inbox-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let inbox = try FileInbox(folder: folder.path)
        for id in ["a-b", "b"] { #expect(try inbox.take(Self.plain(id, id))) }
        try inbox.finish("b")
        #expect(try inbox.load().map(\.messageId) == ["a-b"])
    }

    @Test func `an answer is of whom was asked`() {
        let (pia, session, own) = (SigningKey(), SigningKey().publicKey, SigningKey().publicKey)
        let binding = pia.sign(SignedText.sessionBinding(meshID: Self.mesh, member: pia.publicKey, session: own))
        func resolved(_ session: PublicKey?, _ binding: Signature?) -> Resolved {
            Resolved(
                kind: "direct", sealed: true,
                recipients: [
                    .init(session: session, member: pia.publicKey, name: "pia", label: nil, binding: binding)
                ])
        }
        func message(_ session: PublicKey, _ member: PublicKey?, isEncrypted: Bool = true) -> Message {
            Message(
                id: "m", from: .init(name: "pia", memberKey: member, sessionKey: session), text: "yes", priority: .next,
                sentAt: 0, attempt: 1, isEncrypted: isEncrypted, kind: "direct", target: "bob", meshID: Self.mesh)
        }
        let asked = AskedPeers(resolved(session, binding), isSealed: true)
        #expect(asked.judge(message(session, nil)) == .answer)
        #expect(asked.judge(message(session, pia.publicKey, isEncrypted: false)) == .other)
        #expect(asked.judge(message(own, SigningKey().publicKey)) == .other)
        #expect(asked.judge(message(own, nil)) == .other)
        #expect(asked.judge(message(own, pia.publicKey)) == .answerOf(member: pia.publicKey, session: own))
        let accepts = { (asked: AskedPeers, answer: Resolved) in
            asked.accepts(answer, member: pia.publicKey, session: own, meshID: Self.mesh)
        }
        #expect(accepts(asked, resolved(own, binding)))
        #expect(!accepts(asked, resolved(own, SigningKey().sign([1]))))
        #expect(!accepts(asked, resolved(own, nil)), "it signs for its sessions")
        #expect(!accepts(asked, resolved(session, binding)))
        #expect(accepts(AskedPeers(resolved(session, nil), isSealed: true), resolved(own, nil)), "it cannot")
    }

    @Test func `a question is answered by whom it was asked, from any session, and by nobody else`() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let credentials = try await test.member("bob", by: ada)
            let (bob, eve) = (test.client(credentials), test.client(try await test.member("eve", by: ada)))
            try await running(bob, eve) {
                async let answer = ada.ask(Outgoing(to: "bob", text: "green?"))
                var questions = bob.messages.makeAsyncIterator()
                let question = try #require(await questions.next())
                var forged = Outgoing(to: test.owner.sessionKey.publicKey.hex, text: "red")
                forged.replyTo = question.id
                try await eve.send(forged)
                // A session that came later: its member has signed for it.
                let laptop = test.client(credentials.newSession(label: "laptop"))
                _ = try await running(laptop) { try await laptop.send(question.reply("yes")) }
                #expect(try await answer.text == "yes")
                var messages = ada.messages.makeAsyncIterator()
                #expect(await messages.next()?.text == "red")
            }
        }
        await test.broker.shutdown()
    }

    @Test func `a proof of a message is of its acceptance, and from its sender`() throws {
        let (node, sender) = (SigningKey(), SigningKey().publicKey)
        let origin = "mesh/" + Self.mesh
        for (kind, isRight) in [("message.accepted", true), ("message.rejected", false), ("message.delivered", false)] {
            let entry = LedgerEntry(
                origin: origin, seq: 0, timestamp: 1, previous: .zero, actor: sender.hex, kind: kind, object: "m1",
                publicAttributes: [:], commitments: [:])
            var bytes: [UInt8] = []
            entry.encode(into: &bytes)
            let checkpoint = Checkpoint(origin: origin, size: 1, root: MerkleTree.leafHash(bytes))
            let file = InclusionProofFile(
                index: 0, hashes: [], checkpoint: checkpoint.sign(with: node, name: origin), extra: bytes)
            let answer = LedgerProof(
                seq: 0, entry: String(decoding: bytes, as: UTF8.self), proof: file.text, owner: sender,
                nodeKey: NoteKey(name: origin, key: node.publicKey).text)
            let keys = LogKeys(meshID: Self.mesh, owner: sender, node: node.publicKey)
            let verify = { (sender: PublicKey?) in
                (try? answer.verify(ProveEntry(messageId: "m1"), keys: keys, sender: sender)) != nil
            }
            #expect(verify(nil) == isRight)
            #expect(verify(sender) == isRight)
            #expect(!verify(SigningKey().publicKey))
        }
    }
}

/// A broker that takes everything and answers nothing but pongs, before they are asked for.
private final class ScriptedBroker: TransportConnector {
    let closings: AsyncStream<CloseReason>
    private let continuation: AsyncStream<CloseReason>.Continuation

    init() { (closings, continuation) = AsyncStream.makeStream() }

    func connect() async throws -> any Transport { Line(continuation) }

    private final class Line: Transport {
        private let handler = Mutex<(@Sendable (TransportEvent) -> Void)?>(nil)
        private let closings: AsyncStream<CloseReason>.Continuation

        init(_ closings: AsyncStream<CloseReason>.Continuation) { self.closings = closings }

        var bufferedBytes: Int { 0 }

        func start(_ handler: @escaping @Sendable (TransportEvent) -> Void) {
            self.handler.withLock { $0 = handler }
            handler(.pong([]))
        }

        func send(_ frames: [[UInt8]]) { handler.withLock { $0 }?(.pong([])) }
        func ping(_ payload: [UInt8]) { handler.withLock { $0 }?(.pong(payload)) }

        func close(_ reason: CloseReason) {
            closings.yield(reason)
            handler.withLock { $0 }?(.closed(reason))
        }
    }
}
