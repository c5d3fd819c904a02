package import Foundation
package import MeshCore
package import MeshEngine
import MeshStore

/// Numbers that are the same in every run with the same seed (SplitMix64).
package struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    package init(_ seed: UInt64) { state = seed }
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A mesh on a file of its own, with a clock that only moves when it is told to, driven command by command.
package final class MeshBench {
    package let folder: URL
    package let table: CapabilityTable
    package private(set) var engine: MeshEngine
    package private(set) var batches: [Batch] = []
    /// Everything that was told, in order.
    package private(set) var effects: [Effect] = []
    package var now: Int64 = 1_700_000_000_000
    private var numbers = SeededNumbers(7)
    private var nextConnection: UInt64 = 1
    package let owner = SigningKey(seed: [UInt8](repeating: 1, count: 32)) ?? SigningKey()
    package let meshID: String
    package var path: String { folder.appending(path: "mesh.sqlite").path }

    package init(_ capabilities: [Capability] = Capabilities.all) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "mesh-engine-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        table = CapabilityTable(capabilities)
        let nonce = [UInt8](repeating: 3, count: 16)
        meshID = MeshID.derive(owner: owner.publicKey, nonce: nonce)
        let node = Self.key(200)
        let session = Self.key(2)
        let body = CreateMeshBody(
            slug: "lab", meshId: meshID, owner: owner.publicKey, name: "ada", nonce: Hex.encode(nonce), timestamp: now,
            claim: owner.sign(
                SignedText.meshCreation(
                    meshID: meshID, slug: "lab", owner: owner.publicKey, node: node.publicKey, timestamp: now)),
            session: SessionBinding(
                pubkey: session.publicKey,
                binding: owner.sign(
                    SignedText.sessionBinding(meshID: meshID, member: owner.publicKey, session: session.publicKey)),
                label: nil))
        let genesis = Genesis(
            body: body, node: node.publicKey, allowsPlaintext: false, now: now, entropy: Entropy(&numbers))
        try genesis.check()
        let file = folder.appending(path: "mesh.sqlite").path
        let table = table
        try FileCreation.createAtomically(file) { _ = try genesis.write(to: $0, table: table) }
        try FileManager.default.copyItem(atPath: file, toPath: folder.appending(path: "start.sqlite").path)
        engine = try MeshEngine(database: Database(path: file, mode: .open), table: table)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    package static func key(_ seed: UInt8) -> SigningKey {
        SigningKey(seed: [UInt8](repeating: seed, count: 32)) ?? SigningKey()
    }

    /// Another engine over the file as it was at the start.
    package func copyOfTheStart() throws -> MeshEngine {
        let path = folder.appending(path: "copy-\(UUID().uuidString).sqlite").path
        try FileManager.default.copyItem(atPath: folder.appending(path: "start.sqlite").path, toPath: path)
        return try MeshEngine(database: Database(path: path, mode: .open), table: table)
    }

    // MARK: Driving

    /// Applies commands as one batch.
    @discardableResult
    package func apply(_ commands: [(any Request, Actor)]) throws -> [Result<any Reply, MeshError>] {
        let batch = Batch(
            number: engine.state.applied + 1, now: now,
            commands: commands.map { Command(actor: $0.1, request: $0.0, entropy: Entropy(&numbers)) })
        batches.append(batch)
        let result = try engine.apply(batch)
        effects += result.effects
        return result.outcomes.map(\.result)
    }

    /// Applies one command and gives its answer.
    @discardableResult
    package func ask<Asked: Request>(_ request: Asked, as actor: Actor) throws -> Asked.Answer {
        try request.checkBounds()
        guard let answer = try apply([(request, actor)])[0].get() as? Asked.Answer else {
            throw MeshError(.internalError, "another answer")
        }
        return answer
    }

    package func query<Asked: Request>(_ request: Asked, as actor: Actor, on connection: ConnectionID? = nil) throws
        -> Asked.Answer
    {
        try request.checkBounds()
        guard let answer = try engine.query(request, actor: actor, connection: connection).get() as? Asked.Answer else {
            throw MeshError(.internalError, "another answer")
        }
        return answer
    }

    /// Lets time pass and timers fire.
    package func pass(_ milliseconds: Int64) throws {
        now += milliseconds
        try apply([])
    }

    /// Takes what was told so far.
    package func takeEffects() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    /// Forgets what was told and applied: for those who drive it for long.
    package func forget() {
        effects.removeAll(keepingCapacity: true)
        batches.removeAll(keepingCapacity: true)
    }

    // MARK: Peers

    /// One session of a member.
    package struct Peer {
        package var member: PublicKey
        package var session: PublicKey
        package var number: SessionNumber
        package var connection: ConnectionID
        package var actor: Actor { .session(number, connection) }

        package init(member: PublicKey, session: PublicKey, number: SessionNumber, connection: ConnectionID) {
            self.member = member
            self.session = session
            self.number = number
            self.connection = connection
        }
    }

    package var ownerActor: Actor { .session(SessionNumber(rawValue: 1), nil) }

    /// Adds a member and connects a session of it.
    package func peer(_ name: String, _ seed: UInt8, role: Role = .member) throws -> Peer {
        try ask(AddMember(name: name, pubkey: Self.key(seed).publicKey, role: role), as: ownerActor)
        return try connect(seed, session: seed &+ 100)
    }

    /// Connects a session of a member.
    package func connect(
        _ seed: UInt8, session: UInt8, label: String? = nil, foreign: Bool = false, acknowledges: Bool = true,
        replaces: Bool = false, proven: Bool = true
    ) throws -> Peer {
        let connection = ConnectionID(rawValue: nextConnection)
        nextConnection += 1
        let key = Self.key(session).publicKey
        var info = ClientInfo()
        info.sessionID = "s\(session)"
        let opened = try ask(
            OpenSession(
                member: Self.key(seed).publicKey, session: key, isProven: proven, binding: nil, isForeign: foreign,
                dialect: foreign ? .claudemesh : .mesh, acknowledges: acknowledges, label: label, groups: nil,
                messageMode: nil, info: info, connection: connection.rawValue, replaces: replaces,
                limits: .init(frameBytes: 1, bodyBytes: 1, window: 1)), as: .node)
        return Peer(
            member: Self.key(seed).publicKey, session: key, number: SessionNumber(rawValue: opened.number),
            connection: connection)
    }

    /// Ends a connection; `goodbye` says that the client closed it itself.
    package func disconnect(_ peer: Peer, goodbye: Bool = false) throws {
        try ask(
            LoseConnection(
                session: peer.number.rawValue, connection: peer.connection.rawValue, clean: goodbye ? true : nil),
            as: .node)
    }

    // MARK: Messages

    /// A send with a copy for each session that its target reaches.
    package func sealed(_ target: String, from peer: Peer, id: String? = nil, priority: Priority = .next) throws -> Send
    {
        let resolved = try query(Resolve(targetSpec: TargetSpec([target])), as: peer.actor)
        var send = Send(targetSpec: TargetSpec([target]))
        send.priority = priority
        send.clientMessageID = id
        send.copies = resolved.recipients.map { recipient in
            SealedCopy(
                session: recipient.session, member: recipient.session == nil ? recipient.member : nil,
                nonce: Base64.encode([UInt8](repeating: 5, count: 24)),
                ciphertext: Base64.encode([UInt8](repeating: 6, count: 20)), bodyVersion: 1)
        }
        return send
    }

    package func plain(_ target: String, _ text: String = "hi") -> Send {
        var send = Send(targetSpec: TargetSpec([target]))
        send.ciphertext = Base64.encode(Array(text.utf8))
        return send
    }

    @discardableResult
    package func send(_ target: String, from peer: Peer, id: String? = nil, priority: Priority = .next) throws
        -> SendAck
    {
        try ask(sealed(target, from: peer, id: id, priority: priority), as: peer.actor)
    }

    /// The messages that a connection was pushed, taken out of what was told.
    package func pushes(to peer: Peer) -> [MessagePush] {
        effects.compactMap { effect in
            switch effect {
            case .push(let connection, let push) where connection == peer.connection: push.base as? MessagePush
            case .trackedPush(let connection, let push, _) where connection == peer.connection:
                push.base as? MessagePush
            default: nil
            }
        }
    }

    /// The system events that a connection was told.
    package func events(to peer: Peer) -> [String] {
        effects.compactMap { effect in
            guard case .push(let connection, let push) = effect, connection == peer.connection else { return nil }
            return (push.base as? SystemEvent)?.event
        }
    }

    package func status(_ id: String, as peer: Peer) throws -> [RecipientReceipt] {
        try query(GetMessageStatus(messageId: id), as: peer.actor).recipients
    }
}

extension Push {
    /// What is pushed, alone or to many.
    package var base: any Push {
        if let shared = self as? SharedPush { return shared.base }
        if let watched = self as? WatchedChanges { return watched.body.changes }
        return self
    }
}
