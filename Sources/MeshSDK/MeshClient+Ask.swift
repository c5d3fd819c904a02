public import MeshCore
import Synchronization

/// Questions: a message, and the answer to it.
extension MeshClient {
    /// Sends a message and waits for the answer to it: the first message whose `replyTo` it is. `Message.reply` makes one;
    /// it reaches exactly this session. The answer is acknowledged and is not handed to `messages`. Fails with what the
    /// send fails with, or `behind` when no answer came in time; the question stays sent then.
    public func ask(_ outgoing: Outgoing, timeoutMillis: Int64 = 60_000) async throws(MeshError) -> Message {
        let id = outgoing.clientMessageID
        let (answers, continuation) = AsyncStream<Message>.makeStream(bufferingPolicy: .bufferingOldest(1))
        core.withLock { $0.askers[id] = .init(messageID: nil, take: { continuation.yield($0) }) }
        defer { core.withLock { _ = $0.askers.removeValue(forKey: id) } }
        _ = try await send(outgoing)
        let clock = configuration.clock
        let answer = await withTaskGroup(of: Message?.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                for await message in answers { return message }
                return nil
            }
            tasks.addTask {
                try? await clock.sleep(for: .milliseconds(timeoutMillis))
                return nil
            }
            return await tasks.next() ?? nil
        }
        guard let answer else {
            throw MeshError(
                .behind, "no answer came within \(timeoutMillis) ms", hint: "the question is sent; ask for its status")
        }
        return answer
    }
}
