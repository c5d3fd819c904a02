/// Whether text can stand between JSON's quotes as it is, eight bytes at a time.
enum PlainText {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let high: UInt64 = 0x8080_8080_8080_8080

    private static func zeros(_ value: UInt64) -> UInt64 { (value &- ones) & ~value & high }

    /// Marks quotes, backslashes and control characters. A mark may stand too many, never too few: whoever finds one
    /// looks byte by byte.
    private static func special(_ word: UInt64) -> UInt64 {
        zeros(word ^ (ones &* 0x22)) | zeros(word ^ (ones &* 0x5C)) | ((word &- (ones &* 0x20)) & ~word & high)
    }

    /// Whether eight bytes are printable ASCII without quotes and backslashes.
    static func isPlainASCII(_ word: UInt64) -> Bool { special(word) | (word & high) == 0 }

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
