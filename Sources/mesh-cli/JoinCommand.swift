import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli join INVITE-URL`
struct JoinCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Join a mesh by an invite link.",
        discussion: """
            Makes a key of your own, checks that the broker shows the owner whom the link names, and makes the \
            profile current. Quote the link: it contains a `#`. When it was cut off, the same command goes on where it stopped.

            Example: mesh-cli join 'http://127.0.0.1:7900/join/...#...' --name bob
            """)

    @Argument(help: "The invite link.")
    var invite: String

    @Option(help: "Your name in the mesh; $USER when absent.")
    var name: String?

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        // Everything that can fail here comes before the broker is asked: an invite is used up by the first claim.
        let link = try InviteLink(parsing: invite)
        let wanted = name ?? SystemCalls.environment("USER") ?? "member"
        try Names.checkName(wanted)
        let profile = options.profile ?? wanted
        let pending = try options.store.begin(.join(meshID: link.meshID), profile: profile)
        let joined: Credentials
        do throws(MeshError) {
            let answer = try await MeshAPI.join(
                link: link, name: wanted, label: nil, keys: pending.keys, group: EventLoops.shared)
            joined = answer.0
        } catch {
            throw pending.explained(error)
        }
        let credentials = try pending.finish(joined, makeCurrent: true)
        out.result([
            "mesh": ["id": .string(credentials.meshID), "slug": .string(credentials.meshSlug)],
            "member": credentials.memberJSON, "profile": .string(profile), "certified": true,
        ]) {
            """
            Joined \(credentials.meshSlug) as \(credentials.memberName) (\(credentials.role.rawValue)); it is the current mesh now.
            Listen with: mesh-cli listen
            """
        }
    }
}
