package import MeshCore

/// Who was asked a question: an answer counts when one of them gave it.
///
/// The id of a question is known to the broker, and to everybody whom it tells: that a message names it says nothing about
/// its sender.
package struct AskedPeers: Sendable {
    /// What a message is to the question.
    package enum Verdict: Sendable, Hashable {
        /// An answer.
        case answer
        /// An answer, if this session is the member's: only a key of the member's can tell.
        case answerOf(member: PublicKey, session: PublicKey)
        /// Something else.
        case other
    }

    private let isSealed: Bool
    private let isComplete: Bool
    private var sessions: Set<PublicKey> = []
    private var members: Set<PublicKey> = []
    /// Members of whom a session was asked for which they did not sign, as claudemesh clients cannot.
    private var unsigned: Set<PublicKey> = []

    init(_ resolved: Resolved, isSealed: Bool) {
        self.isSealed = isSealed
        isComplete = resolved.recipientCount == nil
        for recipient in resolved.recipients {
            members.insert(recipient.member)
            if let session = recipient.session { sessions.insert(session) }
            if !recipient.isSignedFor { unsigned.insert(recipient.member) }
        }
    }

    /// Looks at a message that names the question. A sealed question has no plain answer: everybody could have written it.
    package func judge(_ message: Message) -> Verdict {
        if isSealed {
            guard message.isEncrypted, let session = message.from.sessionKey else { return .other }
            if sessions.contains(session) { return .answer }
            guard let member = message.from.memberKey, members.contains(member) else { return .other }
            return session == member ? .answer : .answerOf(member: member, session: session)
        }
        // Not everyone is named where the answer would be too long; nothing was secret there.
        guard isComplete else { return .answer }
        let isKnown =
            message.from.sessionKey.map { sessions.contains($0) } == true
            || message.from.memberKey.map { members.contains($0) } == true
        return isKnown ? .answer : .other
    }

    /// Whether what a session's key resolves to shows that it is the member's: in the member's signature, or, where the member
    /// was asked without one, in the broker's word.
    func accepts(_ resolved: Resolved, member: PublicKey, session: PublicKey, meshID: String) -> Bool {
        resolved.recipients.contains { recipient in
            guard recipient.session == session, recipient.member == member else { return false }
            guard let binding = recipient.binding else { return unsigned.contains(member) }
            return member.verifies(
                binding, of: SignedText.sessionBinding(meshID: meshID, member: member, session: session))
        }
    }
}

/// Messages that name a question, until it is known whether they answer it.
final class PossibleAnswers: Sendable {
    /// A message as it came, and opened.
    typealias Item = (push: MessagePush, message: Message)
    /// More are not kept: they are taken for ordinary messages.
    private static let limit = 16
    /// The messages, in the order in which they came.
    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation

    init() { (items, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit)) }

    /// Keeps a message; false when it is not taken.
    func take(_ item: Item) -> Bool {
        if case .enqueued = continuation.yield(item) { return true }
        return false
    }

    /// Takes no more.
    func finish() { continuation.finish() }
}
