/// The text of a measured message: when it should have been sent, who sent it, its number, and filling.
struct BenchPayload {
    /// 16 + 8 + 8 hexadecimal digits.
    static let minimumSize = 32

    var due: UInt64
    var sender: Int
    var number: Int

    init(due: UInt64, sender: Int, number: Int) {
        self.due = due
        self.sender = sender
        self.number = number
    }

    /// Reads a text; nil when it is none of ours.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.minimumSize, let due = Self.take(bytes, 0..<16),
            let sender = Self.take(bytes, 16..<24), let number = Self.take(bytes, 24..<32)
        else { return nil }
        self.init(due: due, sender: Int(sender), number: Int(number))
    }

    /// Writes the text over the whole of the memory.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        Self.put(due, to: bytes, 0..<16)
        Self.put(UInt64(sender), to: bytes, 16..<24)
        Self.put(UInt64(number), to: bytes, 24..<32)
        UnsafeMutableRawBufferPointer(rebasing: bytes[32...]).initializeMemory(as: UInt8.self, repeating: 0x2E)
    }

    private static func put(_ value: UInt64, to bytes: UnsafeMutableRawBufferPointer, _ places: Range<Int>) {
        var rest = value
        for place in places.reversed() {
            let nibble = UInt8(truncatingIfNeeded: rest & 15)
            bytes[place] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            rest >>= 4
        }
    }

    private static func take(_ bytes: UnsafeRawBufferPointer, _ places: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for place in places {
            let digit = bytes[place]
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
