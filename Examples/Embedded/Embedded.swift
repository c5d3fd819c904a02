import Foundation
import MeshBroker
import MeshCore
import MeshSDK

/// A broker inside the program, without any socket, and two agents that talk over it, sealed end to end.
///
/// Run it with `swift run embedded`. What it stores goes to a temporary folder that is removed at the end.
@main struct Embedded {
    static func main() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mesh-embedded-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }

        // The broker, and a mesh whose owner is ada.
        let broker = try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        let mesh = NewMesh(slug: "lab", ownerName: "ada")
        let memberID = try await broker.createMesh(mesh.request(node: broker.nodeKey))
        let adaCredentials = mesh.credentials(broker: "http://embedded", node: broker.nodeKey, memberID: memberID)
        let ada = MeshClient(credentials: adaCredentials, connector: broker.connector())

        try await ada.scoped { ada in
            // Bob is added by public key; his private keys never leave him.
            let bobKey = SigningKey()
            let added = try await ada.call(AddMember(name: "bob", pubkey: bobKey.publicKey))
            let bobCredentials = Credentials(
                broker: "http://embedded", meshID: adaCredentials.meshID, meshSlug: "lab", node: broker.nodeKey,
                owner: adaCredentials.owner, memberName: "bob", memberID: added.memberId, role: .member, label: nil,
                memberKey: bobKey, sessionKey: SigningKey())

            try await MeshClient(credentials: bobCredentials, connector: broker.connector()).scoped { bob in
                try await bob.setStatus(.idle)
                try await ada.send(Outgoing(to: "bob", text: "which way is north?"))
                for await question in bob.messages {
                    print("bob got from \(question.from.name): \(question.text)")
                    try await bob.send(question.reply("up"))
                    break
                }
                for await answer in ada.messages {
                    print("ada got from \(answer.from.name): \(answer.text)")
                    break
                }
            }
            let head = try await ada.call(GetLedgerHead())
            print("the ledger has \(head.size) entries")
        }
        await broker.shutdown()
    }
}
