import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli inbox`
struct InboxCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox", abstract: "Read the messages that wait for your session.",
        discussion: """
            What was printed counts as read and does not come again; --peek leaves it. --follow goes on printing as \
            messages come, without making you a peer.

            Example: mesh-cli inbox --peek --limit 5
            """)

    @Flag(help: "Go on printing as messages come.")
    var follow = false

    @Flag(help: "Leave the messages unread.")
    var peek = false

    @Option(help: "At most this many, 1 to 200; 50 when absent.")
    var limit: Int?

    @Option(
        help: "Only messages that were sent from then on: 2h, 14:30 or 2026-11-29; earlier ones stay unread.",
        transform: Moment.parse)
    var since: Moment?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if follow, limit != nil { throw ValidationError("--limit does not go with --follow") }
    }

    func execute(_ out: Printer) async throws {
        if follow { try await followInbox(out) } else { try await readInbox(out) }
    }

    private func readInbox(_ out: Printer) async throws {
        try await withAPI { api in
            let messages = try await messages(api)
            if out.isJSON {
                out.put(Printer.line(["messages": .array(messages.map { .object($0.lineJSON) })]))
            } else {
                let now = SystemCalls.now()
                if messages.isEmpty {
                    out.say("No messages.")
                } else {
                    out.raw(messages.map { $0.block(now: now, colour: out.colour) }.joined())
                }
            }
            if !peek, !messages.isEmpty { try await api.acknowledge(messages.map(\.id), read: true) }
        }
    }

    /// The oldest messages that are wanted. Those before `--since` are passed over, a page at a time.
    private func messages(_ api: MeshAPI) async throws -> [Message] {
        let wanted = limit ?? 50
        guard let since else { return try await api.inbox(limit: wanted) }
        var found: [Message] = []
        var after: String?
        var seen = 0
        while found.count < wanted {
            guard seen <= 2 * DeliveryPolicy.maximumPending else {
                throw MeshError(.internalError, "the broker gives more messages than an inbox holds, without end")
            }
            let page = try await api.inbox(limit: 200, after: after)
            guard let last = page.last else { break }
            seen += page.count
            found += page.filter { $0.sentAt >= since.milliseconds }
            after = last.id
        }
        return Array(found.prefix(wanted))
    }

    private func followInbox(_ out: Printer) async throws {
        let credentials = try options.credentials().credentials
        try await LiveSession.run(credentials, attach: false, replace: false) { client in
            try await client.connected()
            for await message in try await client.watchInbox() where message.sentAt >= since?.milliseconds ?? 0 {
                out.message(message)
                if !peek { _ = try await client.call(Acknowledge(messageIDs: [message.id], read: true)) }
            }
            try await LiveSession.untilEnded()
        }
    }
}
