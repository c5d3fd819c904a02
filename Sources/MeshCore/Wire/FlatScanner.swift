/// Reads the members of a flat JSON object as ranges of its bytes, without building a tree: for performance-critical
/// frames. It accepts only what needs no decoding (printable ASCII strings without escapes, integers, `true`, `false`,
/// `null`, and lists of such strings or of objects of all that); the general parser handles anything else, including
/// errors.
package struct FlatScanner: Sendable {
    /// One member's value.
    package enum Value: Sendable, Hashable {
        /// The text between the quotes.
        case string(Range<Int>)
        /// At most 18 digits.
        case integer(Int64)
        case bool(Bool)
        case null
        /// The range between the brackets: strings and commas.
        case strings(Range<Int>)
        /// The range between the brackets: flat objects without lists, and commas.
        case objects(Range<Int>)
    }

    /// One member: the range of its name, and its value.
    package struct Member: Sendable, Hashable {
        package var name: Range<Int>
        package var value: Value
    }

    /// The members of the object read last.
    package private(set) var members: [Member] = []
    /// A bit for each name that was read, at a position that few other names share.
    private var names: UInt64 = 0
    /// More members than this are left to the general parser.
    fileprivate static let maximumMembers = 24

    package init() { members.reserveCapacity(Self.maximumMembers) }

    /// Reads an object; false leaves it to the general parser.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Bool {
        members.removeAll(keepingCapacity: true)
        names = 0
        var cursor = Cursor(bytes: bytes)
        guard cursor.take(UInt8(ascii: "{")) else { return false }
        if cursor.take(UInt8(ascii: "}")) { return cursor.isAtEnd }
        repeat {
            guard members.count < Self.maximumMembers, let name = cursor.string(), cursor.take(UInt8(ascii: ":")),
                let value = cursor.value(), isNew(bytes, name)
            else { return false }
            members.append(Member(name: name, value: value))
        } while cursor.take(UInt8(ascii: ","))
        return cursor.take(UInt8(ascii: "}")) && cursor.isAtEnd
    }

    /// The value of a member; nil when there is none of this name.
    package func value(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> Value? {
        for member in members where Self.equals(bytes, member.name, name) { return member.value }
        return nil
    }

    /// The text of a member; nil when there is none, or it is not a string.
    package func text(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> String? {
        range(name, in: bytes).map { Self.text(bytes, $0) }
    }

    /// The range of a member's text; nil when there is none, or it is not a string.
    package func range(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        guard case .string(let range)? = value(name, in: bytes) else { return nil }
        return range
    }

    /// The text of a range.
    package static func text(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    /// Whether a range has these bytes.
    package static func equals(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for place in 0..<range.count where bytes[range.lowerBound + place] != text.utf8Start[place] { return false }
        return true
    }

    /// The strings of a list.
    package static func strings(_ bytes: UnsafeRawBufferPointer, _ list: Range<Int>) -> [String] {
        var result: [String] = []
        var cursor = Cursor(bytes: bytes, offset: list.lowerBound)
        while cursor.offset < list.upperBound, let range = cursor.string() {
            result.append(text(bytes, range))
            guard cursor.take(UInt8(ascii: ",")) else { break }
        }
        return result
    }

    /// The ranges of the objects of a list; each can be read with `scan`.
    package static func objects(_ bytes: UnsafeRawBufferPointer, _ list: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var cursor = Cursor(bytes: bytes, offset: list.lowerBound)
        while cursor.offset < list.upperBound, let range = cursor.object() {
            result.append(range)
            guard cursor.take(UInt8(ascii: ",")) else { break }
        }
        return result
    }

    /// Whether no member has this name yet. Most names need no comparison: their bit is not set.
    private mutating func isNew(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
        let bit = Self.bit(bytes, name)
        defer { names |= bit }
        return names & bit == 0 || !members.contains { Self.equals(bytes, $0.name, name) }
    }

    private static func bit(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> UInt64 {
        guard let first = name.first else { return 1 }
        let mixed = Int(bytes[first]) &* 5 &+ Int(bytes[name.upperBound &- 1]) &* 11 &+ name.count &* 3
        return 1 << UInt64(mixed & 63)
    }

    fileprivate static func equals(_ bytes: UnsafeRawBufferPointer, _ one: Range<Int>, _ other: Range<Int>) -> Bool {
        guard one.count == other.count else { return false }
        return (0..<one.count).allSatisfy { bytes[one.lowerBound + $0] == bytes[other.lowerBound + $0] }
    }
}

/// A position in the bytes.
private struct Cursor {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return offset == bytes.count
        }
    }

    private mutating func skipSpace() {
        while offset < bytes.count, Self.isSpace(bytes[offset]) { offset += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Consumes a byte, after any space.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        if offset < bytes.count, bytes[offset] == byte {
            offset += 1
            return true
        }
        return takeBehindSpace(byte)
    }

    private mutating func takeBehindSpace(_ byte: UInt8) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// A string of printable ASCII without escapes, eight bytes at a time; a long one in larger steps.
    mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = offset
        while offset + 8 <= bytes.count {
            let plain = PlainText.plainASCIICount(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += plain
            if plain < 8 { return end(of: start) }
            if offset - start == 16 { skipPlain() }
        }
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x00..<0x20, 0x7F...: return end(of: start)
            default: offset += 1
            }
        }
        return nil
    }

    /// Skips what is certainly within a string, 32 bytes at a time.
    private mutating func skipPlain() {
        while offset + 32 <= bytes.count,
            PlainText.isPlainASCII(bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
        {
            offset += 32
        }
    }

    /// The string that ends here; nil when there is no quote here.
    private mutating func end(of start: Int) -> Range<Int>? {
        guard bytes[offset] == UInt8(ascii: "\"") else { return nil }
        offset += 1
        return start..<(offset - 1)
    }

    mutating func value() -> FlatScanner.Value? {
        skipSpace()
        guard offset < bytes.count else { return nil }
        switch bytes[offset] {
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "["): return list()
        case UInt8(ascii: "t"): return literal("true", .bool(true))
        case UInt8(ascii: "f"): return literal("false", .bool(false))
        case UInt8(ascii: "n"): return literal("null", .null)
        default: return integer()
        }
    }

    private mutating func literal(_ text: StaticString, _ value: FlatScanner.Value) -> FlatScanner.Value? {
        let end = offset + text.utf8CodeUnitCount
        guard end <= bytes.count, FlatScanner.equals(bytes, offset..<end, text) else { return nil }
        offset = end
        return value
    }

    /// An integer as in RFC 8259, without fraction and exponent.
    private mutating func integer() -> FlatScanner.Value? {
        let isNegative = bytes[offset] == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        let start = offset
        var value: Int64 = 0
        while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit < 10 {
            guard offset - start < 18 else { return nil }
            value = value * 10 + Int64(digit)
            offset += 1
        }
        let count = offset - start
        guard count > 0, count == 1 || bytes[start] != UInt8(ascii: "0"), !(isNegative && value == 0) else {
            return nil
        }
        if offset < bytes.count, [0x2E, 0x45, 0x65].contains(bytes[offset]) { return nil }
        return .integer(isNegative ? -value : value)
    }

    private mutating func list() -> FlatScanner.Value? {
        guard take(UInt8(ascii: "[")) else { return nil }
        let start = offset
        if take(UInt8(ascii: "]")) { return .strings(start..<start) }
        skipSpace()
        let holdsObjects = offset < bytes.count && bytes[offset] == UInt8(ascii: "{")
        repeat {
            guard (holdsObjects ? object() : string()) != nil else { return nil }
        } while take(UInt8(ascii: ","))
        let end = offset
        guard take(UInt8(ascii: "]")) else { return nil }
        return holdsObjects ? .objects(start..<end) : .strings(start..<end)
    }

    /// An object whose values are neither lists nor objects.
    mutating func object() -> Range<Int>? {
        skipSpace()
        let start = offset
        guard take(UInt8(ascii: "{")) else { return nil }
        if take(UInt8(ascii: "}")) { return start..<offset }
        var names: [Range<Int>] = []
        repeat {
            guard names.count < FlatScanner.maximumMembers, let name = string(), take(UInt8(ascii: ":")),
                !names.contains(where: { FlatScanner.equals(bytes, $0, name) })
            else { return nil }
            names.append(name)
            skipSpace()
            guard offset < bytes.count, bytes[offset] != UInt8(ascii: "["), value() != nil else { return nil }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? start..<offset : nil
    }
}
