import ArgumentParser
import MeshCore

/// `mesh-cli message …`
struct MessageNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message", abstract: "What became of messages.",
        discussion: "Example: mesh-cli message status 4t8zq0m1c5xkd",
        subcommands: [Status.self, Dead.self])

    /// `mesh-cli message status ID`
    struct Status: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "What happened to a message, for each recipient.",
            discussion: """
                held: waits, with a reason. offered: pushed, not acknowledged yet. delivered, read, answered: the \
                recipient has it. expired, rejected: nothing more will be tried.

                Example: mesh-cli message status 4t8zq0m1c5xkd
                """)

        @Argument(help: "The message's id, or a unique prefix of 8 characters or more.")
        var id: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let status = try await call(GetMessageStatus(messageId: id))
            out.result(status.lineJSON, isAsked: true) {
                Table.printable("Message \(status.messageId) to \(status.targetSpec): \(status.status).") + "\n"
                    + out.receipts(status.recipients)
            }
        }
    }

    /// `mesh-cli message dead`
    struct Dead: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Your messages that expired or were refused, newest first.",
            discussion: "Example: mesh-cli message dead --limit 10")

        @Option(help: "At most this many, 1 to 200; 50 when absent.")
        var limit: Int?

        @OptionGroup var watching: WatchOptions
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try await watching.run(out) {
                let dead = try await call(ListDeadLetters(limit: limit))
                let messages = JSON.array(dead.letters.map { .object($0.lineJSON) })
                out.result(["messages": messages], isAsked: true) {
                    let now = SystemCalls.now()
                    let rows = dead.letters.map {
                        [
                            $0.messageId, $0.targetSpec, $0.recipient.name, $0.recipient.state.rawValue,
                            $0.recipient.reason ?? "", Times.local($0.recipient.updatedAt, now: now),
                        ]
                    }
                    return out.table(
                        Table("MESSAGE", "TARGET", "RECIPIENT", "STATE", "REASON", "SINCE", rows: rows),
                        empty: "No dead letters.")
                }
            }
        }
    }
}
