import Testing

@testable import MeshCore

/// Frames whose payload is written where it leaves from.
@Suite struct FrameInPlaceTests {
    /// The header is as short as the payload allows, whatever the room was.
    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536], [0, 1, 130, 70_000])
    func `a frame that is filled in place is the same frame`(count: Int, spare: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for mask: UInt32? in [nil, 0x1234_5678] {
            let maximum = count + spare
            var memory = [UInt8](repeating: 0, count: maximum + WebSocketEncoder.maxHeaderBytes)
            let size = memory.withUnsafeMutableBytes { target in
                WebSocketEncoder.write(.text, maximumBytes: maximum, maskKey: mask, to: target) { room in
                    room.copyBytes(from: payload)
                    return count
                }
            }
            #expect(Array(memory.prefix(size)) == WebSocketEncoder.frame(.text, payload, maskKey: mask))
        }
    }

    @Test func `bytes that are no UTF-8 are found at every place of a long text`() {
        for count in 0..<140 {
            let text = [UInt8](repeating: UInt8(ascii: "x"), count: count)
            #expect(text.withUnsafeBytes { UTF8Check.isValid($0) })
            for place in 0..<count {
                var altered = text
                altered[place] = 0xFF
                let result = altered.withUnsafeBytes { UTF8Check.check($0) }
                #expect(result.isBroken && result.wholeBytes == place)
            }
        }
    }
}
