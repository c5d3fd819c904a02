/// A broker frame that a client can read from a flat object without building a tree: the most frequent ones.
package protocol FlatReply: Reply {
    /// Reads the members; nil leaves the frame to the general decoder.
    init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer)
}

/// The members of a flat object, looked up by name: faster than a dictionary for the few that a frame has.
private struct FlatMembers {
    let flat: FlatScanner
    let bytes: UnsafeRawBufferPointer
    /// Number of members looked up and found; the reader does not know the others.
    private(set) var taken = 0
    /// Whether one was there with the wrong type.
    private(set) var isBroken = false

    init(_ flat: FlatScanner, _ bytes: UnsafeRawBufferPointer) {
        self.flat = flat
        self.bytes = bytes
    }

    /// Whether every member was looked up and had its type.
    var isComplete: Bool { !isBroken && taken == flat.members.count }

    private mutating func take<Value>(_ name: StaticString, _ read: (FlatScanner.Value) -> Value?) -> Value? {
        guard let value = flat.value(name, in: bytes) else { return nil }
        taken += 1
        let known = read(value)
        if known == nil { isBroken = true }
        return known
    }

    mutating func text(_ name: StaticString) -> String? {
        take(name) { [bytes] in if case .string(let range) = $0 { FlatScanner.text(bytes, range) } else { nil } }
    }

    mutating func number(_ name: StaticString) -> Int? {
        take(name) { if case .integer(let value) = $0 { Int(exactly: value) } else { nil } }
    }

    mutating func truth(_ name: StaticString) -> Bool? {
        take(name) { if case .bool(let value) = $0 { value } else { nil } }
    }

    mutating func key(_ name: StaticString) -> PublicKey? {
        take(name) { [bytes] value in
            guard case .string(let range) = value else { return nil }
            return PublicKey(hexIn: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    mutating func texts(_ name: StaticString) -> [String]? {
        take(name) { [bytes] in if case .strings(let list) = $0 { FlatScanner.strings(bytes, list) } else { nil } }
    }
}

extension MessagePush: FlatReply {
    package init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) {
        var members = FlatMembers(flat, bytes)
        guard members.text("type") == Self.type, let messageId = members.text("messageId"),
            let meshId = members.text("meshId"), let sender = members.text("senderPubkey"),
            let priority = members.text("priority").flatMap({ Priority(rawValue: $0) }),
            let nonce = members.text("nonce"), let ciphertext = members.text("ciphertext"),
            let createdAt = members.text("createdAt"), let attempt = members.number("attempt"),
            let kind = members.text("kind"), let target = members.text("targetSpec"),
            let encrypted = members.truth("encrypted")
        else { return nil }
        self.init(
            messageId: messageId, meshId: meshId, senderPubkey: sender, priority: priority, nonce: nonce,
            ciphertext: ciphertext, createdAt: createdAt, attempt: attempt, kind: kind, targetSpec: target,
            encrypted: encrypted)
        senderMemberPubkey = members.key("senderMemberPubkey")
        senderMemberId = members.text("senderMemberId")
        senderName = members.text("senderName")
        senderDisplayName = members.text("senderDisplayName")
        senderLabel = members.text("senderLabel")
        recipientKey = members.key("recipientKey")
        bodyVersion = members.number("bodyVersion")
        replyToId = members.text("replyToId")
        clientMessageID = members.text("client_message_id")
        requestFingerprint = members.text("request_fingerprint")
        subtype = members.text("subtype")
        topic = members.text("topic")
        mentions = members.texts("mentions")
        guard members.isComplete else { return nil }
    }
}

extension SendAck: FlatReply {
    package init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) {
        var members = FlatMembers(flat, bytes)
        guard members.text("type") == Self.type, let id = members.text("id"),
            let messageId = members.text("messageId"), let queued = members.truth("queued")
        else { return nil }
        self.init(id: id, messageId: messageId, queued: queued)
        status = members.text("status")
        recipients = members.number("recipients")
        duplicate = members.truth("duplicate")
        error = members.text("error")
        guard members.isComplete else { return nil }
    }
}
