import MeshCore
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MeshBroker
@testable import MeshEngine

/// The life of one connection, between a line that is only a list and a mesh that only gathers.
@Suite(.timeLimit(.minutes(1))) struct ConnectionSessionTests {
    // MARK: The ends

    /// What the connection writes. Confined to the loop.
    private final class Line: FrameSink {
        let isLoopback: Bool
        var frames: [JSON] = []
        var reason: CloseReason?
        var pings: [[UInt8]] = []
        var isPaused = false
        init(isLoopback: Bool) { self.isLoopback = isLoopback }
        func write(_ frame: [UInt8]) { frames.append((try? JSON.parse(frame, limits: .frame)) ?? .null) }
        func flush() {}
        func ping(_ payload: [UInt8]) { pings.append(payload) }
        func close(_ reason: CloseReason) { self.reason = reason }
        func pauseReading() { isPaused = true }
        func resumeReading() { isPaused = false }
        var codes: [String] { frames.compactMap { $0["code"]?.stringValue } }
    }

    private final class Host: ConnectionHost, Sequencer {
        let authenticator: Authenticator
        let table = Capabilities.table
        let metrics = BrokerMetrics()
        let limits: ConnectionLimits
        let memberConnections = MemberConnections(limit: 16)
        let work = Mutex<[Submission]>([])
        let node = SigningKey()

        init(_ limits: ConnectionLimits) {
            self.limits = limits
            authenticator = Authenticator(
                audience: node.publicKey, replays: ReplayCache(), limits: .init(frameBytes: 1, bodyBytes: 1, window: 1))
        }
        func nowMillis() -> Int64 { 1_000_000 }
        func sequencer(of meshID: String) -> (any Sequencer)? { meshID == "m1" ? self : nil }
        func forget(_ connection: ConnectionID, meshID: String) {}
        func ended(_ connection: PeerConnection) {}
        func submit(_ submissions: [Submission]) { work.withLock { $0 += submissions } }

        func take() -> [Submission] {
            work.withLock { work in
                defer { work = [] }
                return work
            }
        }
    }

    /// One connection and both of its ends.
    private struct Bench {
        let line: Line
        let host: Host
        let connection: PeerConnection

        func say(_ frames: JSON...) {
            for frame in frames { frame.bytes().withUnsafeBytes { connection.text($0) } }
            connection.readComplete()
        }

        func hello() -> JSON {
            let (member, session) = (SigningKey(), SigningKey())
            let nonce = String(repeating: "0", count: 32)
            let word = SignedText.sessionBinding(meshID: "m1", member: member.publicKey, session: session.publicKey)
            let text = SignedText.meshSessionHello(
                meshID: "m1", member: member.publicKey, session: session.publicKey,
                audience: host.node.publicKey.hex, timestamp: 1_000_000, nonce: nonce)
            return [
                "type": "session_hello", "meshId": "m1", "parentMemberPubkey": .string(member.publicKey.hex),
                "sessionPubkey": .string(session.publicKey.hex), "audience": .string(host.node.publicKey.hex),
                "nonce": .string(nonce), "timestamp": 1_000_000, "signature": .string(session.sign(text).hex),
                "binding": .string(member.sign(word).hex), "protocolVersion": 2,
            ]
        }

        /// Says hello and lets the mesh answer.
        func greet() {
            say(hello())
            welcome()
        }

        func welcome() {
            for submission in host.take() {
                let ack = HelloAck(
                    presenceId: "p", memberDisplayName: "ada",
                    memberProfile: .init(roleTag: "member", groups: [], messageMode: "push"), reattached: nil,
                    meshSlug: "lab", memberId: "x", role: .member, pending: 0, serverTime: 1,
                    limits: .init(frameBytes: 1, bodyBytes: 1, window: 1), status: .idle)
                _ = connection.deliver(
                    .reply(submission, SessionOpened(number: 5, acknowledges: true, ack: ack)))
            }
            connection.flush()
        }
    }

    private static func run(
        isLoopback: Bool = true, _ change: (inout ConnectionLimits) -> Void = { _ in },
        body: @escaping @Sendable (Bench) throws -> Void
    ) async throws {
        var limits = ConnectionLimits()
        change(&limits)
        let made = limits
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        try await loop.submit {
            let line = Line(isLoopback: isLoopback)
            let host = Host(made)
            let connection = PeerConnection(id: ConnectionID(rawValue: 1), loop: loop, sink: line, node: host)
            defer { connection.closed() }
            try body(Bench(line: line, host: host, connection: connection))
        }.get()
    }

    private static let send: JSON = ["type": "send", "id": "1", "targetSpec": "*", "ciphertext": "aGk="]

    // MARK: Limits

    @Test func aConnectionThatSpeaksNonsenseIsEnded() async throws {
        try await Self.run({ $0.strikes = 3 }) { bench in
            bench.say("x", "y")
            #expect(bench.line.reason == nil)
            bench.say("z")
            #expect(bench.line.codes == ["bad_frame", "bad_frame", "bad_frame"])
            #expect(bench.line.reason?.code == 1008)
            bench.say("more")
            #expect(bench.line.frames.count == 3, "nothing after the end")
        }
    }

    @Test func readingStopsWhileTooMuchIsUnanswered() async throws {
        try await Self.run({ $0.unansweredRequests = 4 }) { bench in
            bench.greet()
            bench.say(["type": "whoami"], ["type": "list_peers"], ["type": "list_groups"])
            #expect(!bench.line.isPaused)
            bench.say(["type": "list_members"])
            #expect(bench.line.isPaused)
            for submission in bench.host.take().prefix(2) {
                _ = bench.connection.deliver(.refusal(submission, MeshError(.notFound, "")))
            }
            #expect(!bench.line.isPaused)
        }
    }

    @Test func aRemoteConnectionSendsNoFasterThanItMayAndIsTold() async throws {
        try await Self.run(
            isLoopback: false,
            {
                $0.sendsPerSecond = 0
                $0.sendBurst = 2
            }
        ) { bench in
            bench.greet()
            for _ in 0..<3 { bench.say(Self.send) }
            #expect(bench.host.take().count == 2)
            #expect(bench.line.codes == ["rate_limited"])
            #expect(bench.line.frames.last?["queued"] == false, "and the send's own answer says so")
            bench.say(["type": "list_peers"])
            #expect(bench.host.take().count == 1, "only sends are counted")
        }
    }

    @Test func aLocalConnectionHasNoRate() async throws {
        try await Self.run({ $0.sendBurst = 1 }) { bench in
            bench.greet()
            for _ in 0..<50 { bench.say(Self.send) }
            #expect(bench.host.take().count == 50)
        }
    }

    @Test func framesBeforeTheWelcomeWaitInOrderAndNotWithoutEnd() async throws {
        try await Self.run({ $0.unansweredRequests = 3 }) { bench in
            bench.say(bench.hello(), ["type": "list_peers"], ["type": "list_groups"])
            bench.welcome()
            let types = bench.host.take().compactMap { submission -> String? in
                submission.tag?.type
            }
            #expect(types == ["list_peers", "list_groups"])
        }
        try await Self.run({ $0.unansweredRequests = 3 }) { bench in
            bench.say(bench.hello())
            for _ in 0..<4 { bench.say(["type": "list_peers"]) }
            #expect(bench.line.reason?.code == 1008)
        }
    }

    // MARK: Hello

    @Test func withoutAHelloNothingIsDone() async throws {
        try await Self.run { bench in
            bench.say(Self.send, ["type": "list_peers", "_reqId": "7"])
            #expect(bench.host.take().isEmpty)
            #expect(bench.line.codes == ["no_hello", "no_hello"])
            #expect(bench.line.frames.last?["_reqId"] == "7")
            #expect(bench.line.reason == nil)
        }
    }

    @Test func aMeshThatIsNotHereIsNotTold() async throws {
        try await Self.run { bench in
            var hello = bench.hello().objectValue ?? JSONObject()
            hello["meshId"] = "m2"
            bench.say(.object(hello))
            #expect(bench.line.codes == ["bad_signature"])
            #expect(bench.line.reason?.code == 1008)
            #expect(bench.host.take().isEmpty)
        }
    }

    @Test func whatAConnectionAskedBeforeItsEndStillReachesTheMesh() async throws {
        try await Self.run { bench in
            bench.greet()
            Self.send.bytes().withUnsafeBytes { bench.connection.text($0) }
            bench.connection.closed()
            let work = bench.host.take()
            #expect(work.count == 2)
            #expect(work.last?.actor == .node)
            #expect(
                (work.last?.request as? LoseConnection)?.session == 5, "the mesh is told that the connection is gone")
            bench.connection.closed()
            #expect(bench.host.take().isEmpty, "once")
        }
    }

    @Test func aSessionThatIsOpenedForAConnectionThatHasEndedLosesIt() async throws {
        try await Self.run { bench in
            bench.say(bench.hello())
            bench.connection.closed()
            #expect(bench.host.work.withLock { $0.count } == 1, "the hello is on its way")
            bench.welcome()
            let work = bench.host.take()
            #expect(work.count == 1)
            #expect((work.first?.request as? LoseConnection)?.session == 5)
            #expect(bench.line.frames.isEmpty)
        }
    }

    @Test func anAcknowledgementThatFillsTheBudgetStopsReadingToo() async throws {
        try await Self.run({ $0.unansweredRequests = 3 }) { bench in
            bench.greet()
            bench.say(["type": "whoami"], ["type": "list_peers"], ["type": "client_ack", "messageIds": ["a"]])
            #expect(bench.line.isPaused)
        }
    }

    // MARK: Acknowledgements

    @Test func theAcknowledgementsOfABurstAreOneCommand() async throws {
        try await Self.run { bench in
            bench.greet()
            bench.say(
                ["type": "client_ack", "messageIds": ["a"]], ["type": "client_ack", "messageIds": ["b", "c"]],
                ["type": "client_ack", "brokerMessageId": "d"])
            let work = bench.host.take()
            #expect(work.count == 1)
            #expect((work.first?.request as? Acknowledge)?.messageIDs == ["a", "b", "c", "d"])
        }
    }
}
