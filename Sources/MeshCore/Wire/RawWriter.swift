/// Writes bytes one after the other into memory that its caller made large enough: for output of every message.
/// What does not fit is not written, and `bytes` is nil.
package struct RawWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private var count = 0
    private var fits = true

    /// Starts at the beginning of the memory.
    package init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    /// The written bytes; nil when they exceed the memory.
    package var bytes: UnsafeRawBufferPointer? {
        fits ? UnsafeRawBufferPointer(rebasing: memory[..<count]) : nil
    }

    /// Reserves room; nil when there is none.
    private mutating func room(_ size: Int) -> UnsafeMutableRawPointer? {
        guard fits, memory.count - count >= size, let start = memory.baseAddress else {
            fits = false
            return nil
        }
        defer { count += size }
        return start + count
    }

    /// Writes bytes.
    package mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        room(bytes.count)?.copyMemory(from: source, byteCount: bytes.count)
    }

    /// Writes bytes.
    package mutating func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

    /// Writes a range of bytes.
    package mutating func put(_ bytes: [UInt8], _ range: Range<Int>) {
        bytes.withUnsafeBytes { put(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Writes a text as it is, without quotes.
    package mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Writes a text as it is, without quotes.
    package mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }

    /// Writes the 64 hex characters of a hash.
    package mutating func put(_ hash: Digest) { if let start = room(64) { hash.writeHex(to: start) } }

    /// Writes the 32 bytes of a hash.
    package mutating func put(bytesOf hash: Digest) {
        if let start = room(32) { hash.write(to: UnsafeMutableRawBufferPointer(start: start, count: 32)) }
    }

    /// Writes a non-negative number.
    package mutating func put(_ number: Int64) {
        var size = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            size += 1
        }
        guard let start = room(size) else { return }
        rest = number
        for place in (0..<size).reversed() {
            (start + place).storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
            rest /= 10
        }
    }
}
