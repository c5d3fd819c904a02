/// Whether text can be put between JSON quotes as it is, eight bytes at a time.
enum PlainText {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let high: UInt64 = 0x8080_8080_8080_8080

    private static func zeros(_ value: UInt64) -> UInt64 { (value &- ones) & ~value & high }

    /// Marks quotes, backslashes and control characters. There may be false marks, never missing ones: a caller that
    /// finds one checks byte by byte.
    private static func special(_ word: UInt64) -> UInt64 {
        zeros(word ^ (ones &* 0x22)) | zeros(word ^ (ones &* 0x5C)) | ((word &- (ones &* 0x20)) & ~word & high)
    }

    /// How many of eight bytes, in memory order, come before the first one that is not printable ASCII, or is a quote
    /// or a backslash.
    @inline(__always)
    static func plainASCIICount(_ word: UInt64) -> Int {
        let word = UInt64(littleEndian: word)
        // The highest bit of a byte is marked when it is not ASCII, below 0x20, a quote, a backslash, or 0x7F. What a
        // byte borrows or carries affects only bytes after one that is marked itself: the first mark is correct.
        let marks =
            word | (word &- ones &* 0x20) | ((word ^ ones &* 0x22) &- ones) | ((word ^ ones &* 0x5C) &- ones)
            | (word &+ ones)
        return (marks & high).trailingZeroBitCount / 8
    }

    /// Whether 32 bytes are printable ASCII without quotes and backslashes.
    @inline(__always)
    static func isPlainASCII(_ bytes: SIMD4<UInt64>) -> Bool {
        let (one, space) = (SIMD4(repeating: ones), SIMD4(repeating: ones &* 0x20))
        let (quote, backslash) = (SIMD4(repeating: ones &* 0x22), SIMD4(repeating: ones &* 0x5C))
        let marks =
            bytes | (bytes &- space) | ((bytes ^ quote) &- one) | ((bytes ^ backslash) &- one) | (bytes &+ one)
        return (marks[0] | marks[1] | marks[2] | marks[3]) & high == 0
    }

    /// Whether no byte of a text needs an escape.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard special(word) == 0 || bytes[offset..<offset + 8].allSatisfy(isPlain) else { return false }
            offset += 8
        }
        return bytes[offset...].allSatisfy(isPlain)
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x22 && byte != 0x5C }
}
