import Synchronization

/// Output of one mesh that is made and not yet sent: answers by connection and by member, and outboxes on their way to
/// the I/O loops. The writer checks before it makes more; a release wakes it.
package final class AnswerBudget: Sendable {
    /// Unsent bytes of answers of one connection from which its next read waits; one answer more is made.
    static let perConnection = 256 << 10
    /// The same for all connections and HTTP calls of a member.
    static let perMember = 1 << 20
    /// Outboxes that the I/O loops may lag behind while work is queued.
    static let outboxes = 2

    /// The budget that is used up.
    enum Hit: String { case connection, member }

    private struct Held {
        var connections: [Turn.Place: Int] = [:]
        var owners: [Turn.Owner: Int] = [:]
        var outboxes = 0
        var isAwaited = false
        var resume: (@Sendable () -> Void)?
    }

    private let held = Mutex(Held())

    /// Sets how the writer is woken.
    func onRoom(_ resume: @escaping @Sendable () -> Void) { held.withLock { $0.resume = resume } }

    /// Counts an answer until its lease ends.
    func lease(_ bytes: Int, at place: Turn.Place) -> AnswerLease {
        held.withLock { held in
            held.connections[place, default: 0] += bytes
            held.owners[place.owner, default: 0] += bytes
        }
        return AnswerLease { [self] in giveBack(bytes, at: place) }
    }

    /// Unsent bytes of a member's answers.
    func bytes(of owner: Turn.Owner) -> Int { held.withLock { $0.owners[owner] ?? 0 } }

    private func giveBack(_ bytes: Int, at place: Turn.Place) {
        let resume = held.withLock { held -> (@Sendable () -> Void)? in
            Self.take(bytes, from: &held.connections, place)
            Self.take(bytes, from: &held.owners, place.owner)
            guard held.isAwaited, (held.connections[place] ?? 0) <= Self.perConnection / 2,
                (held.owners[place.owner] ?? 0) <= Self.perMember / 2
            else { return nil }
            held.isAwaited = false
            return held.resume
        }
        resume?()
    }

    private static func take<Key>(_ bytes: Int, from amounts: inout [Key: Int], _ key: Key) {
        let rest = (amounts[key] ?? 0) - bytes
        amounts[key] = rest > 0 ? rest : nil
    }

    /// The budget that prevents a read from being answered; the writer is then woken when there is room.
    func hit(at place: Turn.Place) -> Hit? {
        held.withLock { held in
            var hit: Hit?
            // Calls without a connection share the member's budget.
            if case .connection = place.lane, (held.connections[place] ?? 0) >= Self.perConnection { hit = .connection }
            if (held.owners[place.owner] ?? 0) >= Self.perMember { hit = .member }
            if hit != nil { held.isAwaited = true }
            return hit
        }
    }

    /// Counts an output until all loops have sent its share.
    func output() -> AnswerLease {
        held.withLock { $0.outboxes += 1 }
        return AnswerLease { [self] in
            let resume = held.withLock { held -> (@Sendable () -> Void)? in
                held.outboxes -= 1
                guard held.isAwaited, held.outboxes < Self.outboxes else { return nil }
                held.isAwaited = false
                return held.resume
            }
            resume?()
        }
    }

    /// Whether the I/O loops lag behind; the writer is then woken when they do not.
    func isBehind() -> Bool {
        held.withLock { held in
            guard held.outboxes >= Self.outboxes else { return false }
            held.isAwaited = true
            return true
        }
    }
}

/// Something that counts as held until nobody refers to it.
package final class AnswerLease: Sendable {
    private let end: @Sendable () -> Void
    init(_ end: @escaping @Sendable () -> Void) { self.end = end }
    deinit { end() }
}
