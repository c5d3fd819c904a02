import MeshCore
import Testing

@Suite("WebSocket frames")
struct WebSocketFramesTests {
    private static let key: UInt32 = 0x1234_5678

    /// All steps of `bytes`, given to the decoder in pieces of `piece` bytes, until it waits or fails.
    private func steps(
        _ bytes: [UInt8], role: WebSocketRole = .server, limit: Int = 1000, piece: Int = .max
    ) -> [WebSocketStep] {
        var decoder = WebSocketDecoder(role: role, maxMessageBytes: limit)
        var buffer: [UInt8] = []
        var found: [WebSocketStep] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            buffer += rest.prefix(piece)
            rest = rest.dropFirst(piece)
            feeding: while true {
                let step = buffer.withUnsafeMutableBytes { decoder.next(in: $0) }
                switch step {
                case .needsBytes(let count):
                    #expect(count > buffer.count)
                    break feeding
                case .failed: return found + [step]
                case .message(let range, let consumed):
                    found.append(.assembled(Array(buffer[range]), consumed: 0))
                    buffer.removeFirst(consumed)
                case .fragment(let consumed): buffer.removeFirst(consumed)
                case .assembled(let text, let consumed):
                    found.append(.assembled(text, consumed: 0))
                    buffer.removeFirst(consumed)
                case .ping(let payload, let consumed):
                    found.append(.ping(payload, consumed: 0))
                    buffer.removeFirst(consumed)
                case .pong(let payload, let consumed):
                    found.append(.pong(payload, consumed: 0))
                    buffer.removeFirst(consumed)
                case .close(let reason, _): return found + [.close(reason, consumed: 0)]
                }
            }
        }
        return found
    }

    private static func masked(_ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var frame = WebSocketEncoder.frame(opcode, payload, maskKey: key)
        if !isFinal { frame[0] &= 0x7F }
        return frame
    }

    @Test(
        "A message of any length survives both directions, in pieces of any size",
        arguments: [0, 1, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 100_003], [1021, 64, Int.max])
    func roundTrip(length: Int, piece: Int) {
        let payload = (0..<length).map { UInt8($0 % 120) }
        for role in [WebSocketRole.server, .client] {
            let frame = WebSocketEncoder.frame(.text, payload, maskKey: role == .server ? Self.key : nil)
            let bytes = frame + WebSocketEncoder.frame(.ping, [7], maskKey: role == .server ? 1 : nil)
            let expected: [WebSocketStep] = [.assembled(payload, consumed: 0), .ping([7], consumed: 0)]
            #expect(steps(bytes, role: role, limit: 200_000, piece: piece) == expected)
        }
    }

    @Test("The masked Hello of RFC 6455 section 5.7 is read")
    func example() {
        let bytes: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(steps(bytes, piece: 1) == [.assembled(Array("Hello".utf8), consumed: 0)])
    }

    @Test("Fragments may split a character and hold control frames between them", arguments: [1, 3, Int.max])
    func fragments(piece: Int) {
        let text = Array("a€b".utf8)
        let bytes =
            Self.masked(.text, Array(text[..<2]), isFinal: false) + Self.masked(.ping, [1])
            + Self.masked(.continuation, [], isFinal: false) + Self.masked(.continuation, Array(text[2...]))
            + Self.masked(.binary, [0x7A])
        #expect(
            steps(bytes, piece: piece) == [
                .ping([1], consumed: 0), .assembled(text, consumed: 0), .assembled([0x7A], consumed: 0),
            ])
    }

    static let broken: [(name: String, bytes: [UInt8], code: UInt16)] = [
        ("unmasked", [0x81, 0x00], 1002),
        ("RSV1", [0xC1, 0x80, 0, 0, 0, 0], 1002),
        ("RSV3", [0x91, 0x80, 0, 0, 0, 0], 1002),
        ("reserved data opcode", [0x83, 0x80], 1002),
        ("reserved control opcode", [0x8B, 0x80], 1002),
        ("ping of 126", [0x89, 0xFE], 1002),
        ("fragmented ping", [0x09, 0x80], 1002),
        ("continuation without start", masked(.continuation, [1]), 1002),
        ("text inside a message", masked(.text, [65], isFinal: false) + masked(.text, [65]), 1002),
        ("125 in two bytes", [0x81, 0xFE, 0, 125], 1002),
        ("65535 in eight bytes", [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1002),
        ("length over 63 bits", [0x81, 0xFF] + [UInt8](repeating: 0xFF, count: 8), 1002),
        ("frame over the limit, header only", [0x81, 0xFE, 0x03, 0xE9, 0, 0, 0, 0], 1009),
        (
            "sum over the limit",
            masked(.text, [UInt8](repeating: 65, count: 999), isFinal: false)
                + [0x80, 0x82, 0, 0, 0, 0], 1009
        ),
        ("text not UTF-8", masked(.text, [0xC3, 0x28]), 1007),
        ("half a character", masked(.text, [0xE2, 0x82]), 1007),
        ("surrogate", masked(.text, [0xED, 0xA0, 0x80]), 1007),
        ("fragments not UTF-8", masked(.text, [0xE2], isFinal: false) + masked(.continuation, [0x41]), 1007),
        ("binary not UTF-8", masked(.binary, [0xFF]), 1003),
        ("close payload of one byte", masked(.close, [3]), 1002),
        ("close reason not UTF-8", masked(.close, [3, 0xE8, 0xFF]), 1007),
    ]

    @Test("A broken frame ends with its close code", arguments: broken)
    func breaks(name: String, bytes: [UInt8], code: UInt16) {
        guard case .failed(let reason) = steps(bytes).last else {
            Issue.record("\(name) was taken")
            return
        }
        #expect(reason.code == code, "\(name): \(reason)")
    }

    @Test(
        "Close codes that must not be sent are refused",
        arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535] as [UInt16])
    func closeCodes(code: UInt16) {
        #expect(!WebSocketClose.isAllowed(code))
        #expect(WebSocketClose.payload(CloseReason(code: code, reason: "x")).isEmpty)
        let found = steps(Self.masked(.close, [UInt8(code >> 8), UInt8(code & 255)]))
        guard case .failed(let reason) = found.last else {
            Issue.record("\(code) was taken")
            return
        }
        #expect(reason.code == 1002)
    }

    @Test(
        "Close codes in use arrive with their reason",
        arguments: [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4008, 4999] as [UInt16])
    func goodCloseCodes(code: UInt16) {
        let reason = CloseReason(code: code, reason: "grüße")
        #expect(
            steps(Self.masked(.close, WebSocketClose.payload(reason)) + [1, 2, 3]) == [.close(reason, consumed: 0)])
        #expect(steps(Self.masked(.close, [])) == [.close(nil, consumed: 0)])
    }

    @Test("A long close reason is cut between characters")
    func longReason() {
        let payload = WebSocketClose.payload(CloseReason(code: 1000, reason: String(repeating: "ä", count: 100)))
        #expect(payload.count <= 125)
        #expect(payload.dropFirst(2).withUnsafeBytes { UTF8Check.isValid($0) })
    }

    @Test("UTF-8 is judged as the standard library does, at every alignment")
    func utf8() {
        let leads: [[UInt8]] = (0...255).flatMap { first in
            [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0].map { [UInt8(first), $0] }
        }
        for lead in leads {
            for tail: [UInt8] in [[], [0x80], [0x80, 0x80], [0x80, 0xBF, 0x41]] {
                for pad in [0, 5, 8] {
                    let bytes = [UInt8](repeating: 0x61, count: pad) + lead + tail
                    let expected = String(validating: bytes, as: UTF8.self) != nil
                    #expect(bytes.withUnsafeBytes { UTF8Check.isValid($0) } == expected, "\(bytes)")
                }
            }
        }
    }

    @Test("Binary messages hold anything where they are taken, and only text elsewhere", arguments: [true, false])
    func binaryIsTakenWhereItIsWanted(_ takesBinary: Bool) {
        var decoder = WebSocketDecoder(role: .server, maxMessageBytes: 100, takesBinary: takesBinary)
        var bytes = WebSocketEncoder.frame(.binary, [0xFF, 0xFE], maskKey: Self.key)
        let step = bytes.withUnsafeMutableBytes { decoder.next(in: $0) }
        if takesBinary {
            #expect(step == .message(range: 6..<8, consumed: 8))
            #expect(decoder.messageOpcode == .binary)
        } else {
            #expect(step == .failed(CloseReason(code: 1003, reason: "binary data is not taken")))
        }
    }

    @Test("The accept value of RFC 6455 section 1.3 is computed")
    func accept() {
        #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake.isKey("dGhlIHNhbXBsZSBub25jZQ=="))
        #expect(!WebSocketHandshake.isKey("dGhlIHNhbXBsZSBub25jZQ"))
        #expect(!WebSocketHandshake.isKey(""))
        #expect(WebSocketHandshake.base64([]) == "")
        #expect(WebSocketHandshake.base64([0x66]) == "Zg==")
        #expect(WebSocketHandshake.base64([0x66, 0x6F]) == "Zm8=")
    }
}
