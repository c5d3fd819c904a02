/// A number that two members compare over another channel, to detect a man in the middle: the same for both,
/// and different as soon as either key is different.
///
/// 60 digits in twelve groups of five. Each group is five bytes, big endian, modulo 100,000, of SHA-256 over
/// `mesh-safety-v1`, a counter byte 0 or 1, and both member keys in ascending order.
public struct SafetyNumber: Sendable, Hashable, CustomStringConvertible {
    /// Twelve groups of five digits.
    public let groups: [String]

    /// The number of two members.
    public init(_ one: PublicKey, _ other: PublicKey) {
        let keys = [one.bytes, other.bytes].sorted { $0.lexicographicallyPrecedes($1) }
        let hashes = [UInt8(0), 1].flatMap { counter in
            Hashing.sha256(Array("mesh-safety-v1".utf8) + [counter] + keys[0] + keys[1])
        }
        groups = (0..<12).map { group in
            let value = hashes[5 * group..<5 * group + 5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % 100_000
            let digits = String(value)
            return String(repeating: "0", count: 5 - digits.count) + digits
        }
    }

    /// The groups with spaces between them.
    public var description: String { groups.joined(separator: " ") }

    /// Whether a text has the same 60 digits; all other characters are ignored.
    public func matches(_ text: String) -> Bool { text.filter { $0.isASCII && $0.isNumber } == groups.joined() }
}
