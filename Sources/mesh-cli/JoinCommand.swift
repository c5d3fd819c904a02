import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli join INVITE-URL`
struct JoinCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Join a mesh by an invite link.",
        discussion: """
            Makes a key of your own, checks that the broker shows the owner whom the link names, and makes the \
            profile current. Quote the link: it contains a `#`.

            Example: mesh-cli join 'http://127.0.0.1:7900/join/...#...' --name bob
            """)

    @Argument(help: "The invite link.")
    var invite: String

    @Option(help: "Your name in the mesh; $USER when absent.")
    var name: String?

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        let link = try InviteLink(parsing: invite)
        let wanted = name ?? SystemCalls.environment("USER") ?? "member"
        let profile = options.profile ?? wanted
        let store = options.store
        if let known = try store.meshes().first(where: { $0.meshID == link.meshID }) {
            try store.requireFree(profile, mesh: known.slug)
        }
        let (credentials, certificate) = try await MeshAPI.join(
            link: link, name: wanted, label: nil, group: EventLoops.shared)
        try store.save(credentials, profile: profile, makeCurrent: true)
        out.result([
            "mesh": ["id": .string(credentials.meshID), "slug": .string(credentials.meshSlug)],
            "member": credentials.memberJSON, "profile": .string(profile), "certified": .bool(certificate != nil),
        ]) {
            """
            Joined \(credentials.meshSlug) as \(credentials.memberName) (\(credentials.role.rawValue)); it is the current mesh now.
            Listen with: mesh-cli listen
            """
        }
    }
}
