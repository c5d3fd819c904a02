import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli mesh …`
struct MeshNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh", abstract: "Make, choose, leave and delete meshes.",
        discussion: "Example: mesh-cli mesh create lab",
        subcommands: [Create.self, List.self, Use.self, Leave.self, Delete.self])

    /// `mesh-cli mesh create NAME`
    struct Create: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a mesh and become its owner.",
            discussion: """
                The broker's admin token is $MESH_ADMIN_TOKEN, or stands in the data folder of a broker on this \
                machine ($MESHD_DATA, or ~/.local/share/meshd). The owner's key is made here and stays here.

                Example: mesh-cli mesh create lab --broker http://127.0.0.1:7900 --name ada
                """)

        @Argument(help: "The mesh's name: lower-case letters, digits and `-`.")
        var name: String

        @Option(help: "The broker's address; $MESH_BROKER, or http://127.0.0.1:7900, when absent.")
        var broker: String?

        @Option(name: .customLong("name"), help: "Your name in the mesh; $USER when absent.")
        var ownerName: String?

        @Flag(help: "Allow direct messages that are not sealed, when their sender says so.")
        var allowPlaintext = false

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let store = options.store
            let owner = ownerName ?? SystemCalls.environment("USER") ?? "owner"
            let profile = options.profile ?? owner
            try store.requireFree(profile, mesh: name)
            let address = broker ?? SystemCalls.environment("MESH_BROKER") ?? "http://127.0.0.1:7900"
            let credentials = try await MeshAPI.createMesh(
                broker: address, adminToken: try AdminToken.find(), slug: name, ownerName: owner,
                allowPlaintext: allowPlaintext, group: EventLoops.shared)
            try store.save(credentials, profile: profile, makeCurrent: true)
            let invite = try await withAPI(of: credentials) {
                try await $0.createInvite(role: .member, uses: 10, expiresInMillis: 86_400_000)
            }
            out.result([
                "mesh": ["id": .string(credentials.meshID), "slug": .string(credentials.meshSlug)],
                "member": credentials.memberJSON, "profile": .string(profile), "broker": .string(address),
                "invite": .string(invite.text),
            ]) {
                """
                Made the mesh \(credentials.meshSlug) (\(credentials.meshID)) on \(address).
                You are its owner, \(credentials.memberName). It is the current mesh now: mesh-cli mesh use NAME goes back.
                Let others in (10 uses, 24 hours):
                  mesh-cli join '\(invite.text)' --name NAME
                """
            }
        }
    }
}

extension ProfileStore {
    /// Fails when a profile of this name exists, before anything happens on the broker.
    func requireFree(_ profile: String, mesh slug: String) throws {
        let mesh = try meshes().first { $0.slug == slug }
        guard mesh?.profiles.contains(profile) == true else { return }
        throw MeshError(
            .exists, "the mesh \(slug) has a profile \(profile) on this machine already",
            hint: "choose another name with --profile, or another folder with --home")
    }
}

extension ProfileStore.MeshEntry {
    /// The entry as it is printed.
    var json: JSON {
        [
            "id": .string(meshID), "slug": .string(slug), "broker": .string(broker),
            "profiles": .array(profiles.map { .string($0) }), "current": current.map { .string($0) } ?? .null,
        ]
    }
}

extension Credentials {
    /// The member as it is printed.
    var memberJSON: JSON {
        [
            "id": .string(memberID), "pubkey": .string(memberKey.publicKey.hex), "name": .string(memberName),
            "role": .string(role.rawValue), "session": .string(sessionKey.publicKey.hex),
        ]
    }
}
