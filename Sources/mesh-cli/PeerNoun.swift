import ArgumentParser
import MeshCore

/// `mesh-cli peer …`
struct PeerNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peer", abstract: "Who is here, and who may send to you.",
        discussion: "Example: mesh-cli peer list --all",
        subcommands: [List.self, Verify.self, Block.self, Unblock.self, Grants.self])

    /// `mesh-cli peer list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the peers: who is connected and what they are doing.",
            discussion: "Example: mesh-cli peer list --all")

        @Flag(help: "Sessions that are away as well.")
        var all = false

        @OptionGroup var watching: WatchOptions
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try await watching.run(out) {
                let list = try await callAll(ListPeers(all: all ? true : nil))
                try out.answer(list, isAsked: true) {
                    let rows = list.peers.map { row(of: $0, now: SystemCalls.now()) }
                    return out.table(
                        Table("PEER", "STATUS", "CONNECTION", "SEEN", "GROUPS", "SUMMARY", "KEY", rows: rows),
                        empty: "Nobody is connected. A session comes with: mesh-cli listen")
                }
            }
        }

        private func row(of peer: PeersList.Peer, now: Int64) -> [String] {
            let name = peer.memberName + (peer.label.map { "/" + $0 } ?? "") + (peer.you == true ? " (you)" : "")
            return [
                name, peer.status.rawValue, peer.connection, Span.relative(iso8601: peer.lastSeenAt, now: now),
                peer.groups.map { "@" + $0.name }.joined(separator: " "), peer.summary ?? "",
                String(peer.pubkey.prefix(12)) + (peer.sessionProven ? "" : "?"),
            ]
        }
    }
}
