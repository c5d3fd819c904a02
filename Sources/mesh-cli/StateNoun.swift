import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli state …`
struct StateNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state", abstract: "What the mesh shares: keys with JSON values and versions.",
        discussion: "Example: mesh-cli state set build:status '{\"green\":true}'",
        subcommands: [Get.self, SetValue.self, CompareAndSet.self, Delete.self, List.self, Watch.self])

    /// `mesh-cli state get KEY`
    struct Get: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the value of a key.", discussion: "Example: mesh-cli state get build:status")

        @Argument(help: "The key.", completion: LiveNames.keys)
        var key: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let result = try await call(GetState(key: key))
            guard result.found else {
                throw MeshError(.notFound, "no key \(key)", hint: "mesh-cli state list shows all keys")
            }
            if out.isJSON { try out.answer(result) { "" } } else { out.raw(StateNoun.text(result.value) + "\n") }
        }
    }

    /// `mesh-cli state set KEY VALUE`
    struct SetValue: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set a key to a JSON value; what is not JSON is taken as a string.",
            discussion: """
                Valid JSON that the mesh does not keep (numbers out of 64 bits, more than 32 levels, a name twice) is \
                refused; in quotes, as '"1e400"', it is a string. `-` reads standard input.

                Examples:
                  mesh-cli state set sim:floor '{"n":1}'
                  mesh-cli state set offset -5
                """)

        @Argument(help: "The key.", completion: LiveNames.keys)
        var key: String

        @Argument(help: "The value.")
        var value: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let written = try await call(SetState(key: key, value: try StateNoun.value(of: value)))
            try out.answer(written, adding: ["key": .string(key)]) { StateNoun.text(written, key) }
        }
    }

    /// `mesh-cli state cas KEY VERSION VALUE`
    struct CompareAndSet: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "cas", abstract: "Set a key only if it has this version; 0: only if it does not exist.",
            discussion: "Example: mesh-cli state cas lock:deploy 0 '\"ada\"'")

        @Argument(help: "The key.", completion: LiveNames.keys)
        var key: String

        @Argument(help: "The version that it must have.")
        var version: Int64

        @Argument(help: "The new value.")
        var value: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let request = CompareAndSetState(key: key, expectedVersion: version, value: try StateNoun.value(of: value))
            let written = try await call(request)
            try out.answer(written, adding: ["key": .string(key)]) { StateNoun.text(written, key) }
        }
    }

    /// `mesh-cli state delete KEY`
    struct Delete: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a key.", discussion: "Example: mesh-cli state delete lock:deploy --version 3")

        @Argument(help: "The key.", completion: LiveNames.keys)
        var key: String

        @Option(help: "The version that it must have; any when absent.")
        var version: Int64?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let written = try await call(DeleteState(key: key, expectedVersion: version))
            try out.answer(written, adding: ["key": .string(key)]) { "Deleted \(Table.printable(key))." }
        }
    }

    /// `mesh-cli state list [PREFIX]`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List keys and values.", discussion: "Example: mesh-cli state list sim:")

        @Argument(help: "Only keys that begin with this.")
        var prefix: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await callAll(ListState(prefix: prefix))
            try out.answer(list, isAsked: true) { out.table(StateNoun.table(list.entries), empty: "No keys.") }
        }
    }

    /// `mesh-cli state watch [PREFIX]`
    struct Watch: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what is there, then every change, without making you a peer.",
            discussion: "Example: mesh-cli state watch sim: --json")

        @Argument(help: "Only keys that begin with this.")
        var prefix: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let credentials = try options.credentials().credentials
            try await LiveSession.run(credentials, attach: false, replace: false) { client in
                try await client.connected()
                for await update in try await client.watchState(prefix: prefix ?? "") { try out.update(update) }
                try await LiveSession.untilEnded()
            }
        }
    }

    /// JSON when it is JSON, else a string. Fails for JSON that the mesh does not keep: it must not become a string of
    /// the same letters.
    static func value(of argument: String) throws(Failure) -> JSON {
        let text = try TextInput.read(argument)
        do throws(JSONError) { return try JSON.parse(Array(text.utf8), limits: .value) } catch {
            guard error.kind.mayBeJSON else { return .string(text) }
            throw .usage(
                "VALUE is JSON that the mesh does not keep: \(error)",
                hint: "change it, or store it as a string by writing it in double quotes")
        }
    }

    /// A value for people: strings bare, the rest as JSON.
    static func text(_ value: JSON) -> String {
        value.stringValue.map { Table.printable($0, keepingLines: true) } ?? Table.printable(value.text)
    }

    /// Entries as a table.
    static func table(_ entries: [StateList.Entry]) -> Table {
        let now = SystemCalls.now()
        let rows = entries.map {
            [
                $0.key, "\($0.version)", text($0.value), $0.updatedBy, Times.local(iso8601: $0.updatedAt, now: now),
            ]
        }
        return Table("KEY", "VERSION", "VALUE", "BY", "CHANGED", rows: rows)
    }

    private static func text(_ written: StateWritten, _ key: String) -> String {
        "Set \(Table.printable(key))" + (written.version.map { ", version \($0)" } ?? "") + "."
    }
}
