import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli status …`
struct StatusNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What your session is doing.",
        discussion: "Example: mesh-cli status set working --lease 5m", subcommands: [SetTo.self])

    /// `mesh-cli status set`
    struct SetTo: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Say what you are doing; messages are offered or held by it.",
            discussion: """
                idle: everything is offered. working: only urgent messages, until the lease ends. dnd: only urgent \
                messages, until you say otherwise.

                Example: mesh-cli status set working --lease 5m
                """)

        @Argument(help: "idle, working or dnd.")
        var status: PeerStatus

        @Option(help: "How long `working` holds: 1s to 10m.", transform: Span.parse)
        var lease: Span?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let presence = try await call(SetStatus(status: status, lease: lease?.milliseconds))
            try out.answer(presence) {
                let end = presence.statusExpiresAt.map { ", ends " + Span.relative($0, now: SystemCalls.now()) } ?? ""
                return "Status: \(presence.status.rawValue)\(end)."
            }
        }
    }
}

/// `mesh-cli summary …`
struct SummaryNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "What your session is working on.",
        discussion: "Example: mesh-cli summary set 'reviewing the parser'", subcommands: [SetTo.self])

    /// `mesh-cli summary set`
    struct SetTo: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Say in one line what you are working on; an empty text removes it.",
            discussion: "Example: mesh-cli summary set 'reviewing the parser'")

        @Argument(help: "The line.")
        var text: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let presence = try await call(SetSummary(summary: text))
            try out.answer(presence) { presence.summary.map { "Summary: " + Table.printable($0) } ?? "No summary." }
        }
    }
}

/// `mesh-cli whoami`
struct WhoAmICommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Who you are in the mesh.", discussion: "Example: mesh-cli whoami --json")

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        let (credentials, profile) = try options.credentials()
        let me = try await withAPI(of: credentials) { try await $0.call(WhoAmI()) }
        guard me.meshId == credentials.meshID, me.pubkey == credentials.memberKey.publicKey else {
            throw MeshError(
                .badSignature, "the broker answers for another member or mesh than the profile is of",
                hint: "check the address: \(credentials.broker)")
        }
        try out.answer(me, adding: ["profile": .string(profile), "broker": .string(credentials.broker)], isAsked: true)
        {
            let groups = me.groups.map { "@" + $0.name }.joined(separator: " ")
            return """
                mesh     \(me.meshSlug) (\(me.meshId)) on \(credentials.broker)
                member   \(me.name), \(me.role.rawValue), \(me.pubkey.hex)
                session  \(me.label ?? "(no label)"), \(me.sessionPubkey)
                profile  \(profile)
                status   \(me.status.rawValue)\(me.summary.map { ": " + Table.printable($0) } ?? "")
                groups   \(groups.isEmpty ? "none" : groups)
                waiting  \(me.pending) message\(me.pending == 1 ? "" : "s")
                """
        }
    }
}
