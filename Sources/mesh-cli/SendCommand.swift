import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli send TARGET TEXT`
struct SendCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Send a message.",
        discussion: """
            TARGET is a name, name/label, session or member key, unique key prefix, @group, #topic, * for everyone, or \
            several of these with commas. What goes to named peers is sealed: the broker cannot read it. Groups, \
            topics and * are plain text. @name in a text to a topic mentions a member. Without TEXT, or with `-`, it reads \
            standard input; one line end at its end goes. Put -- before a text that looks like an option. The same --id \
            with the same target and text is the same message, whenever and wherever it is sent again.

            Examples:
              mesh-cli send pia 'the build is green'
              mesh-cli send @eng --priority now < report.txt
              mesh-cli send '#deploys' 'api 1.4 is out, @pia please look'
              mesh-cli send pia 'now?' --wait delivered --timeout 5s
              mesh-cli send pia 'offer: 40' --receipt offer.proof
            """)

    @Argument(help: "Whom it addresses.", completion: LiveNames.targets)
    var target: String

    @Argument(help: "What it says; standard input when absent or `-`.")
    var text: String?

    @Option(help: "How urgent it is: now, next or low.")
    var priority: Priority = .next

    @Option(help: "Wait until every recipient has it: delivered.")
    var wait: WaitGoal?

    @Option(help: "How long to wait: 500ms, 10s, 5m; 10s when absent.", transform: Span.parse)
    var timeout = Span(milliseconds: 10_000)

    @Option(help: ArgumentHelp("The message that this one answers.", valueName: "id"))
    var replyTo: String?

    @Option(help: "How long it may wait for its recipients: 1s to 30d; 7d when absent.", transform: Span.parse)
    var ttl: Span?

    @Option(
        help: ArgumentHelp(
            "Your own id, for trying again: the broker keeps one message that has it.", valueName: "id"))
    var id: String?

    @Option(
        help: ArgumentHelp(
            "Save the broker's signed receipt here: proof that the ledger has the message's acceptance.",
            valueName: "file"))
    var receipt: String?

    @Flag(help: "Allow plain text where it cannot be sealed, when the mesh allows that.")
    var plaintext = false

    @OptionGroup var replacing: ReplaceOption
    @OptionGroup var options: GlobalOptions

    func execute(_ out: Printer) async throws {
        try FileArgument.refuseDash(receipt, "--receipt")
        try replacing.check(receipt)
        let outgoing = try outgoing()
        let (sent, status, missing) = try await withAPI { api in
            let sent = try await api.send(outgoing)
            // It is sent, whatever follows: who waits knows so at once.
            if wait != nil { out.say(Self.sentLine(sent)) }
            let missing = await saveReceipt(of: sent.messageID, api)
            guard wait != nil else { return (sent, MessageStatus?.none, missing) }
            return (sent, try await SendWait.settled(sent.messageID, timeout: timeout, api, out), missing)
        }
        report(outgoing, sent, status, out)
        if let missing {
            out.warn(
                "warning: there is no receipt: \(missing). Ask later: mesh-cli ledger prove \(ShellWord.quoted(sent.messageID))"
            )
            throw Ended(status: .failure)
        }
        if let status, let verdict = SendWait.verdict(status, timeout) {
            out.warn(verdict)
            throw Ended(status: .failure)
        }
    }

    /// Saves the receipt when one was asked for; gives what stands against it.
    private func saveReceipt(of id: String, _ api: MeshAPI) async -> (any Error)? {
        guard let receipt else { return nil }
        do {
            let proof = try await api.signedProof(ProveEntry(messageId: id), isOwn: true)
            try replacing.write(Array(proof.answer.proof.utf8), to: receipt)
            return nil
        } catch { return error }
    }

    private func outgoing() throws(Failure) -> Outgoing {
        let targets = target.unicodeScalars.split(separator: ",").map { Substring($0).trimmed() }.filter { !$0.isEmpty }
        guard !targets.isEmpty else { throw .usage("TARGET is empty", hint: "a name, a key, @group, #topic or *") }
        var outgoing = Outgoing(target: TargetSpec(targets), text: try TextInput.message(text))
        outgoing.priority = priority
        outgoing.replyTo = replyTo
        outgoing.ttlMillis = ttl?.milliseconds
        outgoing.allowPlaintext = plaintext
        if targets.contains(where: { $0.begins(with: "#") }) {
            outgoing.mentions = TopicNoun.mentions(in: outgoing.text)
        }
        if let id { outgoing.clientMessageID = id }
        return outgoing
    }

    private func report(_ outgoing: Outgoing, _ sent: SendResult, _ status: MessageStatus?, _ out: Printer) {
        var fields = outgoing.lineJSON(id: sent.messageID)
        fields["status"] = .string(status?.status ?? "accepted")
        fields["recipients"] = .integer(Int64(sent.recipients))
        fields["duplicate"] = .bool(sent.isDuplicate)
        if let status {
            fields["delivered"] = .bool(status.delivered)
            fields["receipts"] = .array(status.recipients.map(\.json))
        }
        out.result(fields) { status.map { out.receipts($0.recipients) } ?? Self.sentLine(sent) }
    }

    /// What became of a send, in a sentence.
    static func sentLine(_ sent: SendResult) -> String {
        let id = Table.printable(sent.messageID)
        let people =
            switch sent.recipients {
            case 0: "nobody else is there now; a topic keeps it in its history"
            case 1: "to 1 recipient"
            default: "to \(sent.recipients) recipients"
            }
        return sent.isDuplicate
            ? "Not sent again: \(id) is a duplicate, \(people)."
            : "Sent \(id)\(sent.recipients == 0 ? ":" : "") \(people)."
    }
}

extension Printer {
    /// What happened to a message, a row for each recipient.
    func receipts(_ receipts: [RecipientReceipt]) -> String {
        let now = SystemCalls.now()
        let rows = receipts.map {
            [
                $0.shownName, $0.state.rawValue, $0.reason ?? "", "\($0.attempts)",
                Times.local($0.updatedAt, now: now), String($0.pubkey.hex.prefix(12)),
            ]
        }
        return table(
            Table("RECIPIENT", "STATE", "REASON", "ATTEMPTS", "CHANGED", "KEY", rows: rows), empty: "No recipients.")
    }
}

extension StringProtocol {
    /// The text without blanks at its ends.
    func trimmed() -> String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }
}
