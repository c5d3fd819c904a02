import ArgumentParser
import MeshCore
import MeshSDK
import MeshSim

extension SimNoun {
    /// `mesh-cli sim command CONTROLLER ORDER`
    struct Command: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "command", abstract: "Order something of a simulation that is served.",
            discussion: """
                ORDER is pause, resume, step, stop, speed, hand_over, readmit or act; what it takes is given as name=value, a \
                JSON value or bare text. Owner and admins of the mesh may, and whom the controller allows.

                Examples:
                  mesh-cli sim command store pause
                  mesh-cli sim command store step ticks=5
                  mesh-cli sim command store speed pace=realTime times=10 tickMillis=1000
                  mesh-cli sim command store hand_over seat=customer-3 mind=human
                  mesh-cli sim command store act action=announce arguments='{"text":"closing"}'
                """)

        @Argument(help: "The controller: its name in the mesh, or its session key.", completion: LiveNames.targets)
        var controller: String
        @Argument(help: "What to do.")
        var order: String
        @Argument(help: ArgumentHelp("What it takes.", valueName: "name=value"))
        var arguments: [String] = []
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            var fields = JSONObject()
            for word in arguments {
                guard let sign = word.firstIndex(of: "=") else {
                    throw Failure.usage("\(word): what an order takes is given as name=value", hint: "step ticks=5")
                }
                fields[String(word[..<sign])] = try ParameterSet.value(of: String(word[word.index(after: sign)...]))
            }
            // Counted by the clock: orders of one member rise although no two runs of this program know of each other.
            var command = SimCommand(sequence: SystemCalls.now(), command: order, arguments: .object(fields))
            // The controller knows members by their keys alone; a name is looked up here, when all the rest is right.
            let heir = order == "hand_over" ? fields["member"].map { $0.stringValue ?? $0.text } : nil
            if heir != nil { fields["member"] = nil }
            do { _ = try SimOrder(SimCommand(sequence: 1, command: order, arguments: .object(fields))) } catch {
                throw Failure.usage(error.message, hint: error.hint)
            }
            if let heir {
                fields["member"] = .string(try await key(of: heir).hex)
                command.arguments = .object(fields)
            }
            var outgoing = Outgoing(to: controller, text: try SimMessage.command(command).text())
            outgoing.priority = .now
            let message = outgoing
            let sent = try await withAPI { try await $0.send(message) }
            out.result(["messageId": .string(sent.messageID), "order": .string(order)]) { "Ordered \(order)." }
        }

        /// The key of a member that is given by its name or its key.
        private func key(of member: String) async throws -> PublicKey {
            if let key = PublicKey(hex: member) { return key }
            let members = try await withAPI { try await $0.call(ListMembers()).members }
            if let found = members.first(where: { $0.name == member }) { return found.pubkey }
            let near = Nearest.names(to: member, among: members.map(\.name), limit: 2)
            throw MeshError(
                .notFound, "no member is called \(member)",
                hint: near.isEmpty ? "mesh-cli member list" : "did you mean \(near.joined(separator: " or "))?")
        }
    }
}
