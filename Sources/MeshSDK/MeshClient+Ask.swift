public import MeshCore
import Synchronization

/// Questions: a message, and the answer to it.
extension MeshClient {
    /// Sends a message and waits for the answer to it: the first message whose `replyTo` it is. `Message.reply` makes one;
    /// it reaches exactly this session. It counts when it comes from somebody who was asked, and is sealed when the question
    /// is; the broker cannot make one up. The answer is acknowledged and is not handed to `messages`, as everything else is.
    /// Fails with what the send fails with, or `behind` when no answer came in time; the question stays sent then.
    public func ask(_ outgoing: Outgoing, timeoutMillis: Int64 = 60_000) async throws(MeshError) -> Message {
        let id = outgoing.clientMessageID
        let possible = PossibleAnswers()
        core.withLock { $0.askers[id] = .init(messageID: nil, asked: nil, answers: possible) }
        defer {
            core.withLock { _ = $0.askers.removeValue(forKey: id) }
            possible.finish()
        }
        _ = try await sendQuestion(outgoing) { asked in core.withLock { $0.askers[id]?.asked = asked } }
        let clock = configuration.clock
        let answer = await withTaskGroup(of: Message?.self) { tasks in
            tasks.addTask {
                await self.answer(among: possible, to: id)
            }
            tasks.addTask {
                try? await clock.sleep(for: .milliseconds(timeoutMillis))
                return nil
            }
            var found: Message?
            // An answer that is looked at when the time ends still is one: it is not lost.
            for await message in tasks {
                found = found ?? message
                tasks.cancelAll()
            }
            return found
        }
        possible.finish()
        for await (push, message) in possible.items { takeOver(push, message) }
        guard let answer else {
            throw MeshError(
                .behind, "no answer came within \(timeoutMillis) ms", hint: "the question is sent; ask for its status")
        }
        return answer
    }

    /// The first message that is an answer. The others are messages like all.
    private func answer(among possible: PossibleAnswers, to id: String) async -> Message? {
        for await (push, message) in possible.items {
            if let asked = core.withLock({ $0.askers[id]?.asked }), await isAnswer(message, of: asked) {
                acknowledge(push.messageId)
                return message
            }
            takeOver(push, message)
        }
        return nil
    }

    private func isAnswer(_ message: Message, of asked: AskedPeers) async -> Bool {
        switch asked.judge(message) {
        case .answer: return true
        case .other: return false
        case .answerOf(let member, let session):
            guard let resolved = try? await call(Resolve(targetSpec: TargetSpec([session.hex]))) else { return false }
            return asked.accepts(resolved, member: member, session: session, meshID: credentials.meshID)
        }
    }
}
