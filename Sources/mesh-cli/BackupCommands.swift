import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli backup …`
struct BackupNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy a mesh while it serves, and check the copy.",
        discussion: """
            Without a verb it makes one. It needs the broker's admin token ($MESH_ADMIN_TOKEN, or $MESHD_DATA on the \
            broker's machine); the file stays on that machine.

            Examples:
              mesh-cli backup
              mesh-cli backup list
            """,
        subcommands: [Create.self, List.self], defaultSubcommand: Create.self)

    /// `mesh-cli backup create`
    struct Create: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy a mesh and check every entry of its ledger.", discussion: "Example: mesh-cli backup create")

        @OptionGroup var address: AdminAddress
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let (broker, mesh) = try address.find(options)
            guard let mesh else { throw Failure.usage("which mesh?", hint: "name it with --mesh") }
            let facts = try await MeshAPI.backUp(
                mesh: mesh, broker: broker, adminToken: try AdminToken.find(), group: EventLoops.shared)
            try out.answer(facts) {
                """
                Copied \(Table.printable(facts.mesh)) to \(Table.printable(facts.path)) (\(facts.bytes) bytes).
                Its \(facts.entries) ledger entries hold\(facts.checkpointSize.map { ", signed up to \($0)" } ?? "").
                Put it back with: mesh-cli restore \(ShellWord.quoted(facts.file)) --replace
                """
            }
        }
    }

    /// `mesh-cli backup list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the backups on the broker's machine.", discussion: "Example: mesh-cli backup list")

        @OptionGroup var address: AdminAddress
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await MeshAPI.backups(
                broker: try address.find(options).broker, adminToken: try AdminToken.find(), group: EventLoops.shared)
            try out.answer(list, isAsked: true) {
                let now = SystemCalls.now()
                let rows = list.backups.map {
                    [
                        $0.file, $0.mesh ?? "?", $0.madeAt.map { Times.local(iso8601: $0, now: now) } ?? "-",
                        $0.entries.map(String.init) ?? "?", String($0.bytes),
                    ]
                }
                return out.table(
                    Table("FILE", "MESH", "MADE", "ENTRIES", "BYTES", rows: rows),
                    empty: "No backups in \(Table.printable(list.folder)).")
            }
        }
    }
}

/// `mesh-cli restore FILE`
struct RestoreCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Check a backup and put it in the place of its mesh.",
        discussion: """
            What the mesh did after the backup is lost; the file that is replaced is kept. The ledger says that it was \
            restored, and whoever kept a later checkpoint can prove the loss. FILE is a name of `mesh-cli backup list`, or the \
            path that `mesh-cli backup` printed.

            Example: mesh-cli restore lab-20261124T120000000Z.sqlite --replace
            """)

    @Argument(help: "The backup.")
    var file: String

    @Flag(help: "Replace the mesh that is there.")
    var replace = false

    @OptionGroup var address: AdminAddress
    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        // A path of this machine, made whole: the broker may be in another folder.
        let file = file.contains("/") ? SystemCalls.absolutePath(file) ?? file : file
        let facts = try await MeshAPI.restore(
            file: file, replace: replace, broker: try address.find(options).broker, adminToken: try AdminToken.find(),
            group: EventLoops.shared)
        try out.answer(facts) {
            "Restored \(Table.printable(facts.mesh)) with \(facts.entries) ledger entries."
                + (facts.replaced.map { "\nThe file that was there is \(Table.printable($0))." } ?? "")
        }
    }
}

/// Which broker an operator means.
struct AdminAddress: ParsableArguments {
    @Option(help: "The broker's address; the profile's, $MESH_BROKER, or http://127.0.0.1:7900, when absent.")
    var broker: String?

    /// The broker, and the mesh that is named or is the profile's.
    func find(_ options: GlobalOptions) throws -> (broker: String, mesh: String?) {
        let known = try? options.credentials().credentials
        let mesh = options.mesh ?? known?.meshID
        if broker == nil, let profile = known?.broker {
            let address = try BrokerAddress(parsing: profile)
            let variable = SystemCalls.environment("MESH_BROKER").flatMap { try? BrokerAddress(parsing: $0) }
            // Whoever invited this machine into a mesh does not get the token of another broker by that.
            guard address.isThisMachine || variable == address else {
                throw Failure.usage(
                    "the admin token is not sent to \(address.text) because a mesh of it was joined",
                    hint: "name the broker that the token is of: --broker ADDRESS")
            }
        }
        return (try BrokerChoice.address(broker, profile: known?.broker), mesh)
    }
}
