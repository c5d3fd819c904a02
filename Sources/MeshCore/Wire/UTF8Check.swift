/// Whether bytes are UTF-8.
package enum UTF8Check {
    /// True for well-formed UTF-8: no surrogates, no overlong forms, no truncated character at the end.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let result = check(bytes)
        return !result.isBroken && result.wholeBytes == bytes.count
    }

    /// How many bytes are whole characters, and whether what follows is invalid; if not, it is empty or the
    /// beginning of a character. ASCII is skipped many bytes at a time.
    package static func check(_ bytes: UnsafeRawBufferPointer) -> (wholeBytes: Int, isBroken: Bool) {
        var offset = asciiBytes(bytes)
        while offset < bytes.count {
            if offset + 8 <= bytes.count,
                bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                offset += 8
                continue
            }
            switch character(bytes, offset) {
            case .whole(let length): offset += length
            case .cut: return (offset, false)
            case .broken: return (offset, true)
            }
        }
        return (offset, false)
    }

    /// How many bytes at the front are known to be ASCII, in blocks of 32.
    private static func asciiBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while offset + 32 <= bytes.count {
            let piece = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            if (piece[0] | piece[1] | piece[2] | piece[3]) & 0x8080_8080_8080_8080 != 0 { break }
            offset += 32
        }
        return offset
    }

    private enum Found { case whole(Int), cut, broken }

    /// The character at `offset` (Unicode table 3-7).
    private static func character(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Found {
        let lead = bytes[offset]
        if lead < 0x80 { return .whole(1) }
        let length: Int
        var allowed: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, allowed) = (3, 0xA0...0xBF)
        case 0xED: (length, allowed) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, allowed) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, allowed) = (4, 0x80...0x8F)
        default: return .broken
        }
        for index in (offset + 1)..<(offset + length) {
            guard index < bytes.count else { return .cut }
            guard allowed.contains(bytes[index]) else { return .broken }
            allowed = 0x80...0xBF
        }
        return .whole(length)
    }
}
