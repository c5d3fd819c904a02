import Testing

@testable import MeshCore

/// Base64 against a reading of RFC 4648 that goes bit by bit.
@Suite struct Base64Tests {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Padded, of the standard alphabet, and with zeros behind the last whole byte; else nil.
    private static func slowly(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count
        var bits: [Bool] = []
        for character in text.dropLast(padding) {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits += (0..<6).map { value >> (5 - $0) & 1 == 1 }
        }
        let whole = bits.count / 8
        guard !bits.dropFirst(whole * 8).contains(true) else { return nil }
        return (0..<whole).map { byte in
            bits[(byte * 8)..<(byte * 8 + 8)].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }

    private static func decodedInMemory(_ text: [UInt8], room: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xEE, count: room)
        let count = text.withUnsafeBytes { text in
            bytes.withUnsafeMutableBytes { Base64.decode(text, to: $0) }
        }
        return count.map { Array(bytes.prefix($0)) }
    }

    @Test func `bytes of every length come back`() {
        var generator = SeededGenerator(5)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = Base64.encode(bytes)
            #expect(text.utf8.count == Base64.encodedCount(count))
            #expect(Self.slowly(Array(text.utf8)) == bytes)
            #expect(Base64.decode(text) == bytes)
            #expect(Base64.decodedCount(text) == count)
            #expect(Base64.encode(bytes[...].reversed()) == Base64.encode(Array(bytes.reversed())))
            let url = text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            #expect(Base64.encodeURL(bytes) == url)
            #expect(Base64.decodeURL(url) == bytes)
            // With room for no byte more, and with room for many.
            #expect(Self.decodedInMemory(Array(text.utf8), room: count) == bytes)
            #expect(Self.decodedInMemory(Array(text.utf8), room: count + 40) == bytes)
            if count > 0 { #expect(Self.decodedInMemory(Array(text.utf8), room: count - 1) == nil) }
        }
    }

    @Test func `texts that are broken are refused as they always were`() {
        var generator = SeededGenerator(6)
        var taken = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<28, using: &generator)
            var text = (0..<count).map { _ in Self.alphabet[Int.random(in: 0..<64, using: &generator)] }
            for _ in 0..<Int.random(in: 0..<3, using: &generator) where count > 0 {
                // Near the end, where the padding stands, more often than elsewhere.
                let reach = Bool.random(using: &generator) ? 3 : count
                let place = max(0, count - 1 - Int.random(in: 0..<reach, using: &generator))
                let isPadding = Bool.random(using: &generator)
                text[place] = isPadding ? UInt8(ascii: "=") : UInt8.random(in: 0...255, using: &generator)
            }
            let expected = Self.slowly(text)
            if expected != nil { taken += 1 }
            #expect(Self.decodedInMemory(text, room: count) == expected, "\(text)")
            #expect(text.withUnsafeBytes { Base64.decodedCount($0) } == expected?.count, "\(text)")
            guard let valid = String(validating: text, as: UTF8.self) else { continue }
            #expect(Base64.decode(valid) == expected, "\(text)")
        }
        #expect(taken > 2_000)
    }

    @Test(arguments: 0..<12)
    func `a byte outside the alphabet is refused at every place`(place: Int) {
        for byte in UInt8(0)...255 {
            var text = Array("QUJDQUJDQUJD".utf8)
            text[place] = byte
            #expect(Self.decodedInMemory(text, room: 9) == Self.slowly(text), "\(byte)")
        }
    }

    @Test(arguments: ["Zg==", "Zm+v", "Zm/v", "Zm9vY", "Zh", "Zm9", "Zm9v\n"])
    func `what is no URL base64 is refused`(text: String) { #expect(Base64.decodeURL(text) == nil) }
}
