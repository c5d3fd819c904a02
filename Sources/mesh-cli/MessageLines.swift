import MeshCore
import MeshSDK

extension Message {
    /// The message for people: a line of facts, then the text; both cannot steer the terminal.
    func block(now: Int64) -> String {
        let sender = Table.printable(from.name + (from.label.map { "/" + $0 } ?? ""))
        var facts = [Span.relative(sentAt, now: now), isEncrypted ? "sealed" : "plain"]
        if kind != "direct" { facts.append("to " + Table.printable(target)) }
        if priority != .next { facts.append(priority.rawValue) }
        if attempt > 1 { facts.append("attempt \(attempt)") }
        if let replyTo { facts.append("answers " + replyTo.prefix(12)) }
        let lines = Table.printable(text, keepingLines: true).split(separator: "\n", omittingEmptySubsequences: false)
        return "\(sender)  (\(facts.joined(separator: ", ")))  \(id)\n" + lines.map { "  \($0)\n" }.joined()
    }
}

extension Printer {
    /// Prints a message as it comes.
    func message(_ message: Message) {
        if isJSON { put(Self.line(message.lineJSON)) } else { raw(message.block(now: SystemCalls.now())) }
    }

    /// Prints what happened.
    func event(_ name: String, _ data: JSONObject, _ text: String) {
        if isJSON {
            put(Self.line(["type": "event", "event": .string(name), "data": .object(data)]))
        } else {
            say("* " + Table.printable(text))
        }
    }
}
