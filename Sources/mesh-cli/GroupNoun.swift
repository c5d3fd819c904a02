import ArgumentParser
import MeshCore

/// `mesh-cli group …`
struct GroupNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Groups: `send @NAME` reaches all who joined.",
        discussion: "Example: mesh-cli group join eng/web", subcommands: [Join.self, Leave.self, List.self])

    /// `mesh-cli group join NAME`
    struct Join: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Join a group; joining again changes the role.",
            discussion: "Example: mesh-cli group join eng/web --role lead")

        @Argument(help: "The group; nested names with `/`.")
        var name: String

        @Option(help: "What you are in it, free text.")
        var role: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let groups = try await call(JoinGroup(name: GroupNoun.bare(name), role: role))
            try out.answer(groups) { "Your groups: " + GroupNoun.text(groups.groups) }
        }
    }

    /// `mesh-cli group leave NAME`
    struct Leave: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave a group.", discussion: "Example: mesh-cli group leave eng/web")

        @Argument(help: "The group.")
        var name: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let groups = try await call(LeaveGroup(name: GroupNoun.bare(name)))
            try out.answer(groups) { "Your groups: " + GroupNoun.text(groups.groups) }
        }
    }

    /// `mesh-cli group list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all groups and who is in them.", discussion: "Example: mesh-cli group list")

        @OptionGroup var watching: WatchOptions
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try await watching.run(out) {
                let list = try await call(ListGroups())
                try out.answer(list, isAsked: true) {
                    let rows = list.groups.map { group in
                        [
                            "@" + group.name,
                            group.members.map { $0.name + ($0.label.map { "/" + $0 } ?? "") }.joined(separator: " "),
                        ]
                    }
                    return out.table(Table("GROUP", "MEMBERS", rows: rows), empty: "No groups.")
                }
            }
        }
    }

    /// The name without the `@` that targets have.
    private static func bare(_ name: String) -> String { name.dropping(mark: "@") }

    private static func text(_ groups: [GroupMembership]) -> String {
        let names = groups.map { "@" + $0.name + ($0.role.map { " (\($0))" } ?? "") }
        return names.isEmpty ? "none" : Table.printable(names.joined(separator: " "))
    }
}
