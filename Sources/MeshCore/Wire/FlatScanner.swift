/// Reads the members of a flat JSON object as ranges of its bytes, without building a tree: for the frames whose cost
/// counts. It takes only what needs no decoding (printable ASCII strings without escapes, integers, `true`, `false`,
/// `null`, and lists of such strings); for anything else the general parser decides, also about what is wrong.
package struct FlatScanner: Sendable {
    /// One member's value.
    package enum Value: Sendable, Hashable {
        /// The text between the quotes.
        case string(Range<Int>)
        /// At most 18 digits.
        case integer(Int64)
        case bool(Bool)
        case null
        /// What stands between the brackets: strings and commas.
        case strings(Range<Int>)
    }

    /// One member: where its name stands, and its value.
    package struct Member: Sendable, Hashable {
        package var name: Range<Int>
        package var value: Value
    }

    /// The members of the object that was read last.
    package private(set) var members: [Member] = []
    /// More members than this are left to the general parser.
    private static let maximumMembers = 24

    package init() { members.reserveCapacity(Self.maximumMembers) }

    /// Reads an object; false leaves it to the general parser.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Bool {
        members.removeAll(keepingCapacity: true)
        var cursor = Cursor(bytes: bytes)
        guard cursor.take(UInt8(ascii: "{")) else { return false }
        if cursor.take(UInt8(ascii: "}")) { return cursor.isAtEnd }
        repeat {
            guard members.count < Self.maximumMembers, let name = cursor.string(), cursor.take(UInt8(ascii: ":")),
                let value = cursor.value(), !hasMember(bytes, name)
            else { return false }
            members.append(Member(name: name, value: value))
        } while cursor.take(UInt8(ascii: ","))
        return cursor.take(UInt8(ascii: "}")) && cursor.isAtEnd
    }

    /// The value of a member; nil when there is none of this name.
    package func value(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> Value? {
        members.first { Self.equals(bytes, $0.name, name) }?.value
    }

    /// The text of a member; nil when there is none, or it is no string.
    package func text(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> String? {
        guard case .string(let range)? = value(name, in: bytes) else { return nil }
        return Self.text(bytes, range)
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

    private func hasMember(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
        members.contains { member in
            member.name.count == name.count
                && (0..<name.count).allSatisfy {
                    bytes[member.name.lowerBound + $0] == bytes[name.lowerBound + $0]
                }
        }
    }
}

/// A place in the bytes.
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
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    /// Takes a byte, behind any space.
    mutating func take(_ byte: UInt8) -> Bool {
        if offset < bytes.count, bytes[offset] == byte {
            offset += 1
            return true
        }
        skipSpace()
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// A string of printable ASCII without escapes, eight bytes at a time.
    mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = offset
        while offset + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard PlainText.isPlainASCII(word) else { break }
            offset += 8
        }
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return start..<(offset - 1)
            case UInt8(ascii: "\\"), 0x00..<0x20, 0x7F...: return nil
            default: offset += 1
            }
        }
        return nil
    }

    mutating func value() -> FlatScanner.Value? {
        skipSpace()
        guard offset < bytes.count else { return nil }
        switch bytes[offset] {
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "["): return strings()
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

    /// An integer as RFC 8259 writes it, without fraction and exponent.
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

    private mutating func strings() -> FlatScanner.Value? {
        guard take(UInt8(ascii: "[")) else { return nil }
        let start = offset
        if take(UInt8(ascii: "]")) { return .strings(start..<start) }
        repeat { guard string() != nil else { return nil } } while take(UInt8(ascii: ","))
        let end = offset
        return take(UInt8(ascii: "]")) ? .strings(start..<end) : nil
    }
}
