/// Reads what a verifier needs of an entry's stored bytes, in one pass and without a tree. It knows only the plain form
/// of nearly every entry and accepts nothing that `LedgerEntry.parse` would not; anything else is parsed by that.
struct EntryScanner {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    /// The range of the origin.
    private(set) var origin = 0..<0
    private(set) var previous = Digest.zero
    private(set) var seq: Int64 = 0
    private(set) var timestamp: Int64 = 0

    /// Nil when the bytes are not in the plain form.
    init?(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        guard bytes.count <= LedgerEntry.maximumBytes, skip("{\"act\":"), let kind = text(), skip(",\"actor\":"),
            text() != nil
        else { return nil }
        // A verifier needs its value, not only its position.
        if kind.count == Self.rotation.utf8CodeUnitCount, holds(kind, Self.rotation) { return nil }
        if skip(",\"com\":"), !object(ofTexts: true) { return nil }
        guard skip(",\"log\":"), let origin = text() else { return nil }
        self.origin = origin
        if skip(",\"obj\":"), text() == nil { return nil }
        guard skip(",\"prev\":"), let hex = text(), let previous = Self.digest(bytes, hex) else { return nil }
        self.previous = previous
        if skip(",\"pub\":"), !object(ofTexts: false) { return nil }
        guard skip(",\"res\":\"ok\",\"seq\":"), let seq = number(), skip(",\"ts\":"), let timestamp = number(),
            skip(",\"v\":1}"), place == bytes.count
        else { return nil }
        self.seq = seq
        self.timestamp = timestamp
    }

    /// `LogKeyRotation.kind`, in a form that is cheap to compare for each of a million entries.
    private static let rotation: StaticString = "ledger.key_rotated"

    private func holds(_ range: Range<Int>, _ text: StaticString) -> Bool {
        for offset in 0..<text.utf8CodeUnitCount where bytes[range.lowerBound + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard place + count <= bytes.count else { return false }
        for offset in 0..<count where bytes[place + offset] != text.utf8Start[offset] { return false }
        place += count
        return true
    }

    /// A text of plain ASCII without escapes: its canonical form is the same.
    private mutating func text() -> Range<Int>? {
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { return nil }
        var end = place + 1
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                defer { place = end + 1 }
                return place + 1..<end
            }
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return nil }
            end += 1
        }
        return nil
    }

    /// A non-negative integer of at most 18 digits.
    private mutating func number() -> Int64? {
        let start = place
        var value: Int64 = 0
        while place < bytes.count, case let digit = bytes[place] &- UInt8(ascii: "0"), digit < 10 {
            value = value &* 10 &+ Int64(digit)
            place += 1
        }
        let count = place - start
        guard count > 0, count <= 18, count == 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
        return value
    }

    /// A non-empty object, its names ascending, its values texts or plain numbers and words.
    private mutating func object(ofTexts: Bool) -> Bool {
        guard skip("{") else { return false }
        var last: Range<Int>?
        repeat {
            guard let name = text(), last.map({ isBefore($0, name) }) ?? true, skip(":") else { return false }
            last = name
            if text() != nil { continue }
            guard !ofTexts, skip("true") || skip("false") || skip("null") || number() != nil else { return false }
        } while skip(",")
        return skip("}")
    }

    private func isBefore(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        UnsafeRawBufferPointer(rebasing: bytes[left]).lexicographicallyPrecedes(
            UnsafeRawBufferPointer(rebasing: bytes[right]))
    }

    private static func digest(_ bytes: UnsafeRawBufferPointer, _ hex: Range<Int>) -> Digest? {
        guard hex.count == 64 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { out -> Digest? in
            for index in 0..<32 {
                guard let high = nibble(bytes[hex.lowerBound + 2 * index]),
                    let low = nibble(bytes[hex.lowerBound + 2 * index + 1])
                else { return nil }
                out[index] = high << 4 | low
            }
            return Digest(memory: UnsafeRawBufferPointer(out))
        }
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
