import Crypto

/// A SHA-256 hash, kept in place.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    private let storage: Bytes32

    /// 32 zero bytes: what stands before the first entry.
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

    /// The hash of a byte and what follows it, without copies of either.
    static func sha256(prefix: UInt8, _ bytes: [UInt8]) -> Digest {
        var hash = SHA256()
        withUnsafeBytes(of: prefix) { hash.update(bufferPointer: $0) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Digest(hash.finalize())
    }

    /// The hash of a byte and two hashes.
    static func sha256(prefix: UInt8, _ left: Digest, _ right: Digest) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { buffer in
            buffer[0] = prefix
            left.storage.write(to: UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]))
            right.storage.write(to: UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]))
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return Digest(hash.finalize())
        }
    }

    /// Appends the 64 characters.
    func appendHex(to text: inout [UInt8]) { storage.appendHex(to: &text) }

    private init(_ digest: SHA256Digest) {
        storage = digest.withUnsafeBytes { Bytes32(loading: $0) }
    }

    /// The bytes.
    public var bytes: [UInt8] { storage.bytes }
    /// 64 lower-case hex characters.
    public var hex: String { storage.hex }
    /// The hash in hex.
    public var description: String { hex }
}
