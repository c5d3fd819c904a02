/// A stream of random numbers that depends only on its name: the run's seed, the domain, purpose, entity and
/// tick. Drawing from one stream does not affect any other.
///
/// Bounded integers and the shuffle are implemented here, with test vectors: a standard library's may change between
/// versions.
public struct RandomStream: Sendable, RandomNumberGenerator {
    @usableFromInline let first: UInt64
    @usableFromInline let second: UInt64
    @usableFromInline var counter: SIMD4<UInt64>
    @usableFromInline var block = SIMD4<UInt64>()
    @usableFromInline var used = 4

    /// Makes a stream.
    ///
    /// - Parameters:
    ///   - seed: the run's.
    ///   - domain: the part of the world, for example `flock`.
    ///   - purpose: what the numbers are for, for example `order`.
    ///   - entity: the entity; 0 for the domain as a whole.
    ///   - tick: when.
    public init(seed: UInt64, domain: StaticString, purpose: StaticString, entity: UInt64 = 0, tick: UInt64 = 0) {
        first = seed
        second = Self.name(domain, purpose)
        counter = SIMD4(0, tick, entity, 0)
    }

    /// Makes a stream whose names are known only at run time.
    ///
    /// - Parameters:
    ///   - seed: the run's.
    ///   - names: the parts of its name, for example scenario and purpose.
    ///   - entity: the name of the entity; empty for the world as a whole.
    ///   - tick: when.
    public init(seed: UInt64, names: [String], entity: String = "", tick: UInt64 = 0) {
        first = seed
        second = Self.hash(names)
        counter = SIMD4(0, tick, Self.hash([entity]), 1)
    }

    /// FNV-1a over names, each ended by a zero byte.
    private static func hash(_ names: [String]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for name in names {
            for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = hash &* 0x100_0000_01B3
        }
        return hash
    }

    /// FNV-1a over both names, with a zero byte between them: it separates streams; it is not the source of randomness.
    private static func name(_ domain: StaticString, _ purpose: StaticString) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        domain.withUTF8Buffer { for byte in $0 { add(byte) } }
        add(0)
        purpose.withUTF8Buffer { for byte in $0 { add(byte) } }
        return hash
    }

    /// Returns 64 random bits.
    @inlinable
    public mutating func next() -> UInt64 {
        if used == 4 {
            block = Philox4x64.block(counter, key: first, second)
            counter.x &+= 1
            used = 0
        }
        defer { used += 1 }
        return block[used]
    }

    /// Returns a uniform integer below a bound of at least 1 (Lemire's multiplication with rejection:
    /// "Fast random integer generation in an interval", 2019).
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        let bound = UInt64(truncatingIfNeeded: max(1, bound))
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(truncatingIfNeeded: product.high)
    }

    /// Returns a uniform number in [0, 1): a multiple of 2^-53.
    @inlinable
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Returns true with the given probability.
    @inlinable
    public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// Shuffles elements uniformly (Fisher-Yates, from the end).
    @inlinable
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        elements.withUnsafeMutableBufferPointer { buffer in
            var place = buffer.count - 1
            while place > 0 {
                buffer.swapAt(place, below(place + 1))
                place -= 1
            }
        }
    }
}
