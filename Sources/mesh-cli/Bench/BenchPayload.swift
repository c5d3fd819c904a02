/// The text of a measured message: when it should have been sent, who sent it, its number, and filling.
struct BenchPayload {
    /// 16 + 8 + 8 hexadecimal digits.
    static let minimumSize = 32

    /// The bytes of a text.
    static func make(due: UInt64, sender: Int, number: Int, size: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(ascii: "."), count: size)
        put(due, 16, at: 0, &bytes)
        put(UInt64(sender), 8, at: 16, &bytes)
        put(UInt64(number), 8, at: 24, &bytes)
        return bytes
    }

    var due: UInt64
    var sender: Int
    var number: Int

    /// Reads a text; nil when it is none of ours.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.minimumSize, let due = Self.take(bytes[0..<16]),
            let sender = Self.take(bytes[16..<24]), let number = Self.take(bytes[24..<32])
        else { return nil }
        self.due = due
        self.sender = Int(sender)
        self.number = Int(number)
    }

    private static func put(_ value: UInt64, _ digits: Int, at place: Int, _ bytes: inout [UInt8]) {
        for digit in 0..<digits {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - digit)) & 15)
            bytes[place + digit] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        }
    }

    private static func take(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
