import Crypto

/// Bytes as hexadecimal text.
public enum Hex {
    /// Two lower-case digits for each byte.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        // Not through the collection's own iterator, which costs an allocation for each byte where it is not known.
        let text = bytes.withContiguousStorageIfAvailable { encode(UnsafeRawBufferPointer($0)) }
        return text ?? Array(bytes).withUnsafeBytes { encode($0) }
    }

    /// Two lower-case digits for each byte of memory that stays valid during the call.
    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            for place in 0..<bytes.count {
                let byte = bytes[place]
                text[place * 2] = digit(byte >> 4)
                text[place * 2 + 1] = digit(byte & 15)
            }
            return bytes.count * 2
        }
    }

    /// Appends two lower-case digits for each byte.
    static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// The bytes of digits in either case; nil when there is anything else or an odd number.
    public static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? bytes : nil
    }
}

/// Bytes as base64 text (RFC 4648).
public enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let standardValues = values(standard)
    private static let urlValues = values(url)

    private static func values(_ alphabet: [UInt8]) -> [UInt8] {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }

    /// The standard alphabet, padded.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        encode(Array(bytes), standard, isPadded: true)
    }
    /// The URL alphabet, without padding.
    public static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
        encode(Array(bytes), url, isPadded: false)
    }

    /// Reads the standard alphabet; nil when it is not padded or has stray bits.
    public static func decode(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { return nil }
        let padding = characters.suffix(2).count { $0 == UInt8(ascii: "=") }
        let body = characters.dropLast(padding)
        return decode(body, standardValues)
    }

    /// Reads the URL alphabet without padding; nil when it has padding or stray bits.
    public static func decodeURL(_ text: String) -> [UInt8]? { decode(Array(text.utf8)[...], urlValues) }

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], isPadded: Bool) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { text in
            var end = 0
            func put(_ value: UInt32) {
                text[end] = alphabet[Int(value & 63)]
                end += 1
            }
            var place = 0
            while place + 3 <= bytes.count {
                let word = UInt32(bytes[place]) << 16 | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2])
                put(word >> 18)
                put(word >> 12)
                put(word >> 6)
                put(word)
                place += 3
            }
            let left = bytes.count - place
            guard left > 0 else { return end }
            let word = UInt32(bytes[place]) << 16 | (left > 1 ? UInt32(bytes[place + 1]) << 8 : 0)
            put(word >> 18)
            put(word >> 12)
            if left > 1 { put(word >> 6) }
            if isPadded {
                for _ in left..<3 {
                    text[end] = UInt8(ascii: "=")
                    end += 1
                }
            }
            return end
        }
    }

    /// How many bytes the standard alphabet says, without decoding them; nil where `decode` gives nil.
    public static func decodedCount(_ text: String) -> Int? {
        var text = text
        return text.withUTF8 { decodedCount(UnsafeRawBufferPointer($0)) }
    }

    /// The same for characters in memory.
    package static func decodedCount(_ characters: UnsafeRawBufferPointer) -> Int? {
        guard characters.count % 4 == 0 else { return nil }
        var end = characters.count
        while end > 0, end + 2 > characters.count, characters[end - 1] == UInt8(ascii: "=") { end -= 1 }
        var union: UInt8 = 0
        standardValues.withUnsafeBufferPointer { values in
            for place in 0..<end { union |= values[Int(characters[place])] }
        }
        guard union < 64 else { return nil }
        // The bits behind the last byte must be zero.
        switch end % 4 {
        case 2: guard standardValues[Int(characters[end - 1])] & 15 == 0 else { return nil }
        case 3: guard standardValues[Int(characters[end - 1])] & 3 == 0 else { return nil }
        case 1: return nil
        default: break
        }
        return end * 3 / 4
    }

    private static func decode(_ characters: ArraySlice<UInt8>, _ values: [UInt8]) -> [UInt8]? {
        guard characters.count % 4 != 1 else { return nil }
        var isWhole = true
        let bytes = [UInt8](unsafeUninitializedCapacity: characters.count * 3 / 4) { bytes, end in
            characters.withUnsafeBufferPointer { characters in
                var place = 0
                var union: UInt8 = 0
                func value(_ offset: Int) -> UInt32 {
                    let value = values[Int(characters[place + offset])]
                    union |= value
                    return UInt32(value & 63)
                }
                while place + 4 <= characters.count {
                    let word = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3)
                    bytes[end] = UInt8(truncatingIfNeeded: word >> 16)
                    bytes[end + 1] = UInt8(truncatingIfNeeded: word >> 8)
                    bytes[end + 2] = UInt8(truncatingIfNeeded: word)
                    end += 3
                    place += 4
                }
                let left = characters.count - place
                if left > 1 {
                    let word = value(0) << 18 | value(1) << 12 | (left > 2 ? value(2) << 6 : 0)
                    bytes[end] = UInt8(truncatingIfNeeded: word >> 16)
                    end += 1
                    if left > 2 {
                        bytes[end] = UInt8(truncatingIfNeeded: word >> 8)
                        end += 1
                    }
                    // The bits behind the last byte must be zero.
                    isWhole = word & (left > 2 ? 0xFF : 0xFFFF) == 0
                }
                isWhole = isWhole && union < 64
            }
        }
        return isWhole ? bytes : nil
    }
}

/// Hashes.
public enum Hashing {
    /// SHA-256, 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
    /// SHA-256 of memory that stays valid during the call.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return Array(hash.finalize())
    }
    /// HMAC with SHA-256, 32 bytes.
    public static func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }
}
