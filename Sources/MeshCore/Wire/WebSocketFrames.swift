/// The opcodes of RFC 6455 section 5.2. The others are reserved and refused.
package enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10

    /// Whether frames of this opcode are short, never split, and may come between fragments.
    package var isControl: Bool { rawValue >= 8 }
}

/// The two ends of a connection. Clients mask what they send, servers never do.
package enum WebSocketRole: Sendable { case client, server }

/// What the decoder found at the start of the buffer.
package enum WebSocketStep: Sendable, Equatable {
    /// Incomplete: call again when the buffer holds at least this many bytes.
    case needsBytes(Int)
    /// `consumed` bytes are done; they held a fragment of an unfinished message.
    case fragment(consumed: Int)
    /// A whole message in one frame: its payload, unmasked in place, is `range` of the buffer.
    case message(range: Range<Int>, consumed: Int)
    /// A whole message that came in fragments.
    case assembled([UInt8], consumed: Int)
    /// A ping with its payload.
    case ping([UInt8], consumed: Int)
    /// A pong with its payload.
    case pong([UInt8], consumed: Int)
    /// The peer's close frame, nil when it gave no code. Nothing after it counts.
    case close(CloseReason?, consumed: Int)
    /// The peer broke a rule: close with this reason. Nothing after it counts.
    case failed(CloseReason)
}

/// Parses the frames of RFC 6455, one by one, from a buffer its user fills.
///
/// It owns no buffer except the fragments of an unfinished message. Every limit is checked on the header alone, so
/// a peer that announces too much is refused before its bytes are stored.
package struct WebSocketDecoder: Sendable {
    /// The maximum number of frames per message. Each costs work, even an empty one.
    package static let maximumFragments = 4_096

    private let role: WebSocketRole
    /// The limit of a frame's payload, and of the sum of a message's fragments.
    package var maxMessageBytes: Int
    private var fragments: [UInt8] = []
    private var fragmentCount = 0
    /// Bytes at the front of the fragments that are known to be whole characters.
    private var checkedBytes = 0
    private var fragmented: WebSocketOpcode?
    private let takesBinary: Bool
    /// The kind of the last whole message: text, or binary.
    package private(set) var messageOpcode = WebSocketOpcode.text

    /// - Parameters:
    ///   - role: the end that reads with this decoder: a server expects masked frames, a client unmasked ones.
    ///   - maxMessageBytes: the limit of a frame's payload, and of the sum of a message's fragments.
    ///   - takesBinary: whether binary messages may hold any bytes; otherwise they must be UTF-8, like text.
    package init(role: WebSocketRole, maxMessageBytes: Int, takesBinary: Bool = false) {
        self.role = role
        self.maxMessageBytes = maxMessageBytes
        self.takesBinary = takesBinary
    }

    /// Parses the frame at the start of `buffer`, and unmasks its payload in place when it is complete.
    package mutating func next(in buffer: UnsafeMutableRawBufferPointer) -> WebSocketStep {
        let header: WebSocketHeader
        switch WebSocketHeader.parse(UnsafeRawBufferPointer(buffer)) {
        case .needsBytes(let count): return .needsBytes(count)
        case .failed(let text): return .failed(.protocolError(text))
        case .header(let parsed): header = parsed
        }
        if let refusal = refusal(of: header) { return .failed(refusal) }
        let end = header.size + header.payloadBytes
        guard buffer.count >= end else { return .needsBytes(end) }
        let payload = UnsafeMutableRawBufferPointer(rebasing: buffer[header.size..<end])
        if header.isMasked { WebSocketMask.apply(header.maskKey, to: payload) }
        return step(header, UnsafeRawBufferPointer(payload), end)
    }

    /// The rules that can be checked on the header alone.
    private func refusal(of header: WebSocketHeader) -> CloseReason? {
        if header.isMasked != (role == .server) {
            return .protocolError(role == .server ? "client frames must be masked" : "server frames must not be masked")
        }
        if header.opcode.isControl { return nil }
        if header.opcode == .continuation, fragmented == nil {
            return .protocolError("continuation without a message")
        }
        if header.opcode != .continuation, fragmented != nil {
            return .protocolError("new message inside a fragmented one")
        }
        if fragmentCount >= Self.maximumFragments { return .tooManyFragments }
        return header.payloadBytes > maxMessageBytes - fragments.count ? .tooBig : nil
    }

    private mutating func step(
        _ header: WebSocketHeader, _ payload: UnsafeRawBufferPointer, _ end: Int
    ) -> WebSocketStep {
        switch header.opcode {
        case .ping: return .ping(Array(payload), consumed: end)
        case .pong: return .pong(Array(payload), consumed: end)
        case .close: return WebSocketClose.parse(payload, consumed: end)
        case .text, .binary:
            if header.isFinal {
                messageOpcode = header.opcode
                return accepted(payload, header.opcode) ?? .message(range: header.size..<end, consumed: end)
            }
            fragmented = header.opcode
            return append(payload, isFinal: false, end)
        case .continuation: return append(payload, isFinal: header.isFinal, end)
        }
    }

    /// Adds a fragment. Bytes that can never become UTF-8 are refused at once, not when the message is complete.
    private mutating func append(_ payload: UnsafeRawBufferPointer, isFinal: Bool, _ end: Int) -> WebSocketStep {
        fragments.append(contentsOf: payload)
        fragmentCount += 1
        let opcode = fragmented ?? .text
        if !isFree(opcode) {
            let check = fragments.withUnsafeBytes {
                UTF8Check.check(UnsafeRawBufferPointer(rebasing: $0[checkedBytes...]))
            }
            checkedBytes += check.wholeBytes
            if check.isBroken || (isFinal && checkedBytes < fragments.count) { return refused(opcode) }
        }
        guard isFinal else { return .fragment(consumed: end) }
        messageOpcode = opcode
        let whole = fragments
        fragments = []
        fragmentCount = 0
        checkedBytes = 0
        fragmented = nil
        return .assembled(whole, consumed: end)
    }

    /// Nil when the message may hold these bytes.
    private func accepted(_ payload: UnsafeRawBufferPointer, _ opcode: WebSocketOpcode) -> WebSocketStep? {
        isFree(opcode) || UTF8Check.isValid(payload) ? nil : refused(opcode)
    }

    /// Whether a message may hold any bytes.
    private func isFree(_ opcode: WebSocketOpcode) -> Bool { takesBinary && opcode == .binary }

    private func refused(_ opcode: WebSocketOpcode) -> WebSocketStep {
        .failed(opcode == .text ? .invalidPayload : CloseReason(code: 1003, reason: "binary data is not taken"))
    }
}

/// The first bytes of a frame, before its payload.
private struct WebSocketHeader {
    enum Outcome { case needsBytes(Int), failed(String), header(WebSocketHeader) }

    var isFinal: Bool
    var opcode: WebSocketOpcode
    var isMasked: Bool
    var maskKey: UInt32
    var payloadBytes: Int
    var size: Int

    static func parse(_ buffer: UnsafeRawBufferPointer) -> Outcome {
        guard buffer.count >= 2 else { return .needsBytes(2) }
        let first = buffer[0]
        let second = buffer[1]
        guard first & 0x70 == 0 else { return .failed("reserved bits are set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { return .failed("reserved opcode") }
        let short = Int(second & 0x7F)
        if opcode.isControl {
            guard short <= 125 else { return .failed("control frame over 125 bytes") }
            guard first & 0x80 != 0 else { return .failed("fragmented control frame") }
        }
        let extra = short == 126 ? 2 : short == 127 ? 8 : 0
        let isMasked = second & 0x80 != 0
        let size = 2 + extra + (isMasked ? 4 : 0)
        guard buffer.count >= 2 + extra else { return .needsBytes(size) }
        var length = UInt64(short)
        if extra > 0 {
            length = buffer[2..<2 + extra].reduce(0) { $0 << 8 | UInt64($1) }
            guard length >= (extra == 2 ? 126 : 65_536) else { return .failed("length not in its shortest form") }
            guard length <= UInt64(Int64.max >> 1) else { return .failed("length out of range") }
        }
        guard buffer.count >= size else { return .needsBytes(size) }
        let key = isMasked ? buffer.loadUnaligned(fromByteOffset: 2 + extra, as: UInt32.self) : 0
        return .header(
            WebSocketHeader(
                isFinal: first & 0x80 != 0, opcode: opcode, isMasked: isMasked, maskKey: key,
                payloadBytes: Int(length), size: size))
    }
}

/// The masking of RFC 6455 section 5.3: XOR with a repeating key of four bytes.
package enum WebSocketMask {
    /// Masks or unmasks in place. `key` holds the four key bytes in memory order.
    package static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer) {
        guard key != 0 else { return }
        let wide = UInt64(key) | UInt64(key) << 32
        var offset = 0
        while offset + 8 <= bytes.count {
            let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            bytes.storeBytes(of: value ^ wide, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        withUnsafeBytes(of: key) { keyBytes in
            while offset < bytes.count {
                bytes[offset] ^= keyBytes[offset & 3]
                offset += 1
            }
        }
    }
}

/// The payload of a close frame.
package enum WebSocketClose {
    /// The codes a peer may send: 1000-1003, 1007-1014, and 3000-4999.
    package static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    fileprivate static func parse(_ payload: UnsafeRawBufferPointer, consumed: Int) -> WebSocketStep {
        if payload.isEmpty { return .close(nil, consumed: consumed) }
        guard payload.count >= 2 else { return .failed(.protocolError("close code of one byte")) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard isAllowed(code) else { return .failed(.protocolError("close code \(code) must not be sent")) }
        let text = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard UTF8Check.isValid(text) else { return .failed(.invalidPayload) }
        return .close(CloseReason(code: code, reason: String(decoding: text, as: UTF8.self)), consumed: consumed)
    }

    /// The payload for `reason`: the code and at most 123 bytes of whole characters. A code that must not be
    /// sent gives an empty payload.
    package static func payload(_ reason: CloseReason) -> [UInt8] {
        guard isAllowed(reason.code) else { return [] }
        var bytes = [UInt8(reason.code >> 8), UInt8(reason.code & 0xFF)]
        for character in reason.reason.unicodeScalars {
            let encoded = Array(String(character).utf8)
            if bytes.count + encoded.count > 125 { break }
            bytes += encoded
        }
        return bytes
    }
}

/// Writes frames, always whole messages in one frame and with the shortest length.
package enum WebSocketEncoder {
    /// The maximum size of a header in bytes.
    package static let maxHeaderBytes = 14

    /// Writes the header of a frame to the start of `target`, which must hold `maxHeaderBytes`; returns its size.
    /// With a mask key (its four bytes in memory order) the frame is a client's.
    package static func writeHeader(
        _ opcode: WebSocketOpcode, payloadBytes: Int, maskKey: UInt32?, to target: UnsafeMutableRawBufferPointer
    ) -> Int {
        target[0] = 0x80 | opcode.rawValue
        let masked: UInt8 = maskKey == nil ? 0 : 0x80
        var size = 2
        if payloadBytes < 126 {
            target[1] = masked | UInt8(payloadBytes)
        } else {
            let extra = payloadBytes < 65_536 ? 2 : 8
            target[1] = masked | (extra == 2 ? 126 : 127)
            for index in 0..<extra {
                target[2 + index] = UInt8(truncatingIfNeeded: payloadBytes >> (8 * (extra - 1 - index)))
            }
            size += extra
        }
        if let maskKey {
            target.storeBytes(of: maskKey, toByteOffset: size, as: UInt32.self)
            size += 4
        }
        return size
    }

    /// Writes a whole frame to the start of `target`, which must hold `maxHeaderBytes` and the payload; returns its
    /// size.
    package static func write(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, maskKey: UInt32? = nil,
        to target: UnsafeMutableRawBufferPointer
    ) -> Int {
        let size = writeHeader(opcode, payloadBytes: payload.count, maskKey: maskKey, to: target)
        let body = UnsafeMutableRawBufferPointer(rebasing: target[size..<size + payload.count])
        body.copyMemory(from: payload)
        if let maskKey { WebSocketMask.apply(maskKey, to: body) }
        return size + payload.count
    }

    /// Writes a whole frame to the start of `target`, which must hold `maxHeaderBytes` and `maximumBytes`; returns its
    /// size. `fill` writes the payload in place, at most `maximumBytes`, and returns the number of bytes.
    package static func write(
        _ opcode: WebSocketOpcode, maximumBytes: Int, maskKey: UInt32?, to target: UnsafeMutableRawBufferPointer,
        _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int {
        let expected = headerBytes(maximumBytes, isMasked: maskKey != nil)
        let count = fill(UnsafeMutableRawBufferPointer(rebasing: target[expected..<expected + maximumBytes]))
        precondition((0...maximumBytes).contains(count), "more bytes than there is room for")
        let size = headerBytes(count, isMasked: maskKey != nil)
        let body = UnsafeMutableRawBufferPointer(rebasing: target[size..<size + count])
        if size < expected {
            body.copyMemory(from: UnsafeRawBufferPointer(rebasing: target[expected..<expected + count]))
        }
        _ = writeHeader(opcode, payloadBytes: count, maskKey: maskKey, to: target)
        if let maskKey { WebSocketMask.apply(maskKey, to: body) }
        return size + count
    }

    private static func headerBytes(_ payloadBytes: Int, isMasked: Bool) -> Int {
        (payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10) + (isMasked ? 4 : 0)
    }

    /// A whole frame as bytes.
    package static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], maskKey: UInt32? = nil) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: payload.count + maxHeaderBytes) { target, count in
            let target = UnsafeMutableRawBufferPointer(target)
            count = payload.withUnsafeBytes { write(opcode, $0, maskKey: maskKey, to: target) }
        }
    }
}
