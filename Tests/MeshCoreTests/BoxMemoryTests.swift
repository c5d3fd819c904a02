import Testing

@testable import MeshCore

/// Boxes and random bytes that are made in memory of the caller.
@Suite struct BoxMemoryTests {
    private static func sealed(_ text: [UInt8], _ nonce: [UInt8], _ key: BoxKey, room: Int) -> [UInt8]? {
        var box = [UInt8](repeating: 0, count: room)
        let isDone = box.withUnsafeMutableBytes { box in
            text.withUnsafeBytes { text in
                nonce.withUnsafeBytes { key.seal(text, nonce: $0, to: box) }
            }
        }
        return isDone ? box : nil
    }

    private static func opened(_ box: [UInt8], _ nonce: [UInt8], _ key: BoxKey, room: Int) -> [UInt8]? {
        var text = [UInt8](repeating: 0, count: room)
        let isDone = text.withUnsafeMutableBytes { text in
            box.withUnsafeBytes { box in
                nonce.withUnsafeBytes { key.open(box, nonce: $0, to: text) }
            }
        }
        return isDone ? text : nil
    }

    /// The key stream is made in pieces of 1,024 bytes, of which the first 32 are not for the text.
    @Test(arguments: [0, 1, 15, 31, 32, 33, 63, 64, 96, 255, 256, 991, 992, 993, 1_024, 2_015, 2_016, 2_017, 70_000])
    func `a box in memory is the same box`(count: Int) throws {
        var generator = SeededGenerator(UInt64(count))
        let key = try BoxKey(mine: SigningKey(), theirs: SigningKey().publicKey)
        let text = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let nonce = BoxKey.randomNonce()
        let box = try key.seal(text, nonce: nonce)
        #expect(Self.sealed(text, nonce, key, room: count + 16) == box)
        #expect(Self.opened(box, nonce, key, room: count) == text)
        #expect(key.open(box, nonce: nonce) == text)
        // Its ciphertext does not depend on what stands behind: no piece of the key stream is used twice.
        let longer = try key.seal(text + [1, 2, 3], nonce: nonce)
        #expect(longer[16..<(16 + count)] == box[16...])
        for _ in 0..<8 {
            var altered = box
            altered[Int.random(in: 0..<box.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(Self.opened(altered, nonce, key, room: count) == nil)
            #expect(key.open(altered, nonce: nonce) == nil)
        }
    }

    @Test func `sizes that do not fit are refused`() throws {
        let key = try BoxKey(mine: SigningKey(), theirs: SigningKey().publicKey)
        let nonce = BoxKey.randomNonce()
        let box = try key.seal([1, 2, 3], nonce: nonce)
        #expect(Self.sealed([1, 2, 3], nonce, key, room: 18) == nil)
        #expect(Self.sealed([1, 2, 3], nonce, key, room: 20) == nil)
        #expect(Self.sealed([1, 2, 3], Array(nonce.dropLast()), key, room: 19) == nil)
        #expect(Self.opened(box, nonce, key, room: 2) == nil)
        #expect(Self.opened(box, nonce, key, room: 4) == nil)
        #expect(Self.opened(box, nonce + [0], key, room: 3) == nil)
        #expect(Self.opened(Array(box.prefix(15)), nonce, key, room: 0) == nil)
    }

    @Test func `random bytes fill the whole memory, and no two pieces are the same`() {
        var random = SecureRandom()
        var seen: Set<[UInt8]> = []
        for count in [16, 17, 24, 24, 255, 256, 257, 1_000] {
            var bytes = [UInt8](repeating: 0, count: count)
            bytes.withUnsafeMutableBytes { random.fill($0) }
            for place in stride(from: 0, through: count - 16, by: 16) {
                #expect(seen.insert(Array(bytes[place..<place + 16])).inserted)
            }
            #expect(random.next() != random.next())
        }
    }
}
