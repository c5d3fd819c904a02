import MeshCore

/// What a retry of a message has in common with its first try: a hash of what is meant, not of the sealed bytes, which are
/// random in each try.
///
/// It is made with a key that only the member has: the broker, which stores it, cannot guess the text by trying. The
/// client message id is in it, so that equal texts do not show as equal.
struct RequestFingerprint: Sendable {
    private let key: [UInt8]

    init(member: SigningKey) {
        key = Hashing.hmacSHA256(key: member.seed, message: Array("mesh-request-fingerprint-v1".utf8))
    }

    /// The fingerprint of a message in hex, the same for every session of the member.
    func of(_ outgoing: Outgoing) -> String {
        var bytes: [UInt8] = []
        // Each part with its length: no two lists of parts make the same bytes.
        func add(_ part: String?) {
            bytes += Array((part.map { String($0.utf8.count) } ?? "-").utf8) + [UInt8(ascii: ":")]
            if let part { bytes += Array(part.utf8) }
        }
        add(outgoing.clientMessageID)
        add(String(outgoing.target.targets.count))
        for target in outgoing.target.targets { add(Names.normalised(target)) }
        add(outgoing.priority.rawValue)
        add(outgoing.replyTo)
        add(outgoing.ttlMillis.map { String($0) })
        add(outgoing.allowPlaintext ? "plain" : "sealed")
        add(String(outgoing.mentions.count))
        for name in outgoing.mentions { add(name) }
        add(outgoing.text)
        return Hex.encode(Hashing.hmacSHA256(key: key, message: bytes))
    }
}
