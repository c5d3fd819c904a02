/// A request that can be read from a flat object without building a tree. Only the most frequent ones can; their
/// general form is read like every other request.
package protocol FlatRequest: Request {
    /// Reads the members; nil leaves the frame to the general decoder, which also reports errors.
    init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer)
}

extension Send: FlatRequest {
    package init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) {
        guard let target = flat.text("targetSpec", in: bytes) else { return nil }
        self.init(targetSpec: TargetSpec([target]))
        for member in flat.members {
            func has(_ name: StaticString) -> Bool { FlatScanner.equals(bytes, member.name, name) }
            switch member.value {
            case .string(let range):
                if has("targetSpec") || has("type") || has("_reqId") { continue }
                let text = FlatScanner.text(bytes, range)
                if has("ciphertext") {
                    ciphertext = text
                } else if has("nonce") {
                    nonce = text
                } else if has("id") {
                    id = text
                } else if has("client_message_id") {
                    clientMessageID = text
                } else if has("priority") {
                    guard let priority = Priority(rawValue: text) else { return nil }
                    self.priority = priority
                } else if has("replyToId") {
                    replyToID = text
                } else if has("request_fingerprint") {
                    requestFingerprint = text
                } else {
                    return nil
                }
            case .bool(let value):
                if has("encrypted") {
                    encrypted = value
                } else if has("receipts") {
                    receipts = value
                } else {
                    return nil
                }
            case .integer(let value):
                guard has("ttl") else { return nil }
                ttl = value
            case .strings(let list):
                if has("mentions") {
                    mentions = FlatScanner.strings(bytes, list)
                } else if has("copies"), list.isEmpty {
                    copies = []
                } else {
                    return nil
                }
            case .objects(let list):
                guard has("copies"), let read = SealedCopy.all(in: bytes, list) else { return nil }
                copies = read
            case .null: return nil
            }
        }
        guard isWithinBounds else { return nil }
    }

    /// Whether a send keeps its declared bounds. One that does not is left to the general decoder, which reports why.
    private var isWithinBounds: Bool {
        func isShort(_ text: String?, _ range: ClosedRange<Int>) -> Bool {
            text.map { range.contains($0.utf8.count) } ?? true
        }
        func isNonce(_ text: String?) -> Bool { text.map { $0.isEmpty || Base64.decodedCount($0) == 24 } ?? true }
        return isShort(id, 0...128) && isShort(clientMessageID, 1...128) && isShort(requestFingerprint, 0...128)
            && ttl.map(DeliveryPolicy.ttlRange.contains) ?? true
            && mentions.map { $0.count <= 16 && $0.allSatisfy { $0.utf8.count <= 64 } } ?? true
            && isNonce(nonce) && (copies ?? []).allSatisfy { isNonce($0.nonce) }
    }
}

extension SealedCopy {
    /// Reads the copies of a list of flat objects; nil when one of them is unusual.
    fileprivate static func all(in bytes: UnsafeRawBufferPointer, _ list: Range<Int>) -> [SealedCopy]? {
        var scanner = FlatScanner()
        var copies: [SealedCopy] = []
        for range in FlatScanner.objects(bytes, list) {
            let object = UnsafeRawBufferPointer(rebasing: bytes[range])
            guard scanner.scan(object), let copy = SealedCopy(flat: scanner, in: object) else { return nil }
            copies.append(copy)
        }
        return copies
    }

    private init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) {
        self.init(nonce: "", ciphertext: "")
        var texts = 0
        for member in flat.members {
            func has(_ name: StaticString) -> Bool { FlatScanner.equals(bytes, member.name, name) }
            switch member.value {
            case .string(let range):
                if has("nonce") {
                    nonce = FlatScanner.text(bytes, range)
                    texts += 1
                } else if has("ciphertext") {
                    ciphertext = FlatScanner.text(bytes, range)
                    texts += 1
                } else {
                    guard let key = PublicKey(hexIn: UnsafeRawBufferPointer(rebasing: bytes[range])) else { return nil }
                    if has("session") { session = key } else if has("member") { self.member = key } else { return nil }
                }
            case .integer(let value):
                guard has("bodyVersion"), let version = Int(exactly: value) else { return nil }
                bodyVersion = version
            default: return nil
            }
        }
        // The scanned names are unique: two texts are the two that a copy must have.
        guard texts == 2 else { return nil }
    }
}

extension Acknowledge: FlatRequest {
    package init?(flat: FlatScanner, in bytes: UnsafeRawBufferPointer) {
        self.init(messageIDs: [])
        messageIDs = nil
        for member in flat.members {
            func has(_ name: StaticString) -> Bool { FlatScanner.equals(bytes, member.name, name) }
            switch member.value {
            case .strings(let list) where has("messageIds"):
                let ids = FlatScanner.strings(bytes, list)
                guard ids.count <= Self.maximumIDs else { return nil }
                messageIDs = ids
            case .string(let range) where has("brokerMessageId"): brokerMessageID = FlatScanner.text(bytes, range)
            case .string where has("type") || has("_reqId"): continue
            default: return nil
            }
        }
    }
}
