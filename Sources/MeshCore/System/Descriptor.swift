#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads and writes open files completely, despite interruptions. Fails with the system's error number (`errno`).
package enum Descriptor {
    /// An `errno` as an error.
    package struct Failure: Error, Sendable, Hashable {
        package var number: Int32
        /// The system's text for it.
        package var text: String { strerror(number).map { String(cString: $0) } ?? "error \(number)" }
        package init(number: Int32) { self.number = number }
        /// Whether there were more bytes than the caller's limit.
        package var isTooLarge: Bool { number == EFBIG }
    }

    /// Reads at most as many bytes as the buffer holds; 0 at the end.
    package static func read(_ descriptor: Int32, into buffer: inout [UInt8]) throws(Failure) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count >= 0 { return count }
            if errno != EINTR { throw Failure(number: errno) }
        }
    }

    /// Reads everything to the end. Fails with `EFBIG` when it is more than `limit` bytes.
    package static func readAll(_ descriptor: Int32, limit: Int = .max) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = try read(descriptor, into: &chunk)
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > limit { throw Failure(number: EFBIG) }
        }
    }

    /// Writes all bytes, without a buffer. A non-blocking descriptor is retried until it takes them.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes {
                systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[start...]))
            }
            if count >= 0 {
                start += count
            } else if errno != EINTR, errno != EAGAIN {
                throw Failure(number: errno)
            }
        }
    }

    private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    private static func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
