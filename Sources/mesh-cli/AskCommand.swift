import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli ask TARGET TEXT`
struct AskCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Send a message and wait for the answer to it.",
        discussion: """
            The answer is the first message that replies to it (`send --reply-to`, or `reply` in the SDK) and comes from \
            somebody who was asked, sealed when the question is. It is printed and acknowledged. A `listen` of the same session takes it first.

            Example: mesh-cli ask pia 'is the build green?' --timeout 2m
            """)

    @Argument(help: "Whom to ask.", completion: LiveNames.targets)
    var target: String

    @Argument(help: "What to ask; standard input when absent or `-`.")
    var text: String?

    @Option(help: "How long to wait: 500ms, 10s, 5m.", transform: Span.parse)
    var timeout = Span(milliseconds: 60_000)

    @Option(help: "How urgent it is: now, next or low.")
    var priority: Priority = .next

    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        var question = Outgoing(to: target, text: try TextInput.message(text))
        question.priority = priority
        let answer = try await withAPI { api -> Message? in
            let (sent, asked) = try await api.sendQuestion(question)
            return try await Self.answer(to: sent.messageID, of: asked, timeout: timeout, api: api)
        }
        guard let answer else {
            throw Failure(
                .failure, "no_answer", "no answer came in time; the question is sent",
                hint: "look later: mesh-cli inbox")
        }
        if out.isJSON { out.put(Printer.line(answer.lineJSON)) } else { out.raw(out.shown(answer.text) + "\n") }
    }

    /// Looks only behind the question: what waited before it answers nothing, and may be more than one page.
    private static func answer(
        to id: String, of asked: AskedPeers, timeout: Span, api: MeshAPI
    ) async throws -> Message? {
        let end = SystemCalls.uptime() + timeout.milliseconds
        var after = id
        return try await Polling.last(timeout: timeout, isDone: { $0 != nil }) {
            // What was looked at once is not looked at again, and a broker that gives pages for ever is left in time.
            repeat {
                let page = try await api.inbox(limit: 200, after: after)
                guard let last = page.last else { break }
                for message in page where message.replyTo == id {
                    guard try await api.isAnswer(message, of: asked) else { continue }
                    try await api.acknowledge([message.id], read: true)
                    return message
                }
                after = last.id
            } while SystemCalls.uptime() < end
            return nil
        }
    }
}
