import ArgumentParser
import MeshCore
import MeshSDK

extension LedgerNoun {
    /// `mesh-cli ledger keys`
    struct Keys: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "The keys that sign checkpoints, each admitted by the owner.",
            discussion: "Example: mesh-cli ledger keys --json")

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let keys = try await withAPI { try await $0.logKeys() }
            LedgerNoun.show(keys, out, isAsked: true)
        }
    }

    /// `mesh-cli ledger rotate-key`
    struct RotateKey: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key", abstract: "Have another key sign checkpoints from now on; for the owner.",
            discussion: """
                The broker holds the new key ready; your signature admits it, and the ledger shows that. What the old \
                key signs for later entries is refused by whoever has the ledger up to then. Do it when the broker's folder may have been read by \
                others.

                Example: mesh-cli ledger rotate-key
                """)

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let credentials = try options.credentials().credentials
            let node = try await MeshAPI.node(broker: credentials.broker, group: EventLoops.shared)
            let keys = try await withAPI(of: credentials) { try await $0.rotateLogKey(node: node) }
            LedgerNoun.show(keys, out, isAsked: false)
        }
    }

    private static func show(_ keys: LogKeys, _ out: Printer, isAsked: Bool) {
        let terms: [JSON] = keys.terms.map {
            ["key": .string(NoteKey(name: keys.origin, key: $0.key).text), "admitted": .integer($0.seq)]
        }
        out.result(["origin": .string(keys.origin), "keys": .array(terms)], isAsked: isAsked) {
            out.table(
                Table(
                    "ADMITTED BY ENTRY", "KEY",
                    rows: keys.terms.map { ["\($0.seq)", NoteKey(name: keys.origin, key: $0.key).text] }),
                empty: "")
        }
    }
}
