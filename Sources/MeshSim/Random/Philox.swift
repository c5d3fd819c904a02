/// Philox4x64-10: 256 random bits for each counter, a pure function of key and counter.
///
/// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The multipliers and the key's
/// increments are the published ones; so are the test vectors.
public enum Philox4x64 {
    /// Returns the bits for a counter and a key.
    @inlinable
    public static func block(
        _ counter: SIMD4<UInt64>, key first: UInt64, _ second: UInt64
    ) -> SIMD4<UInt64> {
        var (a, b, c, d) = (counter.x, counter.y, counter.z, counter.w)
        var (one, two) = (first, second)
        for _ in 0..<10 {
            let left = a.multipliedFullWidth(by: 0xD2E7_470E_E14C_6C93)
            let right = c.multipliedFullWidth(by: 0xCA5A_8263_9512_1157)
            (a, b, c, d) = (right.high ^ b ^ one, right.low, left.high ^ d ^ two, left.low)
            one &+= 0x9E37_79B9_7F4A_7C15
            two &+= 0xBB67_AE85_84CA_A73B
        }
        return SIMD4(a, b, c, d)
    }
}
