import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli invite …`
struct InviteNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Make, list and revoke invite links.",
        discussion: """
            Without a verb it makes one.

            Example: mesh-cli invite --role observer --uses 3 --expires 2h
            """,
        subcommands: [InviteCommand.self, List.self, Revoke.self], defaultSubcommand: InviteCommand.self)

    /// `mesh-cli invite list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List invites, newest first.", discussion: "Example: mesh-cli invite list")

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(ListInvites())
            try out.answer(list, isAsked: true) {
                let now = SystemCalls.now()
                let rows = list.invites.map {
                    [
                        $0.inviteId, $0.state, $0.role.rawValue, "\($0.used)/\($0.uses)",
                        Span.relative($0.expiresAt, now: now), $0.issuer,
                    ]
                }
                return out.table(
                    Table("INVITE", "STATE", "ROLE", "USED", "EXPIRES", "BY", rows: rows), empty: "No invites.")
            }
        }
    }

    /// `mesh-cli invite revoke ID`
    struct Revoke: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an invite worthless; who has joined with it stays.",
            discussion: "Example: mesh-cli invite revoke 3f9a2c")

        @Argument(help: "The invite's id, or a unique prefix of 6 characters or more.")
        var id: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let revoked = try await call(RevokeInvite(inviteId: id))
            try out.answer(revoked) { Table.printable("Revoked \(revoked.inviteId).") }
        }
    }
}

/// `mesh-cli invite create`
struct InviteCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an invite link.",
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
