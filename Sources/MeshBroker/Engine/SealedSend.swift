package import MeshCore

/// A `send` of the most frequent form, one box for one session key, as the bytes that are stored and passed on. It has
/// the content of the `Send` of the same frame, and was checked in the same way; any other form is read as a `Send`.
package struct SealedSend: Request {
    /// All of it, in one object.
    let contents: SealedContents

    package static let declaration = Send.declaration
    package static let kind = Send.kind
    package static let object = Send.object
    package typealias Answer = SealedAnswer
    package var outgoing: OutgoingMessage? { OutgoingMessage(id: contents.id, priority: contents.priority) }

    /// Reads the frame of a send: in this form if possible, otherwise as a `Send`.
    package static let decoder: CapabilityTable.FlatDecoder = { flat, bytes in
        SealedContents(flat: flat, in: bytes).map { SealedSend(contents: $0) } ?? Send(flat: flat, in: bytes)
    }

    private init(contents: SealedContents) { self.contents = contents }

    /// Reads what was written: a `Send`. Fails when it is not of this form.
    package init(from decoder: any Decoder) throws {
        let send = try Send(from: decoder)
        var scanner = FlatScanner()
        let contents = try WireFrame.bytes(type: Send.type, body: send).withUnsafeBytes { bytes in
            scanner.scan(bytes) ? SealedContents(flat: scanner, in: bytes) : nil
        }
        guard let contents else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not one box for one key"))
        }
        self.contents = contents
    }

    /// Writes the equivalent `Send`.
    package func encode(to encoder: any Encoder) throws { try contents.send.encode(to: encoder) }
}

/// The contents of a sealed send.
package final class SealedContents: Sendable {
    /// The stored form of the body (`s`, a line feed, nonce, space, box, space, key), then the client message id, then
    /// the send's own id, then the 32 bytes of the fingerprint.
    let bytes: [UInt8]
    /// The recipient.
    let key: PublicKey
    let priority: Priority
    let givenPriority: Bool
    /// Time to live in milliseconds, when the sender gave one.
    let ttl: Int64?
    /// What its sender's retries have in common: see `Messages.fingerprint`.
    let fingerprint: Digest
    /// The idempotency key of the client message id.
    let clientIDHash: Digest?
    private let boxEnd: Int
    private let clientIDEnd: Int
    private let hasID: Bool

    /// Position of the nonce in the bytes: 24 bytes are 32 characters.
    static let nonce = 2..<34
    /// Position of the box, in base64.
    var box: Range<Int> { 35..<boxEnd }
    /// Position of the key, in hex.
    var keyHex: Range<Int> { boxEnd + 1..<boxEnd + 65 }
    /// Position of the stored body.
    var body: Range<Int> { 0..<boxEnd + 65 }
    /// Position of the client message id; nil when there is none.
    var clientID: Range<Int>? { clientIDHash == nil ? nil : boxEnd + 65..<clientIDEnd }
    /// The send's own id; may be empty.
    var id: String { String(decoding: bytes[idBytes], as: UTF8.self) }
    /// Position of that id.
    var idBytes: Range<Int> { clientIDEnd..<bytes.count - 32 }
    /// Position of the bytes of the fingerprint.
    var fingerprintBytes: Range<Int> { bytes.count - 32..<bytes.count }

    /// Reads a flat frame; nil when it is of another form, or anything in it is invalid: the general path reports what.
    init?(flat: FlatScanner, in memory: UnsafeRawBufferPointer) {
        guard let parts = Parts(flat, memory), parts.areValid(memory),
            let key = PublicKey(hexIn: UnsafeRawBufferPointer(rebasing: memory[parts.target]))
        else { return nil }
        self.key = key
        priority = parts.priority ?? .next
        givenPriority = parts.priority != nil
        ttl = parts.ttl
        boxEnd = 35 + parts.ciphertext.count
        clientIDEnd = boxEnd + 65 + (parts.clientID?.count ?? 0)
        hasID = parts.id != nil
        let hash = parts.fingerprint(memory)
        fingerprint = hash
        clientIDHash = parts.clientID.map { Digest.sha256(UnsafeRawBufferPointer(rebasing: memory[$0])) }
        let size = clientIDEnd + (parts.id?.count ?? 0) + 32
        bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = RawWriter(UnsafeMutableRawBufferPointer(buffer))
            func put(_ range: Range<Int>) { writer.put(UnsafeRawBufferPointer(rebasing: memory[range])) }
            writer.put("s\n")
            put(parts.nonce)
            writer.put(" ")
            put(parts.ciphertext)
            writer.put(" ")
            put(parts.target)
            if let clientID = parts.clientID { put(clientID) }
            if let id = parts.id { put(id) }
            writer.put(bytesOf: hash)
            count = writer.bytes?.count ?? 0
        }
    }

    /// The same as the general request.
    var send: Send {
        func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        var send = Send(targetSpec: TargetSpec([text(keyHex)]))
        send.id = hasID ? id : nil
        send.priority = givenPriority ? priority : nil
        send.clientMessageID = clientID.map(text)
        send.nonce = text(Self.nonce)
        send.ciphertext = text(box)
        send.ttl = ttl
        return send
    }
}

extension SealedContents {
    /// Positions of the parts in a frame.
    private struct Parts {
        var target = 0..<0
        var nonce = 0..<0
        var ciphertext = 0..<0
        var clientID: Range<Int>?
        var id: Range<Int>?
        var priority: Priority?
        var ttl: Int64?

        /// Finds the parts; nil when the frame contains anything else. Written as a chain of conditions: a `switch`
        /// over the lengths of names with `where` loses some of the values in a failable initializer when Swift 6.3
        /// optimises it.
        init?(_ flat: FlatScanner, _ memory: UnsafeRawBufferPointer) {
            for member in flat.members {
                func has(_ name: StaticString) -> Bool { FlatScanner.equals(memory, member.name, name) }
                if case .integer(let value) = member.value, has("ttl") {
                    ttl = value
                    continue
                }
                guard case .string(let range) = member.value else { return nil }
                if has("type") || has("_reqId") { continue }
                if has("targetSpec") {
                    target = range
                } else if has("ciphertext") {
                    ciphertext = range
                } else if has("nonce") {
                    nonce = range
                } else if has("id") {
                    id = range
                } else if has("client_message_id") {
                    clientID = range
                } else if has("priority") {
                    guard let known = Priority.allCases.first(where: { Self.equals(memory, range, $0) }) else {
                        return nil
                    }
                    priority = known
                } else {
                    return nil
                }
            }
        }

        private static func equals(
            _ memory: UnsafeRawBufferPointer, _ range: Range<Int>, _ priority: Priority
        ) -> Bool {
            switch priority {
            case .now: FlatScanner.equals(memory, range, "now")
            case .next: FlatScanner.equals(memory, range, "next")
            case .low: FlatScanner.equals(memory, range, "low")
            }
        }

        /// Whether everything follows the rules that `Messages` checks of a send.
        func areValid(_ memory: UnsafeRawBufferPointer) -> Bool {
            func count(_ range: Range<Int>) -> Int? {
                Base64.decodedCount(UnsafeRawBufferPointer(rebasing: memory[range]))
            }
            guard target.count == 64, nonce.count == 32, count(nonce) == 24 else { return false }
            guard ciphertext.count >= 24, ciphertext.count <= Messages.maximumCiphertext, count(ciphertext) != nil
            else {
                return false
            }
            if let clientID, !(1...128).contains(clientID.count) { return false }
            if let id, id.count > 128 { return false }
            if let ttl, !DeliveryPolicy.ttlRange.contains(ttl) { return false }
            return true
        }

        /// The hash that `Messages.fingerprint` gives for the same send.
        func fingerprint(_ memory: UnsafeRawBufferPointer) -> Digest {
            withUnsafeTemporaryAllocation(byteCount: ciphertext.count + 160, alignment: 8) { scratch in
                var writer = RawWriter(scratch)
                func put(_ range: Range<Int>) {
                    writer.put(UnsafeRawBufferPointer(rebasing: memory[range]))
                    writer.put("\0")
                }
                put(target)
                writer.put((priority ?? .next).rawValue)
                writer.put("\0")
                put(nonce)
                put(ciphertext)
                // No copies, and it answers no message; then the time to live, then no subtype.
                writer.put("\0")
                if let ttl { writer.put(ttl) }
                writer.put("\0\0")
                return Digest.sha256(writer.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
    }
}
