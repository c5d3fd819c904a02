import Foundation
import MeshBroker
import MeshCore
import MeshSDK
import MeshTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct MeshClientTests {
    @Test func aDirectMessageIsSealedAndItsReceiptIsTrue() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let bob = test.client(try await test.member("bob", by: ada))
            try await running(bob) {
                var outgoing = Outgoing(to: "bob", text: "hello ✓")
                outgoing.receipts = true
                let sent = try await ada.send(outgoing)
                #expect(sent.recipients == 1)
                var messages = bob.messages.makeAsyncIterator()
                let message = try #require(await messages.next())
                #expect(message.text == "hello ✓")
                #expect(message.isEncrypted)
                #expect(message.from.name == "ada")
                #expect(message.from.sessionKey == test.owner.sessionKey.publicKey)
                try await bob.call(Acknowledge(messageIDs: [message.id])).expect(changed: 1)
                for await receipt in try await ada.watchMessage(sent.messageID) where receipt.state == .delivered {
                    break
                }
                let status = try await ada.call(GetMessageStatus(messageId: sent.messageID))
                #expect(status.delivered)
            }
        }
    }

    @Test func aRetryWithTheSameIdIsOneMessage() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            _ = try await test.member("bob", by: ada)
            let outgoing = Outgoing(to: "bob", text: "once")
            let first = try await ada.send(outgoing)
            #expect(!first.isDuplicate)
            // The text is sealed anew, so that the bytes differ: what is meant is the same.
            let again = try await ada.send(outgoing)
            #expect(again.isDuplicate)
            #expect(again.messageID == first.messageID)
            var other = outgoing
            other.text = "twice"
            do {
                _ = try await ada.send(other)
                Issue.record("another text is taken under the same id")
            } catch let error as MeshError {
                #expect(error.code == .conflict)
            }
        }
    }

    @Test func twoSendsWithOneIdAtOnceAreBothAnswered() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            _ = try await test.member("bob", by: ada)
            let outgoing = Outgoing(to: "bob", text: "once")
            async let one = ada.send(outgoing)
            async let other = ada.send(outgoing)
            let results = try await [one, other]
            #expect(results[0].messageID == results[1].messageID)
            #expect(results.count(where: \.isDuplicate) == 1)
        }
    }

    @Test func whatWaitedComesInOrderAndOnce() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let credentials = try await test.member("bob", by: ada)
            let first = test.client(credentials)
            try await running(first) {}
            for number in 1...50 { try await ada.send(Outgoing(to: "bob", text: "\(number)")) }
            let bob = test.client(credentials)
            try await running(bob) {
                var texts: [String] = []
                for await message in bob.messages {
                    texts.append(message.text)
                    if texts.count == 50 { break }
                }
                #expect(texts == (1...50).map { "\($0)" })
            }
        }
    }

    @Test func aHandlerRunsOncePerMessageOverReconnections() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let connector = CuttableConnector(test.broker.connector())
            let bob = test.client(try await test.member("bob", by: ada), connector: connector)
            try await running(bob) {
                let handled = Handled()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 1...60 {
                            try await ada.send(Outgoing(to: "bob", text: "\(number)"))
                            if number % 20 == 0 { connector.cut() }
                        }
                    }
                    group.addTask {
                        for await message in bob.messages {
                            if handled.add(message.text) == 60 { break }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(Set(handled.texts).count == 60)
                #expect(handled.texts.count == 60)
                #expect(connector.connections > 1)
            }
        }
    }

    @Test func sendsSurviveACutOfTheirOwnConnection() async throws {
        let test = try await TestBroker()
        let connector = CuttableConnector(test.broker.connector())
        let ada = test.client(test.owner, connector: connector)
        try await running(ada) {
            let bob = test.client(try await test.member("bob", by: ada))
            try await running(bob) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 1...40 {
                            if number % 10 == 5 { connector.cut() }
                            // A lost connection fails what was only asked; what was sent is sent again.
                            while true {
                                do {
                                    try await ada.send(Outgoing(to: "bob", text: "\(number)"))
                                    break
                                } catch let error as MeshError where error.code == .busy { continue }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                var texts: Set<String> = []
                for await message in bob.messages {
                    texts.insert(message.text)
                    if texts.count == 40 { break }
                }
                #expect(texts.count == 40)
            }
        }
    }

    @Test func aMessageWhoseHandlerFailsIsOfferedAgain() async throws {
        struct Refusal: Error {}
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let connector = CuttableConnector(test.broker.connector())
            let bob = test.client(try await test.member("bob", by: ada), connector: connector)
            try await running(bob) {
                try await ada.send(Outgoing(to: "bob", text: "work"))
                await #expect(throws: Refusal.self) { try await bob.handleMessages { _ in throw Refusal() } }
                connector.cut()
                var messages = bob.messages.makeAsyncIterator()
                let again = try #require(await messages.next())
                #expect(again.text == "work")
                #expect(again.attempt == 2)
            }
        }
    }

    @Test func whatCannotBeOpenedIsRefusedAndNeverShown() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let credentials = try await test.member("bob", by: ada)
            let bob = test.client(credentials)
            try await running(bob) {
                var send = Send(targetSpec: TargetSpec([credentials.sessionKey.publicKey.hex]))
                send.nonce = Base64.encode([UInt8](repeating: 1, count: 24))
                send.ciphertext = Base64.encode([UInt8](repeating: 2, count: 40))
                send.receipts = true
                let ack = try await ada.call(send)
                for await receipt in try await ada.watchMessage(ack.messageId) where receipt.state == .rejected {
                    #expect(receipt.reason == "undecryptable")
                    break
                }
                #expect(bob.undecryptable == 1)
            }
        }
    }

    @Test func aSecondClientOfASessionIsRefused() async throws {
        let test = try await TestBroker()
        let first = test.client(test.owner)
        try await running(first) {
            let second = test.client(test.owner)
            let error = await #expect(throws: MeshError.self) { try await second.run() }
            #expect(error?.code == .sessionInUse)
        }
    }

    @Test func aReplacedClientIsToldWhyAndEnds() async throws {
        let test = try await TestBroker()
        let first = test.client(test.owner)
        try await withThrowingTaskGroup(of: MeshError?.self) { group in
            group.addTask {
                do {
                    try await first.run()
                    return nil
                } catch let error as MeshError { return error }
            }
            try await first.connected()
            let second = test.client(test.owner) { $0.replace = true }
            try await running(second) {}
            let error = try #require(try await group.next() ?? nil)
            #expect(error.code == .sessionInUse)
        }
    }

    @Test func aWatchShowsEveryChangeOnceAndBeginsAnewAfterACut() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let connector = CuttableConnector(test.broker.connector())
            let bob = test.client(try await test.member("bob", by: ada), connector: connector)
            try await running(bob) {
                try await ada.setState("sim:a", 1)
                var updates = try await bob.watchState(prefix: "sim:").makeAsyncIterator()
                guard case .snapshot(let entries, let revision) = try #require(await updates.next()) else {
                    Issue.record("a watch begins with a snapshot")
                    return
                }
                #expect(entries.map(\.key) == ["sim:a"])
                try await ada.setState("other", 0)
                try await ada.setState("sim:a", 2)
                guard case .changes(let changes, let next, let by) = try #require(await updates.next()) else {
                    Issue.record("a change follows")
                    return
                }
                #expect(changes.map(\.value) == [2])
                #expect(next == revision + 2)
                #expect(by == .init(name: "ada", key: test.owner.memberKey.publicKey))
                connector.cut()
                guard case .snapshot(let again, _) = try #require(await updates.next()) else {
                    Issue.record("after a cut a snapshot comes")
                    return
                }
                #expect(again.map(\.value) == [2])
            }
        }
    }

    @Test func twoWatchesOfOneConnectionEachSeeTheirOwnKeysOfAWrite() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            var wide = try await ada.watchState(prefix: "sim:").makeAsyncIterator()
            var narrow = try await ada.watchState(prefix: "sim:a").makeAsyncIterator()
            _ = await (wide.next(), narrow.next())
            _ = try await ada.call(
                BatchState(operations: ["other", "sim:a", "sim:b"].map { .init(op: .set, key: $0, value: 1) }))
            try await ada.setState("sim:b", 2)
            try await ada.setState("sim:a", 3)
            func keys(_ update: StateUpdate?) -> [String] {
                if case .changes(let changes, _, _) = update { changes.map(\.key) } else { [] }
            }
            var seen: [[String]] = []
            for _ in 0..<3 { seen.append(keys(await wide.next())) }
            #expect(seen == [["sim:a", "sim:b"], ["sim:b"], ["sim:a"]])
            seen = []
            for _ in 0..<2 { seen.append(keys(await narrow.next())) }
            #expect(seen == [["sim:a"], ["sim:a"]])
        }
    }

    @Test func whatAnEarlierRunLeftInTheOutboxIsSentOnce() async throws {
        let test = try await TestBroker()
        let folder = FileManager.default.temporaryDirectory.appending(path: "mesh-outbox-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let ada = test.client(test.owner)
        try await running(ada) {
            let credentials = try await test.member("bob", by: ada)
            let cleo = try await test.member("cleo", by: ada)
            let bob = test.client(credentials)
            try await running(bob) {
                // What a program leaves that dies between storing and the answer: a file with sealed bytes.
                let box = try BoxKey(mine: cleo.sessionKey, theirs: credentials.sessionKey.publicKey)
                let nonce = BoxKey.randomNonce()
                var send = Send(targetSpec: TargetSpec([credentials.sessionKey.publicKey.hex]))
                send.nonce = Base64.encode(nonce)
                send.ciphertext = Base64.encode(try box.seal(Array("left behind".utf8), nonce: nonce))
                send.clientMessageID = "left-1"
                send.id = "left-1"
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try Data(JSONCoder.encode(send).bytes()).write(to: folder.appending(path: "0001-left.json"))
                let again = test.client(cleo) { $0.outboxFolder = folder.path }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await again.run() }
                    var messages = bob.messages.makeAsyncIterator()
                    let message = try #require(await messages.next())
                    #expect(message.text == "left behind")
                    group.cancelAll()
                }
            }
        }
    }

    @Test func rightsAreDecidedByTheBroker() async throws {
        let test = try await TestBroker()
        let ada = test.client(test.owner)
        try await running(ada) {
            let watcher = test.client(try await test.member("eve", by: ada, role: .observer))
            try await running(watcher) {
                let error = await #expect(throws: MeshError.self) { try await watcher.setState("k", 1) }
                #expect(error?.code == .forbidden)
                let peers = try await watcher.peers()
                #expect(peers.count == 2)
            }
        }
    }
}

extension Acknowledged {
    fileprivate func expect(changed: Int) throws { #expect(self.changed == changed) }
}

/// What a handler has seen.
private final class Handled: Sendable {
    private let seen = Mutex<[String]>([])
    var texts: [String] { seen.withLock { $0 } }
    func add(_ text: String) -> Int {
        seen.withLock { texts in
            texts.append(text)
            return texts.count
        }
    }
}
