import Glibc
import MeshCore
import Testing

@Suite struct DescriptorTests {
    private static func pipe() -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        _ = Glibc.pipe(&ends)
        return (ends[0], ends[1])
    }

    @Test(arguments: [0, 1, 1_000, 65_536])
    func `what was written is read whole`(count: Int) throws {
        let ends = Self.pipe()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try Descriptor.write(bytes, to: ends.writing)
        close(ends.writing)
        defer { close(ends.reading) }
        #expect(try Descriptor.readAll(ends.reading, limit: count) == bytes)
    }

    @Test func `more than the limit is refused`() throws {
        let ends = Self.pipe()
        try Descriptor.write([1, 2, 3], to: ends.writing)
        close(ends.writing)
        defer { close(ends.reading) }
        #expect(throws: Descriptor.Failure(number: EFBIG)) { try Descriptor.readAll(ends.reading, limit: 2) }
    }

    @Test func `what is not open is told as that`() {
        #expect(throws: Descriptor.Failure(number: EBADF)) { try Descriptor.write([1], to: -1) }
        #expect(throws: Descriptor.Failure(number: EBADF)) { try Descriptor.readAll(-1) }
    }
}
