import Foundation
package import MeshBroker
package import MeshCore
package import MeshSDK
import Synchronization

/// A broker in this process with one mesh, and clients over its in-process transport.
package final class TestBroker: Sendable {
    package let broker: Broker
    package let owner: Credentials
    private let folder: URL

    package init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "mesh-sdk-\(UUID().uuidString)")
        broker = try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        let mesh = NewMesh(slug: "lab", ownerName: "ada")
        let memberID = try await broker.createMesh(mesh.request(node: broker.nodeKey))
        owner = mesh.credentials(broker: "http://127.0.0.1:0", node: broker.nodeKey, memberID: memberID)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Adds a member through the owner's client.
    package func member(_ name: String, by client: MeshClient, role: Role = .member) async throws -> Credentials {
        let key = SigningKey()
        let added = try await client.call(AddMember(name: name, pubkey: key.publicKey, role: role))
        return Credentials(
            broker: owner.broker, meshID: owner.meshID, meshSlug: "lab", node: owner.node, owner: owner.owner,
            memberName: name, memberID: added.memberId, role: role, label: nil, memberKey: key, sessionKey: SigningKey()
        )
    }

    /// A client over the in-process transport.
    package func client(
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
package func running<Value: Sendable>(
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
package final class CuttableConnector: TransportConnector {
    private let base: any TransportConnector
    private let last = Mutex<(any Transport)?>(nil)
    private let made = Mutex(0)

    package init(_ base: any TransportConnector) { self.base = base }

    package var connections: Int { made.withLock { $0 } }

    package func connect() async throws -> any Transport {
        let transport = try await base.connect()
        last.withLock { $0 = transport }
        made.withLock { $0 += 1 }
        return transport
    }

    /// Ends the current connection as a lost line would.
    package func cut() { last.withLock { $0 }?.close(CloseReason(code: 1006, reason: "cut")) }
}
