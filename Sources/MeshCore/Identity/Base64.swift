/// Bytes as base64 text (RFC 4648).
public enum Base64 {
    private static let padding = UInt8(ascii: "=")

    // MARK: Texts

    /// The standard alphabet, padded.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        // Not through the collection's own iterator, which costs a call for each byte where its type is not known.
        let text = bytes.withContiguousStorageIfAvailable { encoded(UnsafeRawBufferPointer($0)) }
        return text ?? Array(bytes).withUnsafeBytes { encoded($0) }
    }

    private static func encoded(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: encodedCount(bytes.count)) {
            encode(bytes, to: UnsafeMutableRawBufferPointer($0))
        }
    }

    /// Reads the standard alphabet; nil when it is not padded or has stray bits.
    public static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { characters -> [UInt8]? in
            let characters = UnsafeRawBufferPointer(characters)
            var isWhole = false
            let bytes = [UInt8](unsafeUninitializedCapacity: characters.count / 4 * 3) { bytes, count in
                guard let end = decode(characters, to: UnsafeMutableRawBufferPointer(bytes)) else { return }
                count = end
                isWhole = true
            }
            return isWhole ? bytes : nil
        }
    }

    /// The number of bytes in a text of the standard alphabet, without decoding it; nil where `decode` gives nil.
    public static func decodedCount(_ text: String) -> Int? {
        var text = text
        return text.withUTF8 { decodedCount(UnsafeRawBufferPointer($0)) }
    }

    /// The URL alphabet, without padding.
    public static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
        let text = encode(bytes).utf8.prefix { $0 != padding }
        return String(decoding: text.map { swapped($0, from: "+/", to: "-_") }, as: UTF8.self)
    }

    /// Reads the URL alphabet without padding; nil when it has padding or stray bits.
    public static func decodeURL(_ text: String) -> [UInt8]? {
        guard !text.utf8.contains(where: { $0 == padding || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }) else {
            return nil
        }
        var characters = text.utf8.map { swapped($0, from: "-_", to: "+/") }
        guard characters.count % 4 != 1 else { return nil }
        while characters.count % 4 != 0 { characters.append(padding) }
        return decode(String(decoding: characters, as: UTF8.self))
    }

    /// The character of the other alphabet, for the two characters that differ.
    private static func swapped(_ character: UInt8, from: StaticString, to: StaticString) -> UInt8 {
        if character == from.utf8Start[0] { return to.utf8Start[0] }
        return character == from.utf8Start[1] ? to.utf8Start[1] : character
    }

    // MARK: Memory

    /// The number of characters for this many bytes.
    package static func encodedCount(_ bytes: Int) -> Int { (bytes + 2) / 3 * 4 }

    /// Writes the standard alphabet, padded, to the start of `text`, which has room for at least `encodedCount`
    /// characters; returns their number.
    @discardableResult
    package static func encode(_ bytes: UnsafeRawBufferPointer, to text: UnsafeMutableRawBufferPointer) -> Int {
        let size = encodedCount(bytes.count)
        precondition(text.count >= size, "no room for the text")
        Base64Tables.pairs.withUnsafeBufferPointer { pairs in
            var place = 0
            var end = 0
            func put(_ word: UInt32) {
                text.storeBytes(of: pairs[Int(word >> 12 & 4_095)], toByteOffset: end, as: UInt16.self)
                text.storeBytes(of: pairs[Int(word & 4_095)], toByteOffset: end + 2, as: UInt16.self)
                end += 4
            }
            // Four bytes are read for three.
            while place + 4 <= bytes.count {
                put(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)) >> 8)
                place += 3
            }
            guard place < bytes.count else { return }
            let left = bytes.count - place
            put((0..<3).reduce(0) { $0 << 8 | ($1 < left ? UInt32(bytes[place + $1]) : 0) })
            for offset in left..<3 { text[end - 3 + offset] = padding }
        }
        return size
    }

    /// Reads the standard alphabet to the start of `bytes`; returns the number of bytes, nil where `decode` of a
    /// text gives nil, and when there is no room.
    package static func decode(_ text: UnsafeRawBufferPointer, to bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard let body = body(text), bytes.count >= body * 3 / 4 else { return nil }
        return Base64Tables.values.withUnsafeBufferPointer { values in
            var place = 0
            var end = 0
            var union: UInt32 = 0
            // Four bytes are written for three.
            while place + 4 <= body, end + 4 <= bytes.count {
                let word = word(text, place, values)
                union |= word
                bytes.storeBytes(of: (word << 8).bigEndian, toByteOffset: end, as: UInt32.self)
                place += 4
                end += 3
            }
            while place < body {
                let taken = min(4, body - place)
                let word = word(text, place, taken, values)
                union |= word
                for offset in 0..<taken * 3 / 4 {
                    bytes[end] = UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * offset))
                    end += 1
                }
                if hasStrayBits(word, taken) { return nil }
                place += taken
            }
            return union < Base64Tables.wrong ? end : nil
        }
    }

    /// The number of bytes in a text, without decoding it; nil where `decode` gives nil.
    package static func decodedCount(_ text: UnsafeRawBufferPointer) -> Int? {
        guard let body = body(text) else { return nil }
        return Base64Tables.values.withUnsafeBufferPointer { values in
            var union: UInt32 = 0
            for place in 0..<body { union |= values[Int(text[place])] }
            let last = body % 4
            if last > 0, hasStrayBits(word(text, body - last, last, values), last) { return nil }
            return union < Base64Tables.wrong ? body * 3 / 4 : nil
        }
    }

    /// The number of characters before the padding; nil when it cannot be right.
    private static func body(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        var end = text.count
        while end > 0, end + 2 > text.count, text[end - 1] == padding { end -= 1 }
        return end
    }

    /// The 24 bits of four characters; at least `wrong` when one of them is invalid.
    @inline(__always)
    private static func word(
        _ text: UnsafeRawBufferPointer, _ place: Int, _ values: UnsafeBufferPointer<UInt32>
    ) -> UInt32 {
        values[Int(text[place])] | values[256 + Int(text[place + 1])] | values[512 + Int(text[place + 2])]
            | values[768 + Int(text[place + 3])]
    }

    /// The 24 bits of at most four characters, padded with zeros.
    private static func word(
        _ text: UnsafeRawBufferPointer, _ place: Int, _ count: Int, _ values: UnsafeBufferPointer<UInt32>
    ) -> UInt32 {
        (0..<count).reduce(0) { $0 | values[256 * $1 + Int(text[place + $1])] }
    }

    /// Whether anything but zeros follows the last whole byte of this many characters.
    private static func hasStrayBits(_ word: UInt32, _ characters: Int) -> Bool {
        word & (1 << UInt32(24 - characters * 3 / 4 * 8) - 1) != 0
    }
}

/// Tables that decode several characters at once.
private enum Base64Tables {
    /// The value of an invalid character: above 24 bits.
    static let wrong: UInt32 = 1 << 24

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The two characters of each 12 bits, in memory order.
    static let pairs: [UInt16] = (0..<4_096).map { bits in
        UInt16(bigEndian: UInt16(alphabet[bits >> 6]) << 8 | UInt16(alphabet[bits & 63]))
    }

    /// The value of each character, at each of the four positions of 24 bits.
    static let values: [UInt32] = {
        var values = [UInt32](repeating: wrong, count: 4 * 256)
        for place in 0..<4 {
            for (value, character) in alphabet.enumerated() {
                values[256 * place + Int(character)] = UInt32(value) << UInt32(18 - 6 * place)
            }
        }
        return values
    }()
}
