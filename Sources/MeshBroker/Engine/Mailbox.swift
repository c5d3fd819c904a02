import DequeModule
import MeshCore

/// One unfinished delivery in the recipient's mailbox: 32 bytes, since a message for everybody makes one for each.
struct Pending: Hashable {
    /// The message's number.
    var message: Int64
    /// Unix milliseconds when the message was accepted.
    var acceptedAt: Int64
    /// Unix milliseconds of the last offer; 0 if it was never offered.
    var offeredAt: Int64 = 0
    private var size: Int32 = 0
    private var tries: Int16
    var priority: Priority

    init(message: Int64, priority: Priority, acceptedAt: Int64, attempts: Int = 0) {
        self.message = message
        self.acceptedAt = acceptedAt
        self.priority = priority
        tries = Int16(clamping: attempts)
    }

    /// How often it was offered; counted up to 32,767.
    var attempts: Int {
        get { Int(tries) }
        set { tries = Int16(clamping: newValue) }
    }
    /// The approximate size of its offer in bytes; 0 if it was not offered since the mesh was opened.
    var bytes: Int {
        get { Int(size) }
        set { size = Int32(clamping: newValue) }
    }
}

/// Deliveries by message, ascending. Most are added at the end and taken from the beginning.
struct Offers {
    private var line: Deque<Pending> = []
    /// The maximum count since the line's memory was allocated.
    private var most = 0
    var count: Int { line.count }
    /// All deliveries, oldest first.
    var values: [Pending] { Array(line) }

    /// The index of a message, or where it would be inserted.
    private func place(_ message: Int64) -> Int {
        guard let last = line.last, last.message >= message else { return line.count }
        var (low, high) = (0, line.count)
        while low < high {
            let middle = (low + high) / 2
            if line[middle].message < message { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The delivery of a message.
    subscript(message: Int64) -> Pending? {
        let place = place(message)
        return place < line.count && line[place].message == message ? line[place] : nil
    }

    /// Inserts a delivery at its position; returns the one that was there.
    mutating func update(_ pending: Pending) -> Pending? {
        let place = place(pending.message)
        guard place < line.count else {
            line.append(pending)
            most = max(most, line.count)
            return nil
        }
        guard line[place].message == pending.message else {
            line.insert(pending, at: place)
            return nil
        }
        defer { line[place] = pending }
        return line[place]
    }

    /// Removes a delivery.
    mutating func remove(_ message: Int64) -> Pending? {
        let place = place(message)
        guard place < line.count, line[place].message == message else { return nil }
        defer {
            // The memory of many is released once they are gone; that of a few is reused for every message.
            if line.isEmpty, most > 64 { (line, most) = ([], 0) }
        }
        return line.remove(at: place)
    }
}

/// What waits for one session: held messages by priority in the order of acceptance, and open offers. A class, because
/// every delivery changes it in place; it belongs to the writer's state alone.
final class Mailbox {
    private var held: [Deque<Pending>] = [Deque(), Deque(), Deque()]
    /// Offers without an acknowledgement, by message.
    private(set) var offered = Offers()
    /// The approximate size of those in bytes.
    private(set) var offeredBytes = 0
    /// When the last timer for the leases of its offers was armed, Unix milliseconds.
    var leaseDue: Int64 = 0
    /// Whether anything waits to be offered.
    var isHolding: Bool { !(held[0].isEmpty && held[1].isEmpty && held[2].isEmpty) }
    /// Whether nothing more is offered until something is acknowledged: a connection's buffer must hold all of it.
    var isWindowFull: Bool {
        offered.count >= DeliveryPolicy.window || offeredBytes >= DeliveryPolicy.windowBytes
    }

    /// All unfinished deliveries.
    var count: Int { held[0].count + held[1].count + held[2].count + offered.count }

    /// Whether nothing is held in a lane: only then may a new delivery be offered.
    func isClear(_ priority: Priority) -> Bool { held[priority.rank].isEmpty }

    /// The next held message of a priority.
    func front(_ priority: Priority) -> Pending? { held[priority.rank].first }

    /// Everything unfinished, oldest first.
    var all: [Pending] { (held[0] + held[1] + held[2] + offered.values).sorted { $0.message < $1.message } }

    func hold(_ pending: Pending) { held[pending.priority.rank].append(pending) }
    func popFront(_ priority: Priority) -> Pending? { held[priority.rank].popFirst() }
    func offer(_ pending: Pending) {
        offeredBytes += pending.bytes - (offered.update(pending)?.bytes ?? 0)
    }

    /// Holds what was offered on a connection that is gone, at its position among the others.
    func takeBack(_ pending: Pending) {
        if let offer = offered.remove(pending.message) { offeredBytes -= offer.bytes }
        insert(pending)
    }

    /// Holds a delivery at its position among the others, whatever was added in between.
    func insert(_ pending: Pending) {
        let lane = held[pending.priority.rank]
        guard let last = lane.last, last.message > pending.message else {
            return held[pending.priority.rank].append(pending)
        }
        let place = lane.firstIndex { $0.message > pending.message } ?? lane.endIndex
        held[pending.priority.rank].insert(pending, at: place)
    }

    /// Whether a delivery waits, offered or held.
    func contains(_ message: Int64) -> Bool { offered[message] != nil || place(of: message) != nil }

    /// Removes a delivery, offered or held.
    func remove(_ message: Int64) -> Pending? {
        if let pending = offered.remove(message) {
            offeredBytes -= pending.bytes
            return pending
        }
        return place(of: message).map { held[$0.rank].remove(at: $0.index) }
    }

    /// The position of a held delivery.
    private func place(of message: Int64) -> (rank: Int, index: Int)? {
        for rank in held.indices {
            // Lanes are ascending by message.
            var low = 0
            var high = held[rank].count
            while low < high {
                let middle = (low + high) / 2
                if held[rank][middle].message < message { low = middle + 1 } else { high = middle }
            }
            if low < held[rank].count, held[rank][low].message == message { return (rank, low) }
        }
        return nil
    }
}

/// The messages that expire at one time. A class for the same reason as a mailbox. It stores no messages itself: those
/// of one time are close together, and most are finished long before.
final class ExpiryBucket {
    /// Those that were unfinished when the mesh was opened, oldest first.
    private(set) var loaded: [Int64] = []
    /// From the oldest to the newest added later; others may be in between.
    private(set) var messages: Range<Int64> = 0..<0

    func load(_ message: Int64) { if loaded.last != message { loaded.append(message) } }

    func insert(_ message: Int64) {
        messages =
            messages.isEmpty
            ? message..<message + 1 : min(messages.lowerBound, message)..<max(messages.upperBound, message + 1)
    }
}

/// A message with unfinished deliveries.
struct LiveMessage {
    /// Number of deliveries that are not final.
    var remaining: Int
    var expiresAt: Int64
    /// The session that requested receipts.
    var receiptsTo: SessionNumber?

    /// Messages that expire in the same span share a bucket: a second for short lives, a minute for long ones.
    static func bucket(_ expiresAt: Int64, acceptedAt: Int64) -> Int64 {
        let span: Int64 = expiresAt - acceptedAt < 3_600_000 ? 1_000 : 60_000
        return (expiresAt + span - 1) / span * span
    }
    var bucket: Int64
}

/// An idempotency key of one member: 128 bits of SHA-256 over the client message id, and the member.
struct SentKey: Hashable {
    private let high: UInt64
    private let low: UInt64

    init(member: MemberNumber, clientID: String) {
        var text = clientID
        self.init(member: member, hash: text.withUTF8 { Digest.sha256(UnsafeRawBufferPointer($0)) })
    }

    /// Takes the hash of the client message id. The member is multiplied by an odd number, so that no two results are
    /// equal.
    init(member: MemberNumber, hash: Digest) {
        let words = hash.leadingWords
        high = words.0 ^ (UInt64(bitPattern: member.rawValue) &* 0x9E37_79B9_7F4A_7C15)
        low = words.1
    }
}

extension DeliveryState {
    /// The state as stored in a delivery's row.
    var stored: Int64 {
        switch self {
        case .held: 0
        case .offered: 1
        case .delivered: 2
        case .read: 3
        case .answered: 4
        case .expired: 5
        case .rejected: 6
        }
    }

    init?(stored: Int64) {
        guard let state = Self.allCases.first(where: { $0.stored == stored }) else { return nil }
        self = state
    }
}

extension Recipient {
    /// The recipient as stored in a delivery's row: sessions are positive, members without a session negative.
    var stored: Int64 {
        switch self {
        case .session(let number): number.rawValue
        case .member(let number): -number.rawValue
        }
    }

    init(stored: Int64) {
        self = stored > 0 ? .session(SessionNumber(rawValue: stored)) : .member(MemberNumber(rawValue: -stored))
    }
}
