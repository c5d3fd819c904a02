import ArgumentParser
import MeshCore

/// `mesh-cli member …`
struct MemberNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member", abstract: "Who belongs to the mesh, and what they may do.",
        discussion: "Example: mesh-cli member list",
        subcommands: [
            Add.self, List.self, Rights.self, Remove.self, KickOut.self, BanOut.self, UnbanIn.self, Bans.self,
        ])

    /// `mesh-cli member add`
    struct Add: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a member that made its own key.",
            discussion: "Example: mesh-cli member add --name pia --pubkey 3b6a...29 --role member")

        @Option(help: "The member's name, unique in the mesh.")
        var name: String

        @Option(help: ArgumentHelp("The member's ed25519 public key, 64 hex characters.", valueName: "hex"))
        var pubkey: String

        @Option(help: "Its role: admin, member or observer.")
        var role: Role?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try Names.checkName(Names.normalised(name))
            guard let key = PublicKey(anyCaseHex: Pasted.word(pubkey)) else {
                throw Failure.usage("--pubkey: \(pubkey) is not a public key", hint: "64 hex characters")
            }
            try key.requireUsable(field: "--pubkey")
            let added = try await call(AddMember(name: name, pubkey: key, role: role))
            try out.answer(added) {
                Table.printable("Added \(added.name) (\(added.role.rawValue)), member id \(added.memberId).")
            }
        }
    }

    /// `mesh-cli member list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the members, in the order of joining.", discussion: "Example: mesh-cli member list")

        @OptionGroup var watching: WatchOptions
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try await watching.run(out) {
                let list = try await callAll(ListMembers())
                try out.answer(list, isAsked: true) {
                    let now = SystemCalls.now()
                    let rows = list.members.map {
                        [
                            $0.name, $0.role.rawValue, "\($0.online)/\($0.sessions)",
                            Times.local(iso8601: $0.joinedAt, now: now),
                            $0.pubkey.hex,
                        ]
                    }
                    return out.table(Table("NAME", "ROLE", "ONLINE", "JOINED", "KEY", rows: rows), empty: "No members.")
                }
            }
        }
    }
}
