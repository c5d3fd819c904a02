import MeshCore
import Synchronization

/// Seals what a session sends and opens what it gets. Shared keys are kept: making one costs more than using it.
final class Sealing: Sendable {
    private let credentials: Credentials
    private let keys = Mutex<[PublicKey: BoxKey]>([:])
    private let memberKeys = Mutex<[PublicKey: BoxKey]>([:])
    /// Words of members that were checked: to check one costs more than to seal a message.
    private let checkedWords = Mutex<Set<CheckedWord>>([])
    private static let maximumKeys = 10_000

    /// A member's signature over a session's key.
    private struct CheckedWord: Hashable {
        var member: PublicKey
        var session: PublicKey
        var binding: Signature
    }

    private let fingerprint: RequestFingerprint

    init(_ credentials: Credentials) {
        self.credentials = credentials
        fingerprint = RequestFingerprint(member: credentials.memberKey)
    }

    // MARK: Sending

    /// The body of a send for resolved recipients: a copy for each of a direct message, one plain body otherwise.
    func body(of outgoing: Outgoing, for resolved: Resolved) throws(MeshError) -> Send {
        var send = Send(targetSpec: outgoing.target)
        send.priority = outgoing.priority
        send.clientMessageID = outgoing.clientMessageID
        send.replyToID = outgoing.replyTo
        send.ttl = outgoing.ttlMillis
        send.receipts = outgoing.receipts ? true : nil
        send.mentions = outgoing.mentions.isEmpty ? nil : outgoing.mentions
        try outgoing.checkSize()
        send.requestFingerprint = fingerprint.of(outgoing)
        let addressees = Addressees(outgoing.target)
        guard resolved.sealed, !outgoing.allowPlaintext else {
            guard outgoing.allowPlaintext || !addressees.areDirect else {
                throw MeshError(
                    .badSignature, "the broker wants a direct message as plain text, which everybody could read",
                    hint: "nothing was sent; if that is what you want, say so: --plaintext")
            }
            send.nonce = ""
            send.ciphertext = Base64.encode(Array(outgoing.text.utf8))
            send.encrypted = false
            return send
        }
        var copies: [SealedCopy] = []
        for recipient in resolved.recipients { copies.append(try copy(of: outgoing, for: recipient, addressees)) }
        send.copies = copies
        return send
    }

    private func copy(
        of outgoing: Outgoing, for recipient: Resolved.Recipient, _ addressees: Addressees
    ) throws(MeshError) -> SealedCopy {
        // By the name that was asked for as well: a broker may answer with another.
        let asked = outgoing.target.targets.count == 1 ? outgoing.target.targets[0] : ""
        let name = String(Substring(asked.utf8.prefix { $0 != UInt8(ascii: "/") }))
        let verified =
            credentials.verified[Names.normalised(recipient.name)] ?? credentials.verified[Names.normalised(name)]
        if verified != nil, recipient.session != nil, recipient.binding == nil {
            throw MeshError(
                .badSignature, "\(recipient.name) did not sign for one of the sessions that the broker names",
                hint:
                    "it is of a client that cannot; ask \(recipient.name) to use another, or take the verification back"
            )
        }
        if let verified, verified != recipient.member {
            throw MeshError(
                .badSignature, "\(recipient.name) has another key than the one that was verified",
                hint: "compare again over another way: mesh-cli peer verify \(ShellWord.quoted(recipient.name))")
        }
        guard addressees.include(recipient, verified: credentials.verified) else {
            throw MeshError(
                .badSignature,
                "the broker names \(SafeText.line(recipient.name, limit: 64)) with the key \(recipient.member.shortHex)…, whom "
                    + "\(SafeText.line(outgoing.target.text, limit: 100)) does not mean, or who did not sign for that session",
                hint: "nothing was sent; name the member, or its session's key")
        }
        if let session = recipient.session, let binding = recipient.binding {
            // A broker that slips in a key of its own cannot show the member's signature over it.
            guard isSigned(CheckedWord(member: recipient.member, session: session, binding: binding)) else {
                throw MeshError(.badSignature, "the broker named a session key that \(recipient.name) did not sign")
            }
        }
        let key = recipient.session ?? recipient.member
        let version = recipient.bodyVersions.contains(3) ? 3 : 1
        let plaintext = version == 3 ? bound(outgoing, to: key).canonicalBytes() : Array(outgoing.text.utf8)
        let limit = DeliveryPolicy.maximumBodyBytes + DeliveryPolicy.sealedExtraBytes - BoxKey.tagBytes - 2
        guard plaintext.count <= limit else {
            throw MeshError(
                .tooLarge,
                "the text has \(outgoing.text.utf8.count) bytes, and \(plaintext.count) as the JSON that is sealed, "
                    + "where quotes and control characters take more; at most \(limit)",
                hint: "send it in parts, or say where it can be fetched")
        }
        do throws(IdentityError) {
            let nonce = BoxKey.randomNonce()
            let box = try boxKey(key).seal(plaintext, nonce: nonce)
            return SealedCopy(
                session: recipient.session, member: recipient.session == nil ? recipient.member : nil,
                nonce: Base64.encode(nonce), ciphertext: Base64.encode(box), bodyVersion: version)
        } catch {
            throw MeshError(.malformed, "nothing can be sealed to \(recipient.name): \(error)")
        }
    }

    private func isSigned(_ word: CheckedWord) -> Bool {
        if checkedWords.withLock({ $0.contains(word) }) { return true }
        let text = SignedText.sessionBinding(meshID: credentials.meshID, member: word.member, session: word.session)
        guard word.member.verifies(word.binding, of: text) else { return false }
        checkedWords.withLock { words in
            if words.count >= Self.maximumKeys { words.removeAll() }
            words.insert(word)
        }
        return true
    }

    /// Body version 3: what a plain box leaves open is bound inside it, so that it cannot be replayed or reflected.
    private func bound(_ outgoing: Outgoing, to key: PublicKey) -> JSON {
        [
            "v": 3, "mesh": .string(credentials.meshID), "from": .string(credentials.sessionKey.publicKey.hex),
            "to": .string(key.hex), "id": .string(outgoing.clientMessageID), "text": .string(outgoing.text),
        ]
    }

    // MARK: Receiving

    /// Opens a push. Nil when it claims to be sealed and cannot be opened, or is not text.
    func open(_ push: MessagePush) -> Message? {
        guard isOfItsName(push), let ciphertext = Base64.decode(push.ciphertext) else { return nil }
        var text: String?
        if push.encrypted {
            guard let nonce = Base64.decode(push.nonce), let sender = PublicKey(hex: push.senderPubkey),
                let plaintext = openBox(ciphertext, nonce, sender, push.recipientKey)
            else { return nil }
            text = push.bodyVersion == 3 ? unbound(plaintext, push) : String(validating: plaintext, as: UTF8.self)
        } else {
            text = String(validating: ciphertext, as: UTF8.self)
        }
        guard let text else { return nil }
        return Message(
            id: push.messageId, clientMessageID: push.clientMessageID,
            from: .init(
                name: push.senderName.flatMap(Self.name) ?? push.senderPubkey,
                label: push.senderLabel.flatMap(Self.name), memberKey: push.senderMemberPubkey,
                sessionKey: PublicKey(hex: push.senderPubkey)),
            text: text, priority: push.priority, sentAt: Timestamp.milliseconds(push.createdAt) ?? 0,
            attempt: push.attempt, isEncrypted: push.encrypted, kind: push.kind, target: push.targetSpec,
            replyTo: push.replyToId.flatMap { MessagePush.isID($0) ? $0 : nil }, meshID: push.meshId, topic: push.topic,
            mentions: push.mentions ?? [])
    }

    /// Whether a message under the name of a member whose key was compared is said to be of that key.
    private func isOfItsName(_ push: MessagePush) -> Bool {
        guard !credentials.verified.isEmpty, let name = push.senderName,
            let key = credentials.verified[Names.normalised(name)]
        else { return true }
        return push.senderMemberPubkey == key
    }

    /// A name as a broker gives it, when it can be one: it is shown, and handed to other programs.
    private static func name(_ text: String) -> String? {
        let isPlain = (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        return isPlain || (try? Names.checkName(text)) != nil ? text : nil
    }

    private func openBox(_ box: [UInt8], _ nonce: [UInt8], _ sender: PublicKey, _ recipient: PublicKey?) -> [UInt8]? {
        let isMine = recipient != credentials.memberKey.publicKey
        return try? (isMine ? boxKey(sender) : memberBoxKey(sender)).open(box, nonce: nonce)
    }

    /// The text of a version 3 body whose every field is what the push says.
    private func unbound(_ plaintext: [UInt8], _ push: MessagePush) -> String? {
        guard let json = try? JSON.parse(plaintext, limits: .frame), json["v"]?.integerValue == 3,
            json["mesh"]?.stringValue == credentials.meshID, json["from"]?.stringValue == push.senderPubkey,
            let to = json["to"]?.stringValue, to == (push.recipientKey ?? credentials.sessionKey.publicKey).hex,
            to == credentials.sessionKey.publicKey.hex || to == credentials.memberKey.publicKey.hex,
            let id = json["id"]?.stringValue, id == push.clientMessageID
        else { return nil }
        return json["text"]?.stringValue
    }

    private func boxKey(_ theirs: PublicKey) throws(IdentityError) -> BoxKey {
        try Self.key(theirs, mine: credentials.sessionKey, in: keys)
    }

    private func memberBoxKey(_ theirs: PublicKey) throws(IdentityError) -> BoxKey {
        try Self.key(theirs, mine: credentials.memberKey, in: memberKeys)
    }

    private static func key(
        _ theirs: PublicKey, mine: SigningKey, in cache: borrowing Mutex<[PublicKey: BoxKey]>
    ) throws(IdentityError) -> BoxKey {
        if let known = cache.withLock({ $0[theirs] }) { return known }
        let made = try BoxKey(mine: mine, theirs: theirs)
        cache.withLock { keys in
            if keys.count >= maximumKeys { keys.removeAll() }
            keys[theirs] = made
        }
        return made
    }
}
