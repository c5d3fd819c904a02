import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli listen`
struct ListenCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen", abstract: "Be present: print messages as they come.",
        discussion: """
            A message counts as delivered when it was printed, or with --exec when the command ended with 0. The \
            command gets the text and a line end on standard input, and MESH_FROM (the member's name), MESH_FROM_KEY \
            (its key: decide by this one), MESH_FROM_LABEL, MESH_FROM_SESSION, MESH_MESSAGE_ID, MESH_ENCRYPTED and \
            MESH_REPLY_TO. --name picks a profile, or makes a further session of the same member.

            Examples:
              mesh-cli listen
              mesh-cli listen --name laptop --exec 'cat >> inbox.txt'
              mesh-cli listen --json --count 1
            """)

    @Option(help: "The profile; a new session with this label when there is none.")
    var name: String?

    @Option(help: ArgumentHelp("Run this for every message, with /bin/sh.", valueName: "command"))
    var exec: String?

    @Flag(help: "Take over when this session listens elsewhere.")
    var replace = false

    @Option(help: "End after this many messages.")
    var count: Int?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if name != nil, options.profile != nil { throw ValidationError("--name and --profile say the same: give one") }
        if let count, count < 1 { throw ValidationError("--count: \(count) is too few, give 1 or more") }
    }

    func execute(_ out: Printer) async throws {
        let (credentials, profile) = try session()
        try await LiveSession.run(credentials, attach: true, replace: replace) { client in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                defer { tasks.cancelAll() }
                let (isReady, enough) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
                tasks.addTask {
                    await events(of: client, out) {
                        ready(credentials, profile, out)
                        isReady.continuation.finish()
                    }
                    try await LiveSession.untilEnded()
                }
                tasks.addTask {
                    for await _ in isReady.stream {}
                    try await messages(of: client, out) { enough.continuation.finish() }
                    try await LiveSession.untilEnded()
                }
                tasks.addTask { for await _ in enough.stream {} }
                _ = try await tasks.next()
            }
        }
    }

    /// Prints what happens; `ready` is called at the first connection and comes before everything else.
    private func events(of client: MeshClient, _ out: Printer, ready: () -> Void) async {
        var isReady = false
        for await event in client.events {
            switch event {
            case .connected where !isReady:
                isReady = true
                ready()
            case .disconnected(let reason) where !isReady:
                out.warn("not connected: \(Table.printable(reason)); trying again until Ctrl-C")
            default: out.event(event)
            }
        }
    }

    /// The session to attach; made when `--name` names none.
    private func session() throws -> (credentials: Credentials, profile: String) {
        let store = options.store
        guard let name else { return try options.credentials() }
        let base = try store.load(mesh: options.mesh, profile: nil).credentials
        if try store.profiles(of: base.meshSlug).contains(name) {
            return try store.load(mesh: base.meshSlug, profile: name)
        }
        return (try store.addSession(to: base, profile: name, label: name), name)
    }

    private func ready(_ credentials: Credentials, _ profile: String, _ out: Printer) {
        if out.isJSON {
            out.put(
                Printer.line([
                    "type": "ready", "mesh": .string(credentials.meshSlug), "meshId": .string(credentials.meshID),
                    "member": .string(credentials.memberName), "profile": .string(profile),
                    "label": credentials.label.map { .string($0) } ?? .null,
                    "session": .string(credentials.sessionKey.publicKey.hex),
                ]))
        } else {
            let label = credentials.label.map { "/" + $0 } ?? ""
            out.note("Listening in \(credentials.meshSlug) as \(credentials.memberName)\(label). Ctrl-C ends.")
        }
    }

    /// Prints each message and hands it to the command; a message whose command failed stays unacknowledged, and the
    /// next one is taken. `enough` is called after as many messages as were asked for.
    private func messages(of client: MeshClient, _ out: Printer, enough: @escaping @Sendable () -> Void) async throws {
        let counter = Counter(limit: count)
        while !Task.isCancelled {
            do {
                return try await client.handleMessages { message in
                    guard await counter.mayTake() else { throw Unacknowledged() }
                    out.message(message)
                    if let exec { try await run(exec, message, out) }
                    guard await counter.isFullAfterOneMore() else { return }
                    _ = try await client.call(Acknowledge(messageIDs: [message.id]))
                    enough()
                }
            } catch is Unacknowledged {}
        }
    }

    /// The text as lines: `cat >> inbox.txt` keeps one message apart from the next.
    private static func lines(_ text: String) -> [UInt8] {
        Array(text.utf8) + (text.utf8.last == 0x0A ? [] : [0x0A])
    }

    private func run(_ command: String, _ message: Message, _ out: Printer) async throws {
        let child = ChildProcess(
            command: command,
            variables: [
                "MESH_FROM=\(message.from.name)", "MESH_FROM_KEY=\(message.from.memberKey?.hex ?? "")",
                "MESH_FROM_LABEL=\(message.from.label ?? "")",
                "MESH_FROM_SESSION=\(message.from.sessionKey?.hex ?? "")", "MESH_MESSAGE_ID=\(message.id)",
                "MESH_ENCRYPTED=\(message.isEncrypted ? "1" : "0")", "MESH_REPLY_TO=\(message.replyTo ?? "")",
            ],
            input: Self.lines(message.text), sendsOutputToStandardError: out.isJSON)
        let ending = await child.run()
        guard ending != .exited(0) else { return }
        out.event(
            "exec_failed", ["messageId": .string(message.id), "reason": .string(ending.text)],
            "\(ending.text); \(message.id) stays unacknowledged")
        throw Unacknowledged()
    }
}

/// Leaves a message unacknowledged: it comes again.
private struct Unacknowledged: Error {}

/// Counts messages up to a limit.
private actor Counter {
    private var taken = 0
    private let limit: Int

    init(limit: Int?) { self.limit = limit ?? .max }

    func mayTake() -> Bool { taken < limit }

    func isFullAfterOneMore() -> Bool {
        taken += 1
        return taken >= limit
    }
}
