import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Unpredictable bytes from the system's generator, in batches: each call of the system is expensive, and a sealed
/// message takes forty bytes.
public struct SecureRandom: RandomNumberGenerator, Sendable {
    private var pool: [UInt8] = []

    /// The maximum that the system returns at once (getentropy(3)).
    private static let poolBytes = 256
    /// The rest of the process's last batch. Bytes are removed as they are given out.
    private static let shared = Mutex<[UInt8]>([])

    /// Makes a generator; nothing is drawn yet.
    public init() {}

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        if pool.count < 8 { pool = Self.drawn() }
        defer { pool.removeLast(8) }
        return pool.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: $0.count - 8, as: UInt64.self) }
    }

    /// Fills memory with random bytes.
    package mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if pool.isEmpty { pool = Self.drawn() }
            let taken = min(pool.count, rest.count)
            pool.withUnsafeBytes { pool in
                UnsafeMutableRawBufferPointer(rebasing: rest.prefix(taken)).copyBytes(from: pool.suffix(taken))
            }
            pool.removeLast(taken)
            rest = rest.dropFirst(taken)
        }
    }

    /// Random bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        return shared.withLock { pool in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count)
            while bytes.count < count {
                if pool.isEmpty { pool = drawn() }
                let taken = min(pool.count, count - bytes.count)
                bytes += pool.suffix(taken)
                pool.removeLast(taken)
            }
            return bytes
        }
    }

    private static func drawn() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: poolBytes) { buffer, count in
            if getentropy(buffer.baseAddress, poolBytes) != 0 {
                // A system without this call: the standard library has another way.
                var system = SystemRandomNumberGenerator()
                for place in 0..<poolBytes { buffer[place] = system.next() }
            }
            count = poolBytes
        }
    }
}
