import Foundation
import MeshCore
import Synchronization
import Testing

@testable import MeshSDK

@Suite struct ConnectionMachineTests {
    @Test(arguments: [(0, 250), (1, 500), (2, 1_000), (7, 30_000), (40, 30_000)] as [(Int, Int64)])
    func theWaitDoublesUpToItsLimit(_ failures: Int, _ expected: Int64) {
        var machine = ConnectionMachine(backoff: .init())
        for _ in 0..<failures { _ = machine.couldNotConnect(random: 1) }
        #expect(machine.couldNotConnect(random: 1) == .wait(milliseconds: expected))
    }

    @Test func theWaitIsSpreadOverItsUpperHalf() {
        var machine = ConnectionMachine(backoff: .init())
        #expect(machine.couldNotConnect(random: 0) == .wait(milliseconds: 125))
    }

    @Test func anAttachmentForgetsTheFailures() {
        var machine = ConnectionMachine(backoff: .init())
        for _ in 0..<5 { _ = machine.couldNotConnect(random: 1) }
        machine.attached()
        #expect(machine.closed(nil, refusal: nil, random: 1) == .wait(milliseconds: 250))
    }

    @Test(arguments: [4001, 4002, 4004, 4009] as [UInt16])
    func aCloseThatWouldComeAgainEndsTheClient(_ code: UInt16) {
        var machine = ConnectionMachine(backoff: .init())
        guard case .end = machine.closed(CloseReason(code: code, reason: ""), refusal: nil, random: 1) else {
            Issue.record("\(code) must end the client")
            return
        }
    }

    @Test(arguments: [1000, 1001, 1006, 1008, 1009, 1011] as [UInt16])
    func anyOtherCloseIsTriedAgain(_ code: UInt16) {
        var machine = ConnectionMachine(backoff: .init())
        let action = machine.closed(CloseReason(code: code, reason: ""), refusal: nil, random: 1)
        #expect(action == .wait(milliseconds: 250))
    }

    @Test(
        arguments: [
            (ErrorCode.unauthorized, true), (.badSignature, true), (.exists, true), (.invalidArgument, true),
            (.capacity, false), (.replayed, false),
        ] as [(ErrorCode, Bool)])
    func aRefusedHelloEndsTheClientOnlyWhenTryingAgainIsUseless(_ code: ErrorCode, _ ends: Bool) {
        var machine = ConnectionMachine(backoff: .init())
        let refusal = MeshError(code, "no")
        let action = machine.closed(.policy(code.rawValue), refusal: refusal, random: 1)
        #expect((action == .end(refusal)) == ends)
    }

    @Test func aRefusedRequestOfAnAttachedClientEndsNothing() {
        var machine = ConnectionMachine(backoff: .init())
        machine.attached()
        let action = machine.closed(.policy("silent"), refusal: MeshError(.exists, "no"), random: 1)
        #expect(action == .wait(milliseconds: 250))
    }

    @Test func aStopIsQuiet() {
        var machine = ConnectionMachine(backoff: .init())
        machine.stop()
        #expect(machine.closed(.normal, refusal: nil, random: 1) == .stop)
    }
}

@Suite struct DuplicateWindowTests {
    @Test func aMessageIsHandedOutOnce() {
        var window = DuplicateWindow()
        #expect(window.see("a") == .new)
        #expect(window.see("a") == .inProgress)
        window.finish("a")
        #expect(window.see("a") == .done)
    }

    @Test func aFailedOneIsHandedOutAgain() {
        var window = DuplicateWindow()
        _ = window.see("a")
        window.forget("a")
        #expect(window.see("a") == .new)
    }

    @Test func theWindowIsBounded() {
        var window = DuplicateWindow(limit: 3)
        for id in ["a", "b", "c", "d"] {
            _ = window.see(id)
            window.finish(id)
        }
        #expect(window.see("d") == .done)
        #expect(window.see("a") == .new)
    }
}

@Suite struct SealingTests {
    private static let mesh = String(repeating: "ab", count: 16)

    private static func credentials(_ name: String, _ seed: UInt8) throws -> Credentials {
        let member = try #require(SigningKey(seed: [UInt8](repeating: seed, count: 32)))
        let session = try #require(SigningKey(seed: [UInt8](repeating: seed + 1, count: 32)))
        return Credentials(
            broker: "http://127.0.0.1:1", meshID: mesh, meshSlug: "lab", node: .zero, owner: .zero, memberName: name,
            memberID: name, role: .member, label: nil, memberKey: member, sessionKey: session)
    }

    private static func push(_ change: (inout MessagePush) -> Void = { _ in }) throws -> (Sealing, MessagePush) {
        let (ada, bob) = (try credentials("ada", 1), try credentials("bob", 9))
        var outgoing = Outgoing(to: "bob", text: "secret")
        outgoing.clientMessageID = "m-1"
        let recipient = try JSONCoder.decode(
            Resolved.Recipient.self,
            from: [
                "session": .string(bob.sessionKey.publicKey.hex), "member": .string(bob.memberKey.publicKey.hex),
                "name": "bob", "binding": .string(bob.binding.hex), "bodyVersions": [1, 3],
            ])
        let send = try Sealing(ada).body(
            of: outgoing, for: Resolved(kind: "direct", sealed: true, recipients: [recipient]))
        let copy = try #require(send.copies?.first)
        var push = MessagePush(
            messageId: "x", meshId: mesh, senderPubkey: ada.sessionKey.publicKey.hex, priority: .next,
            nonce: copy.nonce,
            ciphertext: copy.ciphertext, createdAt: "2026-04-15T12:00:00.000Z", attempt: 1, kind: "direct",
            targetSpec: "bob", encrypted: true)
        push.recipientKey = bob.sessionKey.publicKey
        push.bodyVersion = copy.bodyVersion
        push.clientMessageID = "m-1"
        change(&push)
        return (Sealing(bob), push)
    }

    @Test func whatWasSealedOpens() throws {
        let (sealing, push) = try Self.push()
        let message = try #require(sealing.open(push))
        #expect(message.text == "secret")
        #expect(message.isEncrypted)
        #expect(message.sentAt == 1_776_254_400_000)
    }

    @Test("A sealed body that is replayed elsewhere does not open", arguments: ["id", "sender", "version", "text"])
    func aReplayedBodyDoesNotOpen(_ spoiled: String) throws {
        let (sealing, push) = try Self.push { push in
            switch spoiled {
            case "id": push.clientMessageID = "m-2"
            case "sender": push.senderPubkey = String(repeating: "0", count: 64)
            case "version": push.recipientKey = .zero
            default: push.ciphertext = Base64.encode([UInt8](repeating: 0, count: 64))
            }
        }
        #expect(sealing.open(push) == nil)
    }

    @Test func aKeyThatItsMemberDidNotSignIsNotSealedTo() throws {
        let (ada, bob) = (try Self.credentials("ada", 1), try Self.credentials("bob", 9))
        let recipient = try JSONCoder.decode(
            Resolved.Recipient.self,
            from: [
                "session": .string(ada.sessionKey.publicKey.hex), "member": .string(bob.memberKey.publicKey.hex),
                "name": "bob", "binding": .string(bob.binding.hex), "bodyVersions": [1, 3],
            ])
        let error = #expect(throws: MeshError.self) {
            try Sealing(ada).body(
                of: Outgoing(to: "bob", text: "x"), for: Resolved(kind: "direct", sealed: true, recipients: [recipient])
            )
        }
        #expect(error?.code == .badSignature)
    }
}

@Suite struct ProfileStoreTests {
    private static func credentials(_ name: String) -> Credentials {
        Credentials(
            broker: "http://127.0.0.1:7900", meshID: String(repeating: "0", count: 32), meshSlug: "lab", node: .zero,
            owner: .zero, memberName: name, memberID: "m", role: .member, label: nil, memberKey: SigningKey(),
            sessionKey: SigningKey())
    }

    private static func withStore(_ body: (ProfileStore, URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mesh-home-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(ProfileStore(home: folder.path), folder)
    }

    @Test func aProfileComesBackAsItWasSaved() throws {
        try Self.withStore { store, _ in
            let saved = Self.credentials("bob")
            try store.save(saved, profile: "bob", makeCurrent: true)
            let (loaded, profile) = try store.load(mesh: nil, profile: nil)
            #expect(profile == "bob")
            #expect(loaded.sessionKey.seed == saved.sessionKey.seed)
            #expect(loaded.memberKey.seed == saved.memberKey.seed)
            #expect(loaded.binding == saved.binding)
        }
    }

    @Test func aProfileIsNeverOverwritten() throws {
        try Self.withStore { store, _ in
            try store.save(Self.credentials("bob"), profile: "bob", makeCurrent: true)
            let error = #expect(throws: MeshError.self) {
                try store.save(Self.credentials("bob"), profile: "bob", makeCurrent: true)
            }
            #expect(error?.code == .exists)
        }
    }

    @Test func keysAreForTheirOwnerAlone() throws {
        try Self.withStore { store, folder in
            try store.save(Self.credentials("bob"), profile: "bob", makeCurrent: true)
            let key = folder.appending(path: "lab/bob/session.key").path
            let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            #expect(throws: MeshError.self) { try store.load(mesh: nil, profile: nil) }
        }
    }

    @Test func anUnknownProfileNamesTheNearest() throws {
        try Self.withStore { store, _ in
            try store.save(Self.credentials("bob"), profile: "bob", makeCurrent: true)
            let error = #expect(throws: MeshError.self) { try store.load(mesh: nil, profile: "bobb") }
            #expect(error?.code == .notFound)
            #expect(error?.hint?.contains("bob") == true)
        }
    }

    @Test(arguments: ["../x", "/tmp/x", "a/../../b", "", ".", "..", ".pending", "LAB", "lab\u{1B}[2J", "lab\0"])
    func aMeshNameOfABrokerCannotLeaveTheFolder(_ slug: String) throws {
        try Self.withStore { store, folder in
            var credentials = Self.credentials("bob")
            credentials.meshSlug = slug
            #expect(throws: MeshError.self) { try store.save(credentials, profile: "bob", makeCurrent: true) }
            #expect(!FileManager.default.fileExists(atPath: folder.path), "nothing was written")
        }
    }

    @Test func anotherMeshWithAKnownNameGetsAFolderOfItsOwn() throws {
        try Self.withStore { store, _ in
            try store.save(Self.credentials("bob"), profile: "bob", makeCurrent: true)
            var other = Self.credentials("bob")
            other.meshID = String(repeating: "cd", count: 16)
            #expect(try store.save(other, profile: "bob", makeCurrent: true).meshSlug == "lab-cdcdcdcd")
            #expect(
                try store.load(mesh: "lab-cdcdcdcd", profile: nil).credentials.memberKey.seed == other.memberKey.seed)
            #expect(try store.load(mesh: "lab", profile: nil).credentials.meshID != other.meshID)
        }
    }

    @Test func keysOfATryThatWasCutOffAreTakenAgain() throws {
        try Self.withStore { store, _ in
            let purpose = ProfileStore.Purpose.join(meshID: String(repeating: "0", count: 32))
            func seed() throws -> [UInt8] { try store.begin(purpose, profile: "bob").keys.member.seed }
            let first = try seed()
            #expect(try seed() == first)
            #expect(try store.begin(purpose, profile: "cleo").keys.member.seed != first)
            // The broker may know them, whatever it says: they stay until they are used.
            let errors = [
                MeshError(.busy, "", details: ["network": true]), MeshError(.inviteExhausted, ""),
                MeshError(.badSignature, "", details: ["answer": "refused"]), MeshError(.revoked, ""),
            ]
            for error in errors {
                let told = try store.begin(purpose, profile: "bob").explained(error)
                #expect((told.hint?.contains("/.pending/") ?? false) == (error.code == .revoked))
            }
            #expect(try seed() == first)
        }
    }

    @Test func twoAtOnceDoNotShareKeys() throws {
        try Self.withStore { store, _ in
            let purpose = ProfileStore.Purpose.join(meshID: String(repeating: "0", count: 32))
            let held = try store.begin(purpose, profile: "bob")
            let error = #expect(throws: MeshError.self) { try store.begin(purpose, profile: "bob") }
            #expect(error?.code == .busy)
            var credentials = Self.credentials("bob")
            credentials.memberKey = held.keys.member
            _ = try held.finish(credentials, makeCurrent: true)
            let later = #expect(throws: MeshError.self) { try store.begin(purpose, profile: "bob") }
            #expect(later?.code == .exists)
        }
    }

    @Test func manyProfilesAtOnceLoseNothing() throws {
        try Self.withStore { (store: ProfileStore, _: URL) throws -> Void in
            let failures = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 24) { number in
                do {
                    try store.save(Self.credentials("m\(number)"), profile: "m\(number)", makeCurrent: true)
                    try store.setVerified("x\(number)", SigningKey().publicKey, mesh: "lab", profile: "m\(number)")
                } catch { failures.withLock { $0 += 1 } }
            }
            #expect(failures.withLock { $0 } == 0)
            let profiles = try store.profiles(of: "lab")
            #expect(profiles.count == 24)
            for profile in profiles {
                let credentials = try store.load(mesh: nil, profile: profile).credentials
                #expect(credentials.verified.count == 1)
            }
        }
    }

    @Test(arguments: ["../x", "a/b", ".hidden", ""])
    func aProfileNameCannotLeaveItsFolder(_ name: String) throws {
        try Self.withStore { store, _ in
            #expect(throws: MeshError.self) {
                try store.save(Self.credentials("bob"), profile: name, makeCurrent: false)
            }
        }
    }
}
