import ArgumentParser
import MeshCore

/// The verbs of `mesh-cli member` that decide about others.
extension MemberNoun {
    /// `mesh-cli member rights NAME`
    struct Rights: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a member's role, and its rights beyond or below the role.",
            discussion: """
                send: messages and groups. write: shared state. admin: members, invites. The owner alone decides \
                about admins.

                Examples:
                  mesh-cli member rights pia --role observer
                  mesh-cli member rights pia --deny write
                  mesh-cli member rights bot --grant send --grant write
                  mesh-cli member rights pia --reset
                """)

        @Argument(help: "The member: a name or key.", completion: LiveNames.members)
        var member: String

        @Option(help: "Its new role: admin, member or observer.")
        var role: Role?

        @Option(help: "A right that it has whatever its role; may be repeated.")
        var grant: [Permission] = []

        @Option(help: "A right that it has not, whatever its role; may be repeated.")
        var deny: [Permission] = []

        @Flag(help: "Forget all grants and denials.")
        var reset = false

        @OptionGroup var options: GlobalOptions

        func validate() throws {
            guard role != nil || reset || !grant.isEmpty || !deny.isEmpty else {
                throw ValidationError("say what changes: --role, --grant, --deny or --reset")
            }
        }

        func execute(_ out: Printer) async throws {
            let changes = !grant.isEmpty || !deny.isEmpty || reset
            let rights = try await call(
                SetRights(member: member, role: role, grant: changes ? grant : nil, deny: changes ? deny : nil))
            try out.answer(rights) {
                "\(rights.name) is \(rights.role.rawValue) and may \(rights.may.map(\.rawValue).joined(separator: ", "))."
            }
        }
    }

    /// `mesh-cli member remove NAME`
    struct Remove: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a member out; a new invite lets it in again.",
            discussion: "Example: mesh-cli member remove pia")

        @Argument(help: "The member: a name or key.", completion: LiveNames.members)
        var member: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let removed = try await call(RemoveMember(member: member))
            try out.answer(removed) {
                Table.printable("Removed \(removed.name); \(removed.sessions) of its sessions ended.")
            }
        }
    }

    /// `mesh-cli member ban NAME`
    struct BanOut: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "ban", abstract: "Take a member out and refuse its key until it is unbanned.",
            discussion: "Example: mesh-cli member ban eve --reason spam")

        @Argument(help: "The member: a name, a key, or a unique key prefix.", completion: LiveNames.members)
        var member: String

        @Option(help: "Why; the ledger keeps its hash.")
        var reason: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let ban = try await call(Ban(target: member, reason: reason))
            try out.answer(ban) { Table.printable("Banned \(ban.banned).") }
        }
    }

    /// `mesh-cli member unban NAME`
    struct UnbanIn: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "unban", abstract: "Lift a ban.", discussion: "Example: mesh-cli member unban eve")

        @Argument(help: "The member: a name or key.", completion: LiveNames.members)
        var member: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let lifted = try await call(Unban(target: member))
            try out.answer(lifted) { Table.printable("\(lifted.unbanned) may come back.") }
        }
    }

    /// `mesh-cli member bans`
    struct Bans: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List banned members.", discussion: "Example: mesh-cli member bans")

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(ListBans())
            try out.answer(list, isAsked: true) {
                let now = SystemCalls.now()
                let rows = list.bans.map { [$0.name, Times.local(iso8601: $0.revokedAt, now: now), $0.pubkey.hex] }
                return out.table(Table("NAME", "SINCE", "KEY", rows: rows), empty: "Nobody is banned.")
            }
        }
    }

    /// `mesh-cli member kick NAME`
    struct KickOut: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "kick", abstract: "End a member's connections; it stays a member.",
            discussion: """
                Its programs end and stay away until somebody starts them again; with --reconnect they connect again.

                Examples:
                  mesh-cli member kick pia
                  mesh-cli member kick pia/laptop --reconnect
                  mesh-cli member kick --all
                """)

        @Argument(help: "A member or session: a name, name/label, or a key.", completion: LiveNames.members)
        var target: String?

        @Flag(help: "Everybody but yourself.")
        var all = false

        @Flag(help: "Let its programs connect again.")
        var reconnect = false

        @OptionGroup var options: GlobalOptions

        func validate() throws {
            guard (target == nil) == all else { throw ValidationError("name one, or say --all") }
        }

        func execute(_ out: Printer) async throws {
            let names: [String]
            if reconnect {
                names = try await call(Disconnect(target: target, all: all ? true : nil)).kicked
            } else {
                names = try await call(Kick(target: target, all: all ? true : nil)).kicked
            }
            out.result(["kicked": .array(names.map { .string($0) })]) {
                names.isEmpty ? "Nobody was connected." : Table.printable("Ended: \(names.joined(separator: ", ")).")
            }
        }
    }
}

/// The verbs of `mesh-cli peer` that decide what reaches this member.
extension PeerNoun {
    /// `mesh-cli peer block NAME`
    struct Block: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Get nothing from a member any more; it is not told.",
            discussion: """
                Its messages stay accepted for their sender until their time is over. With --only it may send that.

                Examples:
                  mesh-cli peer block eve
                  mesh-cli peer block eve --only dm
                """)

        @Argument(help: "The member: a name or key.", completion: LiveNames.members)
        var peer: String

        @Option(help: "What it still may send: dm or broadcast.")
        var only: [PeerGrant] = []

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(SetGrants(peer: peer, grants: only))
            try out.answer(list) { PeerNoun.table(list, out) }
        }
    }

    /// `mesh-cli peer unblock NAME`
    struct Unblock: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Get everything from a member again.", discussion: "Example: mesh-cli peer unblock eve")

        @Argument(help: "The member: a name or key.", completion: LiveNames.members)
        var peer: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(SetGrants(peer: peer, grants: nil))
            try out.answer(list) { PeerNoun.table(list, out) }
        }
    }

    /// `mesh-cli peer grants`
    struct Grants: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List members that may not send everything to you.", discussion: "Example: mesh-cli peer grants")

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(ListGrants())
            try out.answer(list, isAsked: true) { PeerNoun.table(list, out) }
        }
    }

    private static func table(_ list: GrantList, _ out: Printer) -> String {
        let rows = list.grants.map { row in
            [
                row.name, row.grants.isEmpty ? "nothing" : row.grants.map(\.rawValue).joined(separator: ", "),
                row.pubkey.hex,
            ]
        }
        return out.table(Table("MEMBER", "MAY SEND", "KEY", rows: rows), empty: "Everybody may send everything to you.")
    }
}
