import Crypto

/// Bytes that nobody can guess, from the crypto library's generator: it asks the system seldom, not for every number.
public struct SecureRandom: RandomNumberGenerator, Sendable {
    private var pool: [UInt8] = []
    private static let poolBytes = 256

    /// Makes a generator; nothing is drawn yet.
    public init() {}

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        if pool.isEmpty { pool = Self.bytes(Self.poolBytes) }
        defer { pool.removeLast(8) }
        return pool.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: $0.count - 8, as: UInt64.self) }
    }

    /// Random bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        return SymmetricKey(size: SymmetricKeySize(bitCount: count * 8)).withUnsafeBytes { Array($0) }
    }
}
