import MeshCore
import MeshSDK
import NIOCore
import Synchronization

/// A mesh made for one measurement, with a member and a session for each peer.
struct BenchMesh: Sendable {
    var owner: Credentials
    var peers: [Credentials]
    /// Members of the sessions that only stay; each may have a thousand.
    var sleepers: [Credentials]

    /// Makes the mesh and its members.
    static func make(broker: String, token: String, peers: Int, idle: Int, group: any EventLoopGroup) async throws
        -> BenchMesh
    {
        let slug = "bench-" + Hex.encode((0..<4).map { _ in UInt8.random(in: .min ... .max) })
        let owner = try await MeshAPI.createMesh(
            broker: broker, adminToken: token, slug: slug, ownerName: "owner", allowPlaintext: false, group: group)
        let api = MeshAPI(credentials: owner, group: group)
        do {
            var made: [Credentials] = []
            for number in 0..<min(peers, IdleConnections.perMember) {
                made.append(try await member("peer-\(number)", of: owner, api))
            }
            // Beyond that, members have several sessions.
            for number in made.count..<max(made.count, peers) {
                made.append(made[number % IdleConnections.perMember].newSession(label: "s\(number)"))
            }
            var sleepers: [Credentials] = []
            for number in 0..<(idle + IdleConnections.perMember - 1) / IdleConnections.perMember {
                sleepers.append(try await member("sleeper-\(number)", of: owner, api))
            }
            let mesh = BenchMesh(owner: owner, peers: made, sleepers: sleepers)
            await api.close()
            return mesh
        } catch {
            await api.close()
            // What went wrong counts; a mesh that stays behind is found with `mesh list --broker`.
            _ = try? await MeshAPI.deleteMesh(owner.meshID, broker: broker, adminToken: token, group: group)
            throw error
        }
    }

    private static func member(_ name: String, of owner: Credentials, _ api: MeshAPI) async throws -> Credentials {
        let key = SigningKey()
        let added = try await api.call(AddMember(name: name, pubkey: key.publicKey))
        return Credentials(
            broker: owner.broker, meshID: owner.meshID, meshSlug: owner.meshSlug, node: owner.node, owner: owner.owner,
            memberName: name, memberID: added.memberId, role: .member, label: nil, memberKey: key,
            sessionKey: SigningKey())
    }
}

/// Whether a hello was answered: set and read on the connection's loop.
private final class WelcomeFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}

/// A session that has said hello and was welcomed.
enum BenchConnection {
    /// Connects and says hello; frames that come afterwards go to `receive`, on the connection's loop.
    static func open(
        _ credentials: Credentials, groups: [GroupMembership] = [],
        receive: @escaping @Sendable (TransportEvent) -> Void
    ) async throws -> WebSocketTransport {
        let transport = try await WebSocketConnector(
            url: credentials.webSocketURL, group: EventLoops.shared, timeoutSeconds: 30
        ).open()
        let (events, continuation) = AsyncStream<Result<Void, Failure>>.makeStream()
        let isWelcome = WelcomeFlag()
        transport.start { event in
            if isWelcome.isSet { return receive(event) }
            switch event {
            case .text(let bytes):
                let type = (try? JSON.parse(bytes, limits: .frame))?["type"]?.stringValue
                if type == HelloAck.type {
                    isWelcome.set()
                    continuation.yield(.success(()))
                } else if type == "error" {
                    let said = String(decoding: bytes, as: UTF8.self)
                    continuation.yield(.failure(Failure(.failure, "bench", "the broker refused a peer: \(said)")))
                }
            case .closed(let reason):
                let said = reason?.description ?? "the line went away"
                continuation.yield(.failure(Failure(.network, "network", "a peer's connection ended: \(said)")))
            case .readComplete, .pong: break
            }
        }
        var configuration = MeshClient.Configuration()
        configuration.channel = "mesh-bench"
        configuration.groups = groups
        transport.send([try credentials.helloFrame(configuration: configuration)])
        for await result in events {
            try result.get()
            return transport
        }
        throw CancellationError()
    }
}
