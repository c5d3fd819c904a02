import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli invite`
struct InviteCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Make an invite link.",
        discussion: """
            Whoever has the link can join until it is used up or expires. The broker knows only the hash of its code.

            Example: mesh-cli invite --role observer --uses 3 --expires 2h
            """)

    @Option(help: "The role that it gives: admin, member or observer.")
    var role: Role = .member

    @Option(help: "How long it holds: 30m, 24h, 7d.", transform: Span.parse)
    var expires = Span(milliseconds: 86_400_000)

    @Option(help: "How often it can be used.")
    var uses = 1

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        let link = try await withAPI {
            try await $0.createInvite(role: role, uses: uses, expiresInMillis: expires.milliseconds)
        }
        let expiresAt = SystemCalls.now() + expires.milliseconds
        out.say(link.text, isAsked: true)
        out.result([
            "invite": .string(link.text), "inviteId": .string(link.code.inviteID), "role": .string(role.rawValue),
            "uses": .integer(Int64(uses)), "expiresAt": .integer(expiresAt),
        ]) {
            """
            Role \(role.rawValue), \(uses == 1 ? "one use" : "\(uses) uses"), expires \
            \(Span.relative(expiresAt, now: SystemCalls.now())). It is used with: mesh-cli join 'LINK' --name NAME
            """
        }
    }
}
