import MeshCore
import MeshStore

/// A message as it is stored: everything that any of its pushes needs.
struct StoredMessage {
    static let encryptedFlag: Int64 = 1
    static let receiptsFlag: Int64 = 2

    /// What is only passed on.
    struct Extra: Codable {
        var senderPubkey: String
        var bodyVersion: Int?
        var fingerprint: String?
        var subtype: String?
        var mentions: [String]?
        var topic: String?

        /// The JSON that is stored; written by hand when it has only the most frequent fields.
        var text: String {
            get throws {
                guard bodyVersion == nil, subtype == nil, mentions == nil, topic == nil else {
                    return try JSONCoder.encode(self).text
                }
                guard let fingerprint else { return "{\"senderPubkey\":\"\(senderPubkey)\"}" }
                var bytes = Array("{\"senderPubkey\":\"\(senderPubkey)\",\"fingerprint\":".utf8)
                JSONWriter.write(fingerprint, to: &bytes)
                return String(decoding: bytes, as: UTF8.self) + "}"
            }
        }
    }

    /// One sealed copy, for one recipient.
    struct Copy {
        var recipient: Int64
        var nonce: String
        var ciphertext: String
        var bodyVersion: Int
        var key: PublicKey
    }

    /// One body for all recipients, or a copy for each.
    enum Body {
        case shared(nonce: String, ciphertext: String, key: PublicKey?)
        case copies([Copy])
        /// Deleted after its retention.
        case dropped
    }

    var seq: Int64
    var sender: SessionNumber
    var member: MemberNumber
    var target: String
    var kind: Resolution.Kind
    var priority: Priority
    var acceptedAt: Int64
    var expiresAt: Int64
    var clientID: String?
    var fingerprint: Digest
    var replyTo: Int64?
    var flags: Int64
    /// The ledger entry of its acceptance.
    var entry: Int64
    var extra: Extra
    var body: Body

    /// Whether all recipients get one body.
    var isShared: Bool { if case .shared = body { true } else { false } }

    /// The approximate size of an offer of it in bytes: the largest body, and the fields around it.
    var offerBytes: Int {
        let body =
            switch body {
            case .shared(_, let ciphertext, _): ciphertext.utf8.count
            case .copies(let copies): copies.map(\.ciphertext.utf8.count).max() ?? 0
            case .dropped: 0
            }
        return body + Self.offerOverhead
    }

    /// The approximate number of bytes read to offer it: the copies for all recipients, and the fields around them.
    var storedBytes: Int {
        guard case .copies(let copies) = body else { return offerBytes }
        return copies.reduce(Self.offerOverhead) { $0 + $1.ciphertext.utf8.count + 150 }
    }

    /// The approximate number of bytes of an offer around its body.
    static let offerOverhead = 900

    var isEncrypted: Bool { flags & Self.encryptedFlag != 0 }

    /// The push for one recipient. `nil` when its body is gone or holds no copy for it.
    func push(
        to recipient: Recipient, session: Session?, attempt: Int, _ state: EngineState
    ) -> MessagePush? {
        let nonce: String
        let ciphertext: String
        var version = extra.bodyVersion
        var sealedTo: PublicKey?
        switch body {
        case .shared(let sharedNonce, let sharedCiphertext, let key):
            (nonce, ciphertext, sealedTo) = (sharedNonce, sharedCiphertext, key)
        case .copies(let copies):
            guard let copy = copies.first(where: { $0.recipient == recipient.stored }) else { return nil }
            (nonce, ciphertext, version, sealedTo) = (copy.nonce, copy.ciphertext, copy.bodyVersion, copy.key)
        case .dropped: return nil
        }
        var push = MessagePush(
            messageId: state.messageIDs.id(seq), meshId: state.facts.id, senderPubkey: extra.senderPubkey,
            priority: priority, nonce: nonce, ciphertext: ciphertext, createdAt: Timestamp.iso8601(acceptedAt),
            attempt: attempt, kind: kind.rawValue, targetSpec: target, encrypted: isEncrypted)
        push.recipientKey = sealedTo
        push.bodyVersion = version
        push.replyToId = replyTo.map { state.messageIDs.id($0) }
        push.clientMessageID = clientID
        push.requestFingerprint = extra.fingerprint
        push.subtype = extra.subtype
        push.topic = extra.topic
        push.mentions = extra.mentions
        if let member = state.roster.members[member] {
            // A claudemesh daemon drops direct messages that name its own member as sender.
            let isOwn = session?.dialect == .claudemesh && session?.member == member.number
            push.senderMemberPubkey = isOwn ? nil : member.key
            push.senderMemberId = member.id
            let from = state.roster.sessions[sender]
            push.senderName = Self.name(of: member, from)
            push.senderDisplayName = from.map { state.roster.shownName(of: $0, member) } ?? member.name
            push.senderLabel = from?.label
        }
        return push
    }
}

extension StoredMessage {
    /// The name of a sender: its member's, whatever its client calls itself.
    static func name(of member: Member, _ session: Session?) -> String {
        if let label = session?.label, PlantedFault.strikes(.labelAsName, onlyIf: session?.isForeign == true) {
            return label
        }
        return member.name
    }

    private static let columns = """
        seq, sender, member, target, kind, priority, accepted_at, expires_at, client_id, fingerprint, reply_to, flags,
        entry, extra, body
        """

    /// Reads a message; nil when it is no longer stored.
    static func find(_ seq: Int64, _ database: Database) throws -> StoredMessage? {
        try database.prepare("SELECT \(columns) FROM message WHERE seq = ?").first(seq, map: read)
    }

    /// Takes the columns in their order.
    static let insertion: StaticString = """
        INSERT INTO message (seq, sender, member, target, kind, priority, accepted_at, expires_at, client_id,
            fingerprint, reply_to, flags, entry, extra, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// Stores a new message.
    func insert(into database: Database) throws {
        let extra = try extra.text
        let bodyBytes = bodyBytes
        try database.prepare(hot: Self.insertion).run { (row) throws(StoreError) in
            try row.bind(1, seq)
            try row.bind(2, sender.rawValue)
            try row.bind(3, member.rawValue)
            try row.bind(4, target)
            try row.bind(5, kind.rawValue)
            try row.bind(6, Int64(priority.rank))
            try row.bind(7, acceptedAt)
            try row.bind(8, expiresAt)
            if let clientID { try row.bind(9, clientID) }
            try fingerprint.withBytes { (bytes) throws(StoreError) in try row.bind(10, bytes: bytes) }
            if let replyTo { try row.bind(11, replyTo) }
            try row.bind(12, flags)
            try row.bind(13, entry)
            try row.bind(14, extra)
            if let bodyBytes { try row.bind(15, bodyBytes) }
        }
    }

    private static func read(_ row: Statement) throws -> StoredMessage {
        guard let kind = Resolution.Kind(rawValue: row.text(4)), let priority = Priority(rank: Int(row.int(5))) else {
            throw MeshError(.storageFailed, "message \(row.int(0)) cannot be read")
        }
        let extra = try JSONCoder.decode(Extra.self, from: JSON.parse(Array(row.text(13).utf8), limits: .frame))
        return StoredMessage(
            seq: row.int(0), sender: SessionNumber(rawValue: row.int(1)), member: MemberNumber(rawValue: row.int(2)),
            target: row.text(3), kind: kind, priority: priority, acceptedAt: row.int(6), expiresAt: row.int(7),
            clientID: row.isNull(8) ? nil : row.text(8), fingerprint: row.withBlob(9) { Digest(memory: $0) } ?? .zero,
            replyTo: row.isNull(10) ? nil : row.int(10), flags: row.int(11), entry: row.int(12), extra: extra,
            body: row.isNull(14) ? .dropped : Self.body(row.blob(14)))
    }

    // A body is lines of text: the first names the form, then one line for the shared body or for each copy.
    private var bodyBytes: [UInt8]? {
        switch body {
        case .shared(let nonce, let ciphertext, let key):
            Self.sharedBytes(nonce, ciphertext, key)
        case .copies(let copies):
            Array(
                ("c\n"
                    + copies.map { "\($0.recipient) \($0.nonce) \($0.ciphertext) \($0.bodyVersion) \($0.key.hex)" }
                    .joined(separator: "\n")).utf8)
        case .dropped: nil
        }
    }

    private static func sharedBytes(_ nonce: String, _ ciphertext: String, _ key: PublicKey?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(nonce.utf8.count + ciphertext.utf8.count + 70)
        var (nonce, ciphertext) = (nonce, ciphertext)
        bytes.append(UInt8(ascii: "s"))
        bytes.append(UInt8(ascii: "\n"))
        nonce.withUTF8 { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: " "))
        ciphertext.withUTF8 { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: " "))
        if let key { key.appendHex(to: &bytes) } else { bytes.append(UInt8(ascii: "-")) }
        return bytes
    }

    private static func body(_ bytes: [UInt8]) -> Body {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        func fields(_ line: ArraySlice<UInt8>) -> [String] {
            line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        guard let form = lines.first?.first, lines.count > 1 else { return .dropped }
        if form == UInt8(ascii: "s") {
            let parts = fields(lines[1])
            guard parts.count == 3 else { return .dropped }
            return .shared(nonce: parts[0], ciphertext: parts[1], key: PublicKey(hex: parts[2]))
        }
        return .copies(
            lines.dropFirst().compactMap { line in
                let parts = fields(line)
                guard parts.count == 5, let recipient = Int64(parts[0]), let version = Int(parts[3]),
                    let key = PublicKey(hex: parts[4])
                else { return nil }
                return Copy(
                    recipient: recipient, nonce: parts[1], ciphertext: parts[2], bodyVersion: version, key: key)
            })
    }
}

extension StoredMessage {
    /// Stores a changed body.
    func updateBody(in database: Database) throws {
        try database.prepare("UPDATE message SET body = ? WHERE seq = ?").run(bodyBytes, seq)
    }
}
