import ArgumentParser
import MeshCore
import MeshSDK
import NIOPosix

/// Credentials between the processes of a measurement: one JSON object a line, the controller's first.
enum LoadMesh {
    static func json(_ credentials: Credentials) -> JSON {
        [
            "broker": .string(credentials.broker), "mesh": .string(credentials.meshID),
            "slug": .string(credentials.meshSlug), "node": .string(credentials.node.hex),
            "owner": .string(credentials.owner.hex), "name": .string(credentials.memberName),
            "id": .string(credentials.memberID), "role": .string(credentials.role.rawValue),
            "member_key": .string(Hex.encode(credentials.memberKey.seed)),
            "session_key": .string(Hex.encode(credentials.sessionKey.seed)),
        ]
    }

    /// Reads what `mesh` printed, from standard input.
    static func readAll() throws -> [Credentials] {
        var all: [Credentials] = []
        while let line = readLine() {
            guard let one = credentials(try JSON.parse(Array(line.utf8))) else {
                throw ValidationError("standard input is what `sim-load mesh` prints: one JSON object a line")
            }
            all.append(one)
        }
        return all
    }

    private static func credentials(_ json: JSON) -> Credentials? {
        func text(_ name: String) -> String? { json[name]?.stringValue }
        guard let broker = text("broker"), let mesh = text("mesh"), let slug = text("slug"),
            let node = text("node").flatMap({ PublicKey(hex: $0) }),
            let owner = text("owner").flatMap({ PublicKey(hex: $0) }), let name = text("name"), let id = text("id"),
            let role = text("role").flatMap({ Role(rawValue: $0) }),
            let member = text("member_key").flatMap({ SigningKey(secretHex: $0) }),
            let session = text("session_key").flatMap({ SigningKey(secretHex: $0) })
        else { return nil }
        return Credentials(
            broker: broker, meshID: mesh, meshSlug: slug, node: node, owner: owner, memberName: name, memberID: id,
            role: role, label: nil, memberKey: member, sessionKey: session)
    }
}

/// `sim-load mesh`
struct MeshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh", abstract: "Make a mesh and its members; print their credentials, the controller's first.")

    @Option(help: "The broker's address.") var broker: String
    @Option(help: "How many peers, 1 to 2000.") var peers: Int

    func validate() throws {
        guard (1...2_000).contains(peers) else { throw ValidationError("--peers is 1 to 2000, not \(peers)") }
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        guard let token = LoadSystem.environment("MESH_ADMIN_TOKEN") else {
            throw ValidationError("set MESH_ADMIN_TOKEN to the broker's admin token")
        }
        let slug = "plaza-" + Hex.encode((0..<4).map { _ in UInt8.random(in: .min ... .max) })
        let owner = try await MeshAPI.createMesh(
            broker: broker, adminToken: token, slug: slug, ownerName: "controller", allowPlaintext: false, group: group)
        print(LoadMesh.json(owner).text)
        let api = MeshAPI(credentials: owner, group: group)
        for number in 0..<peers {
            let (name, key) = ("walker-\(number)", SigningKey())
            let added = try await api.call(AddMember(name: name, pubkey: key.publicKey))
            let peer = Credentials(
                broker: broker, meshID: owner.meshID, meshSlug: slug, node: owner.node, owner: owner.owner,
                memberName: name, memberID: added.memberId, role: .member, label: nil, memberKey: key,
                sessionKey: SigningKey())
            print(LoadMesh.json(peer).text)
        }
        await api.close()
    }
}
