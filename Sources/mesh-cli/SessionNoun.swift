import ArgumentParser
import MeshCore

/// `mesh-cli session …`
struct SessionNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "The sessions of this member: one for each program and machine.",
        discussion: "Example: mesh-cli session list", subcommands: [List.self, Remove.self])

    /// `mesh-cli session list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the sessions of this member, oldest first.",
            discussion: """
                A session that is gone belonged to a program that keeps no key; it ends by itself within a day.

                Examples:
                  mesh-cli session list
                  mesh-cli session list --member pia
                """)

        @Option(help: "Those of another member; for admins.", completion: LiveNames.members)
        var member: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(ListSessions(member: member))
            try out.answer(list, isAsked: true) {
                let now = SystemCalls.now()
                let rows = list.sessions.map { session in
                    [
                        (session.label ?? "") + (session.you == true ? " (you)" : ""), session.connection,
                        Span.relative(iso8601: session.lastSeenAt, now: now), "\(session.pending)",
                        session.durable ? "kept" : "until it is gone", String(session.session.prefix(16)),
                    ]
                }
                return out.table(
                    Table("LABEL", "CONNECTION", "SEEN", "PENDING", "LASTS", "KEY", rows: rows), empty: "No sessions.")
            }
        }
    }

    /// `mesh-cli session remove SESSION`
    struct Remove: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a session; what waits for it becomes dead letters.",
            discussion: """
                Its connections end. A program that still has the session's key may open it again.

                Examples:
                  mesh-cli session remove laptop
                  mesh-cli session remove 3b6a27bcceb6a42d
                  mesh-cli session remove 3b6a27bcceb6a42d --member pia
                """)

        @Argument(help: "The session: its key, a prefix of at least 8 characters, or its label.")
        var session: String

        @Option(help: "One of another member; for admins.", completion: LiveNames.members)
        var member: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let removed = try await call(RemoveSession(session: session, member: member))
            try out.answer(removed) {
                let name = removed.member + "/" + (removed.label ?? String(removed.session.prefix(16)))
                let lost = removed.abandoned == 1 ? "1 message" : "\(removed.abandoned) messages"
                return "Removed \(name); \(lost) waited for it."
            }
        }
    }
}
