import MeshCore
import MeshSDK

extension Message {
    /// The message for people: a line of facts, then the text; both cannot steer the terminal.
    func block(now: Int64, colour: Colour) -> String {
        let sender = Table.printable(from.name + (from.label.map { "/" + $0 } ?? ""))
        var facts = [Times.local(sentAt, now: now), isEncrypted ? "sealed" : "plain"]
        if kind != "direct" { facts.append("to " + target) }
        if priority != .next { facts.append(priority.rawValue) }
        if attempt > 1 { facts.append("attempt \(attempt)") }
        if let replyTo { facts.append("answers " + replyTo.prefix(12)) }
        let lines = Table.printable(text, keepingLines: true).split(separator: "\n", omittingEmptySubsequences: false)
        let head =
            "\(colour(sender, .cyan))  " + colour(Table.printable("(\(facts.joined(separator: ", ")))  \(id)"), .dim)
        return head + "\n" + lines.map { "  \($0)\n" }.joined()
    }
}

extension Printer {
    /// Prints a message as it comes.
    func message(_ message: Message) {
        if isJSON {
            put(Self.line(message.lineJSON))
        } else {
            raw(message.block(now: SystemCalls.now(), colour: colour))
        }
    }

    /// Prints what happened.
    func event(_ name: String, _ data: JSONObject, _ text: String) {
        if isJSON {
            put(Self.line(["type": "event", "event": .string(name), "data": .object(data)]))
        } else {
            // Beside the messages: who reads standard output gets these alone.
            note("* " + Table.printable(text))
        }
    }
}
