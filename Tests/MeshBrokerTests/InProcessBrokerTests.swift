import Foundation
import Logging
import MeshCore
import MeshEngine
import MeshSDK
import MeshStore
import Synchronization
import Testing

@testable import MeshBroker

/// A broker inside a program: start, stop, start again.
@Suite(.timeLimit(.minutes(1))) struct InProcessBrokerTests {
    /// A folder for brokers that follow each other.
    private final class Home: Sendable {
        let folder: URL
        let mesh = NewMesh(slug: "lab", ownerName: "ada")
        init() {
            folder = FileManager.default.temporaryDirectory.appending(path: "mesh-inside-\(UUID().uuidString)")
        }
        deinit { try? FileManager.default.removeItem(at: folder) }

        func open() async throws(MeshError) -> Broker {
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            return try await Broker(configuration: .init(dataFolder: folder.path), logger: quiet)
        }

        func credentials(_ broker: Broker) -> Credentials {
            mesh.credentials(broker: "http://127.0.0.1:0", node: broker.nodeKey, memberID: "-")
        }
    }

    /// A connection whose frames are read one by one.
    private struct Line {
        let transport: any Transport
        private let events: AsyncStream<TransportEvent>

        init(_ broker: Broker) async throws {
            transport = try await broker.connector().connect()
            let (stream, continuation) = AsyncStream<TransportEvent>.makeStream()
            events = stream
            transport.start { continuation.yield($0) }
        }

        /// The next frame of a type; what comes before it is passed over.
        func frame(_ type: String) async throws -> JSON {
            for await event in events {
                if case .text(let bytes) = event {
                    let frame = try JSON.parse(bytes, limits: .frame)
                    if frame["type"]?.stringValue == type { return frame }
                }
                if case .closed(let reason) = event { throw TransportError(.closed, "\(reason?.description ?? "")") }
            }
            throw TransportError(.closed, "the end")
        }

        /// How the line ended, after everything else that came.
        func close() async -> CloseReason? {
            for await event in events { if case .closed(let reason) = event { return reason } }
            return nil
        }

        func ask(_ type: String, _ body: JSONObject = JSONObject(), answer: String) async throws -> JSON {
            var frame: JSONObject = ["type": .string(type), "_reqId": "1"]
            for (key, value) in body { frame[key] = value }
            transport.send([JSON.object(frame).bytes()])
            return try await self.frame(answer)
        }
    }

    private static func greeted(_ broker: Broker, _ credentials: Credentials) async throws -> Line {
        let line = try await Line(broker)
        line.transport.send([try credentials.helloFrame()])
        _ = try await line.frame("hello_ack")
        return line
    }

    @Test func aRestartKeepsEverything() async throws {
        let home = Home()
        let first = try await home.open()
        _ = try await first.createMesh(home.mesh.request(node: first.nodeKey))
        let key = first.nodeKey
        let line = try await Self.greeted(first, home.credentials(first))
        _ = try await line.ask("set_state", ["key": "phase", "value": ["n": 7]], answer: "state_written")
        _ = try await line.ask("join_group", ["name": "eng"], answer: "groups")
        _ = try await line.ask("set_summary", ["summary": "writing"], answer: "presence")
        let head = try await line.ask("ledger_head", answer: "ledger_head_result")
        await first.shutdown()

        let second = try await home.open()
        #expect(second.nodeKey == key)
        #expect(second.node.meshes().map(\.slug) == ["lab"])
        let again = try await Self.greeted(second, home.credentials(second))
        let state = try await again.ask("get_state", ["key": "phase"], answer: "state_result")
        #expect(state["value"] == ["n": 7])
        #expect(state["version"] == 1)
        let peers = try await again.ask("list_peers", answer: "peers_list")
        #expect(peers["peers"]?.arrayValue?.first?["summary"] == "writing")
        let groups = try await again.ask("list_groups", answer: "group_list")
        #expect(groups["groups"]?.arrayValue?.first?["name"] == "eng")
        let later = try await again.ask("ledger_head", answer: "ledger_head_result")
        #expect(later["origin"] == head["origin"])
        #expect((later["size"]?.integerValue ?? 0) >= (head["size"]?.integerValue ?? .max))
        await second.shutdown()
    }

    @Test func aSecondBrokerOnTheSameFolderIsRefusedAndTheFirstServes() async throws {
        let home = Home()
        let first = try await home.open()
        let error = await #expect(throws: MeshError.self) { _ = try await home.open() }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("\(ProcessInfo.processInfo.processIdentifier)") == true, "the holder is named")
        _ = try await first.createMesh(home.mesh.request(node: first.nodeKey))
        #expect(first.node.meshes().count == 1)
        await first.shutdown()
    }

    @Test func aStopSaysGoodbyeWith1001ToEveryone() async throws {
        let home = Home()
        let broker = try await home.open()
        _ = try await broker.createMesh(home.mesh.request(node: broker.nodeKey))
        let silent = try await Line(broker)
        let greeted = try await Self.greeted(broker, home.credentials(broker))
        await broker.shutdown()
        #expect(await greeted.close()?.code == 1001)
        #expect(await silent.close()?.code == 1001)
    }

    @Test func afterAStopNobodyConnects() async throws {
        let home = Home()
        let broker = try await home.open()
        let connector = broker.connector()
        await broker.shutdown()
        await #expect(throws: TransportError.self) { _ = try await connector.connect() }
    }

    @Test func whatWasSubmittedBeforeAStopIsFinished() async throws {
        let home = Home()
        let first = try await home.open()
        _ = try await first.createMesh(home.mesh.request(node: first.nodeKey))
        let handle = try first.node.handle("lab")
        let answered = Mutex(0)
        for number in 0..<200 {
            handle.sequencer.submit([
                .init(
                    .command(
                        SetState(key: "k\(number)", value: .integer(Int64(number))),
                        .session(SessionNumber(rawValue: 1), nil)),
                    for: .callback { result in if case .success = result { answered.withLock { $0 += 1 } } })
            ])
        }
        await first.shutdown()
        #expect(answered.withLock { $0 } == 200)
        let late = await handle.perform(SetState(key: "late", value: 1), as: .session(SessionNumber(rawValue: 1), nil))
        let error = #expect(throws: MeshError.self) { try late.get() }
        #expect(error?.code == .shuttingDown)
        let second = try await home.open()
        let list = try await second.node.handle("lab").perform(
            ListState(limit: 500), as: .session(SessionNumber(rawValue: 1), nil)
        ).get()
        #expect((list as? StateList)?.entries.count == 200)
        await second.shutdown()
    }

    @Test func anOrderlyStopLeavesNoMarkAndACrashDoes() async throws {
        let home = Home()
        let broker = try await home.open()
        #expect(!broker.node.folder.wasUnclean)
        #expect(Files.exists(home.folder.path + "/running"))
        await broker.shutdown()
        #expect(!Files.exists(home.folder.path + "/running"))
        try Files.writePrivate(home.folder.path + "/running", [])
        let next = try await home.open()
        #expect(next.node.folder.wasUnclean)
        await next.shutdown()
    }

    @Test func aHelloThatWasUsedIsReplayedAfterARestart() async throws {
        let home = Home()
        let first = try await home.open()
        _ = try await first.createMesh(home.mesh.request(node: first.nodeKey))
        let hello = try home.credentials(first).helloFrame()
        let line = try await Line(first)
        line.transport.send([hello])
        _ = try await line.frame("hello_ack")
        await first.shutdown()
        let second = try await home.open()
        let again = try await Line(second)
        again.transport.send([hello])
        #expect(try await again.frame("error")["code"] == "replayed")
        #expect(await again.close()?.code == 1008)
        await second.shutdown()
    }

    @Test func aKeyThatCannotBeReadStopsTheStartAndIsNotReplaced() async throws {
        let home = Home()
        await (try home.open()).shutdown()
        let path = home.folder.path + "/node.key"
        try Files.writePrivate(path, Array("pending".utf8))
        let error = await #expect(throws: MeshError.self) { _ = try await home.open() }
        #expect(error?.message.contains("node.key") == true)
        #expect(try Files.read(path) == Array("pending".utf8))
    }

    @Test func aMeshIsMadeOnceAndForThisNode() async throws {
        let home = Home()
        let broker = try await home.open()
        let memberID = try await broker.createMesh(home.mesh.request(node: broker.nodeKey))
        // An owner whose answer was lost asks again, with the same keys; nobody else gets the mesh or its name.
        #expect(try await broker.createMesh(home.mesh.request(node: broker.nodeKey)) == memberID)
        for rival in [NewMesh(slug: "lab", ownerName: "eve"), NewMesh(slug: "lab", ownerName: "ada")] {
            let taken = await #expect(throws: MeshError.self) {
                _ = try await broker.createMesh(rival.request(node: broker.nodeKey))
            }
            #expect(taken?.code == .exists)
        }
        let foreign = NewMesh(slug: "other", ownerName: "eve").request(node: SigningKey().publicKey)
        let error = await #expect(throws: MeshError.self) { _ = try await broker.createMesh(foreign) }
        #expect(error?.code == .badSignature)
        #expect(broker.node.meshes().map(\.slug) == ["lab"])
        await broker.shutdown()
    }
}
