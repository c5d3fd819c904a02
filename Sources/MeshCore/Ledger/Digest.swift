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

    /// The bytes.
    public var bytes: [UInt8] { storage.bytes }
    /// 64 lower-case hex characters.
    public var hex: String { Hex.encode(bytes) }
    /// The hash in hex.
    public var description: String { hex }
}
