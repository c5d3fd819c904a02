public import MeshCore

import struct Crypto.SHA256

/// Hashes the state of a world: the same world gives the same hash, in every process, on every machine.
///
/// Numbers enter as 8 bytes, little endian; floating point by its bits, with -0 as 0. A state has no NaN.
public struct StateHasher {
    private var hash = SHA256()

    /// Nothing yet.
    public init() {}

    /// Adds a whole number.
    public mutating func add(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { hash.update(bufferPointer: $0) }
    }

    /// Adds a number. Two worlds that differ by the sign of a zero are the same.
    public mutating func add(_ value: Double) {
        precondition(!value.isNaN, "a NaN has no place in a state")
        let bits = value == 0 ? 0 : value.bitPattern
        withUnsafeBytes(of: bits.littleEndian) { hash.update(bufferPointer: $0) }
    }

    /// Adds small numbers, their count first.
    public mutating func add(_ values: [Int32]) {
        add(Int64(values.count))
        values.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    /// Adds bytes, their count first.
    public mutating func add(_ values: [UInt8]) {
        add(Int64(values.count))
        values.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    /// Adds numbers, their count first.
    public mutating func add(_ values: [Double]) {
        add(Int64(values.count))
        for value in values { add(value) }
    }

    /// The hash of everything that was added.
    public func finish() -> Digest { Digest(bytes: Array(hash.finalize())) ?? .zero }
}
