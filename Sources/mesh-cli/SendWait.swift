import MeshCore
import MeshSDK

/// What `send --wait` shows while it waits: who has not got the message, and why.
struct SendWait {
    private let out: Printer
    private let started = SystemCalls.uptime()
    private var said: String?

    /// A recipient that answers is quicker than anybody reads: it is spoken of after this time.
    private static let patienceMillis = 1_000 as Int64
    /// At most so many are named.
    private static let named = 3

    private init(_ out: Printer) { self.out = out }

    /// Asks until every recipient has the message or nothing more will be tried, or the time is over. What it waits for
    /// goes to standard error, once for each change.
    static func settled(_ id: String, timeout: Span, _ api: MeshAPI, _ out: Printer) async throws -> MessageStatus {
        var waiting = SendWait(out)
        return try await Polling.last(
            timeout: timeout, isDone: { $0.delivered || $0.recipients.allSatisfy(\.state.isFinal) }
        ) {
            let status = try await api.call(GetMessageStatus(messageId: id))
            waiting.see(status)
            return status
        }
    }

    private mutating func see(_ status: MessageStatus) {
        let isEarly = SystemCalls.uptime() - started < Self.patienceMillis
        guard !status.delivered, let text = Self.text(status, isEarly: isEarly), text != said else { return }
        said = text
        out.note(text)
    }

    /// What is waited for; nil when there is nothing to say yet.
    static func text(_ status: MessageStatus, isEarly: Bool) -> String? {
        let waiting = status.recipients.filter { $0.state == .held || ($0.state == .offered && !isEarly) }
        guard !waiting.isEmpty else { return nil }
        let names = waiting.prefix(named).map { "\(Table.printable($0.shownName)) \(why($0))" }
        let more = waiting.count > named ? ", and \(waiting.count - named) more" : ""
        return "waiting: " + names.joined(separator: ", ") + more
    }

    /// Why a wait ended without success; nil when everybody has it.
    static func verdict(_ status: MessageStatus, _ timeout: Span) -> String? {
        guard !status.delivered else { return nil }
        let isOver = status.recipients.allSatisfy(\.state.isFinal)
        return isOver
            ? "not delivered: nothing more will be tried"
            : "not delivered within \(timeout.text); it stays with the broker: mesh-cli message status \(ShellWord.quoted(status.messageId))"
    }

    private static func why(_ recipient: RecipientReceipt) -> String {
        guard recipient.state == .held else { return "has not acknowledged it" }
        return switch recipient.reason.flatMap(HoldReason.init(rawValue:)) {
        case .away: "is away"
        case .working: "is working"
        case .dnd: "does not want to be disturbed"
        case .behind: "has others to take first"
        case .window: "has too many that it did not acknowledge"
        case .inbox: "looks into its inbox later"
        case .gone: "has gone for good: that session does not come back"
        case nil: "does not get it yet" + (recipient.reason.map { " (\(Table.printable($0)))" } ?? "")
        }
    }
}

extension RecipientReceipt {
    /// The name, and the session's label behind it.
    var shownName: String { name + (label.map { "/" + $0 } ?? "") }
}
