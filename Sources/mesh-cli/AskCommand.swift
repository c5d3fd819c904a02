import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli ask TARGET TEXT`
struct AskCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Send a message and wait for the answer to it.",
        discussion: """
            The answer is the first message that replies to it (`send --reply-to`, or `reply` in the SDK). It is printed \
            and acknowledged. A `listen` of the same session takes it first.

            Example: mesh-cli ask pia 'is the build green?' --timeout 2m
            """)

    @Argument(help: "Whom to ask.", completion: LiveNames.targets)
    var target: String

    @Argument(help: "What to ask.")
    var text: String

    @Option(help: "How long to wait: 500ms, 10s, 5m.", transform: Span.parse)
    var timeout = Span(milliseconds: 60_000)

    @Option(help: "How urgent it is: now, next or low.")
    var priority: Priority = .next

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        var question = Outgoing(to: target, text: text)
        question.priority = priority
        let answer = try await withAPI { api -> Message? in
            let sent = try await api.send(question)
            return try await Self.answer(to: sent.messageID, timeout: timeout, api: api)
        }
        guard let answer else {
            throw Failure(
                .failure, "no_answer", "no answer came in time; the question is sent",
                hint: "look later: mesh-cli inbox")
        }
        if out.isJSON { out.put(Printer.line(answer.lineJSON)) } else { out.raw(answer.text + "\n") }
    }

    private static func answer(to id: String, timeout: Span, api: MeshAPI) async throws -> Message? {
        let end = SystemCalls.uptime() + timeout.milliseconds
        var pause = 20 as Int64
        while true {
            if let answer = try await api.inbox(limit: 200).first(where: { $0.replyTo == id }) {
                try await api.acknowledge([answer.id], read: true)
                return answer
            }
            let left = end - SystemCalls.uptime()
            if left <= 0 { return nil }
            try await Task.sleep(for: .milliseconds(min(pause, left)))
            pause = min(500, pause * 2)
        }
    }
}
