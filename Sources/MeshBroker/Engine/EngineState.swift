package import MeshCore
package import MeshStore

/// What a capability keeps in memory; rebuilt by its `Load` when a mesh is opened.
package protocol CapabilityMemory: AnyObject {
    init()
}

/// Facts about a mesh that never change.
package struct MeshFacts: Sendable, Hashable {
    /// The mesh's id.
    package var id: String
    /// Its name.
    package var slug: String
    /// The owner's public key.
    package var owner: PublicKey
    /// The node that signs the ledger.
    package var node: PublicKey
    /// Whether direct messages may be plain text when their sender requests it.
    package var allowsPlaintext: Bool

    /// The ledger's origin.
    package var origin: String { "mesh/\(id)" }
}

/// Everything that the decisions of one mesh read: its tables, and in memory the current part of the tables.
/// Confined to the mesh's writer.
package final class EngineState {
    package let database: Database
    package let facts: MeshFacts
    /// Everyone known.
    package var roster = Roster()
    /// What waits for each session.
    var mailboxes: [SessionNumber: Mailbox] = [:]
    /// Returns a session's mailbox, creating it if needed.
    func mailbox(of session: SessionNumber) -> Mailbox {
        if let mailbox = mailboxes[session] { return mailbox }
        let mailbox = Mailbox()
        mailboxes[session] = mailbox
        return mailbox
    }
    /// What waits for members that have no session yet.
    var memberMail: [MemberNumber: [Pending]] = [:]
    /// Messages that have an unfinished delivery.
    var live: [Int64: LiveMessage] = [:]
    /// Messages by the minute (or second) in which they expire.
    var expiry: [Int64: ExpiryBucket] = [:]
    /// The bucket that was used last: messages of one time share one.
    private var lastBucket: ExpiryBucket?
    private var lastBucketTime: Int64 = 0

    /// Returns the bucket of a time, and whether it was just created.
    private func bucket(_ time: Int64) -> (bucket: ExpiryBucket, isNew: Bool) {
        let known = expiry[time]
        let bucket = known ?? ExpiryBucket()
        if known == nil { expiry[time] = bucket }
        (lastBucket, lastBucketTime) = (bucket, time)
        return (bucket, known == nil)
    }

    /// Records that a new message expires at a time; true when it is the first for that time.
    func expires(_ message: Int64, at time: Int64) -> Bool {
        if time == lastBucketTime, let lastBucket {
            lastBucket.insert(message)
            return false
        }
        let (bucket, isNew) = bucket(time)
        bucket.insert(message)
        return isNew
    }

    /// Does the same for a message read from the tables; they are read in their order.
    func loads(_ message: Int64, expiringAt time: Int64) -> Bool {
        let (bucket, isNew) = bucket(time)
        bucket.load(message)
        return isNew
    }

    /// Removes and returns the unfinished messages that expire at a time, oldest first.
    func takeExpired(at time: Int64) -> [Int64] {
        lastBucket = nil
        guard let bucket = expiry.removeValue(forKey: time) else { return [] }
        let isDue = { (message: Int64) in self.live[message]?.bucket == time }
        let later = bucket.messages
        // The shorter of two: what may be there, or all that is unfinished.
        return bucket.loaded.filter(isDue)
            + (later.count <= live.count
                ? later.filter(isDue) : live.keys.filter { later.contains($0) && isDue($0) }.sorted())
    }
    /// Idempotency keys of retained messages.
    var sent: [SentKey: Int64] = [:]
    var timers = TimerQueue()
    var ledger: LedgerWriter
    /// Watches by connection; dropped with the connections.
    package var subscriptions = Subscriptions()
    /// Unix milliseconds of the batch that applies.
    package internal(set) var now: Int64 = 0
    /// The last batch that was applied.
    package internal(set) var applied: Int64 = 0
    /// Nothing expires before this time: after a long stop, or a clock that jumped, recipients get a chance to return.
    var expiryHeldUntil: Int64 = 0
    var nextMember: Int64 = 1
    var nextSession: Int64 = 1
    var nextMessage: Int64 = 1
    let messageIDs: MessageIDs
    /// What the frequent decisions need to know of sessions.
    var routes = Routes()
    private var nowWritten: (now: Int64, text: String)?
    /// The time of the batch in ISO 8601.
    var nowText: String {
        if let nowWritten, nowWritten.now == now { return nowWritten.text }
        let text = Timestamp.iso8601(now)
        nowWritten = (now, text)
        return text
    }
    private var memories: [ObjectIdentifier: any CapabilityMemory] = [:]

    /// Reads a mesh's tables into memory.
    init(database: Database, table: CapabilityTable) throws {
        self.database = database
        FailPoint.pass(.inRecovery)
        let meta = MetaTable(database)
        guard let id = try meta.text("mesh.id"), let slug = try meta.text("mesh.slug"),
            let owner = PublicKey(hex: try meta.text("mesh.owner") ?? ""),
            let node = PublicKey(hex: try meta.text("mesh.node") ?? "")
        else { throw MeshError(.storageFailed, "the file is not a complete mesh: its name is missing") }
        facts = MeshFacts(
            id: id, slug: slug, owner: owner, node: node, allowsPlaintext: try meta.int("mesh.plaintext") == 1)
        ledger = try LedgerWriter(database: database, origin: "mesh/\(id)")
        messageIDs = MessageIDs(factor: UInt64(bitPattern: try meta.int("message.factor") ?? 1))
        applied = try meta.int("applied") ?? 0
        now = try meta.int("now") ?? 0
        for load in table.loads { try load(self) }
    }

    /// The memory of a capability, created empty at first use.
    package func memory<Memory: CapabilityMemory>(_ type: Memory.Type) -> Memory {
        if let memory = memories[ObjectIdentifier(type)] as? Memory { return memory }
        let memory = Memory()
        memories[ObjectIdentifier(type)] = memory
        return memory
    }

    /// The member that a session belongs to.
    package func member(of session: SessionNumber) -> Member? {
        roster.sessions[session].flatMap { roster.members[$0.member] }
    }

    /// The session and the member of an actor.
    package func identity(of actor: Actor) -> (session: Session, member: Member)? {
        guard case .session(let number, _) = actor, let session = roster.sessions[number],
            let member = roster.members[session.member]
        else { return nil }
        return (session, member)
    }
}

/// Small facts of a mesh, by name.
package struct MetaTable {
    private let database: Database
    package init(_ database: Database) { self.database = database }

    package func text(_ key: String) throws -> String? {
        try database.prepare("SELECT value FROM meta WHERE key = ?").first(key) { $0.text(0) }
    }
    package func int(_ key: String) throws -> Int64? {
        try database.prepare("SELECT value FROM meta WHERE key = ?").first(key) { $0.int(0) }
    }
    package func set(_ key: String, _ value: Int64) throws {
        try database.prepare(hot: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value)
    }
    package func set(_ key: String, _ value: String) throws {
        try database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value)
    }
}

/// Makes public message ids from numbers: 13 characters that do not reveal how many messages a mesh has.
package struct MessageIDs: Sendable {
    /// Odd, so that multiplication by it modulo 2^64 is invertible.
    let factor: UInt64
    private let inverse: UInt64
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    private static let digits: [UInt8] = {
        var digits = [UInt8](repeating: 255, count: 256)
        for (digit, character) in alphabet.enumerated() { digits[Int(character)] = UInt8(digit) }
        return digits
    }()

    init(factor: UInt64) {
        self.factor = factor | 1
        var inverse = self.factor
        // Newton's iteration doubles the correct low bits each time: 3, 6, 12, 24, 48, 96.
        for _ in 0..<5 { inverse = inverse &* (2 &- self.factor &* inverse) }
        self.inverse = inverse
    }

    /// The public id of a message's number.
    package func id(_ seq: Int64) -> String {
        let mixed = mix(seq)
        return String(unsafeUninitializedCapacity: 13) { text in
            for place in 0..<13 {
                text[place] = Self.alphabet[Int(truncatingIfNeeded: mixed >> UInt64(60 - 5 * place)) & 31]
            }
            return 13
        }
    }

    /// The number of a public id; nil when it cannot be one.
    package func seq(_ id: String) -> Int64? {
        guard id.utf8.count == 13 else { return nil }
        var mixed: UInt64 = 0
        for (place, byte) in id.utf8.enumerated() {
            let digit = Self.digits[Int(byte)]
            guard digit < 32, place > 0 || digit < 16 else { return nil }
            mixed = mixed << 5 | UInt64(digit)
        }
        let seq = Int64(bitPattern: ((mixed ^ (mixed >> 32)) &* inverse))
        return seq > 0 ? seq : nil
    }

    /// The numbers in a range whose ids begin with a text, highest first, at most `limit`. Only the bits are compared:
    /// a million ids as texts would take long.
    package func numbers(beginning prefix: String, in range: Range<Int64>, limit: Int) -> [Int64] {
        var start: UInt64 = 0
        for (place, byte) in prefix.utf8.enumerated() {
            let digit = Self.digits[Int(byte)]
            guard digit < 32, place > 0 || digit < 16, place < 13 else { return [] }
            start = start << 5 | UInt64(digit)
        }
        let shift = UInt64(5 * (13 - prefix.utf8.count))
        var found: [Int64] = []
        for seq in range.reversed() where mix(seq) >> shift == start {
            found.append(seq)
            if found.count == limit { break }
        }
        return found
    }

    private func mix(_ seq: Int64) -> UInt64 {
        let product = UInt64(bitPattern: seq) &* factor
        return product ^ (product >> 32)
    }
}
