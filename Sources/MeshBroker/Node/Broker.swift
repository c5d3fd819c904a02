public import Logging
public import MeshCore
import MeshEngine
import MeshStore
import NIOCore

/// A broker inside a program: its meshes, and a transport for any client. It opens no socket itself.
///
/// ```swift
/// let broker = try await Broker(configuration: BrokerConfiguration(dataFolder: "mesh-data"))
/// let connector = broker.connector()   // give it to any MeshSDK client
/// await broker.shutdown()
/// ```
public final class Broker: Sendable {
    package let node: BrokerNode

    /// Locks the folder and opens its meshes. Fails with `MeshError` when another broker has the folder, or its keys
    /// cannot be read. `onFatal` is called when the disk can no longer be trusted: the program should end.
    public init(
        configuration: BrokerConfiguration, logger: Logger = Logger(label: "mesh.broker"),
        onFatal: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws(MeshError) {
        do {
            node = try BrokerNode(configuration: configuration, logger: logger) { error in
                logger.critical("the disk cannot be trusted", metadata: ["error": "\(error)"])
                onFatal(error.description)
            }
            try await node.openMeshes()
        } catch let error as StoreError where error.code == .locked {
            throw MeshError(.busy, error.message)
        } catch {
            throw MeshError(storing: error)
        }
    }

    package init(node: BrokerNode) { self.node = node }

    /// The node's public key: the audience that clients sign for.
    public var nodeKey: PublicKey { node.nodeKey.publicKey }

    /// The token that creates meshes and reads metrics.
    public var adminTokenFile: String { node.folder.adminTokenFile }

    /// Creates a mesh for an owner who has signed its creation. Returns the owner's member id.
    public func createMesh(_ body: CreateMeshBody) async throws(MeshError) -> String {
        try await node.create(body).memberID
    }

    /// A transport to this broker for clients in the same process: the same frames and the same handshake, no socket.
    public func connector() -> any TransportConnector { InProcessConnector(node: node) }

    /// Closes every connection cleanly, finishes submitted work, closes every file.
    public func shutdown() async { await node.shutdown() }
}
