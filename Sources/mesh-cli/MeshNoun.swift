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
            let credentials = try await create()
            let (address, profile) = (credentials.broker, self.profile)
            let invite: InviteLink
            do {
                invite = try await withAPI(of: credentials) {
                    try await $0.createInvite(role: .member, uses: 10, expiresInMillis: 86_400_000)
                }
            } catch {
                // The mesh is there, and its keys are here: only the invite is missing.
                out.warn("Made the mesh \(credentials.meshSlug), but no invite: mesh-cli invite makes one.")
                throw error
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
                  mesh-cli join \(ShellWord.quoted(invite.text)) --name NAME
                """
            }
        }
    }
}

extension MeshNoun.Create {
    /// Who will own the mesh.
    private var owner: String { ownerName ?? SystemCalls.environment("USER") ?? "owner" }
    private var profile: String { options.profile ?? owner }

    /// Makes the mesh and its profile. Everything that can fail here comes before the broker is asked, and the owner's keys
    /// are on disk by then: a mesh whose owner's key nobody has could never be used, and its name would be taken.
    private func create() async throws -> Credentials {
        try Names.checkSlug(name)
        try Names.checkName(owner)
        let address = try BrokerChoice.address(broker)
        let token = try AdminToken.find()
        let pending = try options.store.begin(
            .creation(broker: address, slug: name, ownerName: owner), profile: profile)
        do throws(MeshError) {
            let made = try await MeshAPI.createMesh(
                broker: address, adminToken: token, slug: name, ownerName: owner, allowPlaintext: allowPlaintext,
                keys: pending.keys, group: EventLoops.shared)
            return try pending.finish(made, makeCurrent: true)
        } catch {
            throw pending.explained(error)
        }
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
