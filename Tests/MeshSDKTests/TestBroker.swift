import Foundation
import MeshBroker
import MeshCore
import MeshSDK
import Synchronization

/// A broker in this process with one mesh, and clients over its in-process transport.
final class TestBroker: Sendable {
    let broker: Broker
    let owner: Credentials
    private let folder: URL

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "mesh-sdk-\(UUID().uuidString)")
        broker = try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        let (key, session) = (SigningKey(), SigningKey())
        let nonce = [UInt8](repeating: 7, count: 16)
        let meshID = MeshID.derive(owner: key.publicKey, nonce: nonce)
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let claim = key.sign(
            SignedText.meshCreation(
                meshID: meshID, slug: "lab", owner: key.publicKey, node: broker.nodeKey, timestamp: now))
        let word = key.sign(
            SignedText.sessionBinding(meshID: meshID, member: key.publicKey, session: session.publicKey))
        let memberID = try await broker.createMesh(
            CreateMeshBody(
                slug: "lab", meshId: meshID, owner: key.publicKey, name: "ada", nonce: Hex.encode(nonce),
                timestamp: now, claim: claim,
                session: SessionBinding(pubkey: session.publicKey, binding: word, label: nil)))
        owner = Credentials(
            broker: "http://127.0.0.1:0", meshID: meshID, meshSlug: "lab", node: broker.nodeKey, owner: key.publicKey,
            memberName: "ada", memberID: memberID, role: .owner, label: nil, memberKey: key, sessionKey: session)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Adds a member through the owner's client.
    func member(_ name: String, by client: MeshClient, role: Role = .member) async throws -> Credentials {
        let key = SigningKey()
        let added = try await client.call(AddMember(name: name, pubkey: key.publicKey, role: role))
        return Credentials(
            broker: owner.broker, meshID: owner.meshID, meshSlug: "lab", node: owner.node, owner: owner.owner,
            memberName: name, memberID: added.memberId, role: role, label: nil, memberKey: key, sessionKey: SigningKey()
        )
    }

    /// A client over the in-process transport.
    func client(
        _ credentials: Credentials, connector: (any TransportConnector)? = nil,
        _ change: (inout MeshClient.Configuration) -> Void = { _ in }
    ) -> MeshClient {
        var configuration = MeshClient.Configuration()
        configuration.backoff.initialMillis = 1
        change(&configuration)
        return MeshClient(
            credentials: credentials, connector: connector ?? broker.connector(), configuration: configuration)
    }
}

/// Runs clients as long as a body runs.
func running<Value: Sendable>(
    _ clients: MeshClient..., body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        for client in clients {
            group.addTask {
                try await client.run()
                return nil
            }
        }
        group.addTask {
            for client in clients { try await client.connected() }
            return try await body()
        }
        defer { group.cancelAll() }
        while let result = try await group.next() { if let result { return result } }
        throw CancellationError()
    }
}

/// A connector whose connections can be cut.
final class CuttableConnector: TransportConnector {
    private let base: any TransportConnector
    private let last = Mutex<(any Transport)?>(nil)
    private let made = Mutex(0)

    init(_ base: any TransportConnector) { self.base = base }

    var connections: Int { made.withLock { $0 } }

    func connect() async throws -> any Transport {
        let transport = try await base.connect()
        last.withLock { $0 = transport }
        made.withLock { $0 += 1 }
        return transport
    }

    /// Ends the current connection as a lost line would.
    func cut() { last.withLock { $0 }?.close(CloseReason(code: 1006, reason: "cut")) }
}
