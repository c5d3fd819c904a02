import CNaCl

/// A SHA-256 hash, stored inline.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    private let storage: Bytes32

    /// 32 zero bytes: the previous hash of the first entry.
    public static let zero = Digest(storage: Bytes32())

    private init(storage: Bytes32) { self.storage = storage }

    /// Takes 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard let storage = Bytes32(bytes) else { return nil }
        self.storage = storage
    }

    /// Reads 64 hex characters.
    public init?(hex: String) {
        guard hex.utf8.count == 64, let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// The hash of a byte and the bytes after it, without copying either.
    static func sha256(prefix: UInt8, _ bytes: [UInt8]) -> Digest {
        withUnsafeBytes(of: prefix) { prefix in bytes.withUnsafeBytes { sha256(prefix, $0) } }
    }

    /// The hash of a byte and two hashes.
    static func sha256(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { buffer in
            buffer[0] = prefix
            left.storage.write(to: UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]))
            right.storage.write(to: UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]))
            return sha256(UnsafeRawBufferPointer(buffer))
        }
    }

    /// The hash of two pieces of memory. Allocates nothing: it runs several times for every message.
    package static func sha256(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { out in
            guard let start = out.bindMemory(to: UInt8.self).baseAddress else { return .zero }
            cnacl_sha256(start, first.baseAddress, first.count, second.baseAddress, second.count)
            return Digest(storage: Bytes32(loading: UnsafeRawBufferPointer(out)))
        }
    }

    /// Takes 32 bytes of memory; nil when there are more or fewer.
    package init?(memory: UnsafeRawBufferPointer) {
        guard memory.count == 32 else { return nil }
        storage = Bytes32(loading: memory)
    }

    /// Provides access to the 32 bytes.
    package func withBytes<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let result: Result<Void, Failure> = withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
            storage.write(to: buffer)
            do throws(Failure) {
                try body(UnsafeRawBufferPointer(buffer))
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// The first 128 bits.
    package var leadingWords: (UInt64, UInt64) { storage.leadingWords }

    /// Writes the 32 bytes to memory that has room for them.
    func write(to memory: UnsafeMutableRawBufferPointer) { storage.write(to: memory) }

    /// Writes the 64 characters to memory that has room for them.
    package func writeHex(to memory: UnsafeMutableRawPointer) { storage.writeHex(to: memory) }

    /// Appends the 64 characters.
    func appendHex(to text: inout [UInt8]) { storage.appendHex(to: &text) }

    /// The bytes.
    public var bytes: [UInt8] { storage.bytes }
    /// 64 lower-case hex characters.
    public var hex: String { storage.hex }
    /// The hash in hex.
    public var description: String { hex }
}
