/// On which side of a line a point lies, computed exactly, without rounding errors.
enum Orientation: Int, Sendable {
    /// Turning from the first to the second to the third point goes right.
    case clockwise = -1
    /// The three lie on one line, or two of them are the same.
    case collinear = 0
    /// Turning goes left.
    case counterclockwise = 1

    /// The turn a, b, c, for finite coordinates of any size: the sign of (bx - ax)(cy - ay) - (by - ay)(cx - ax).
    ///
    /// Floating point first, with the error bound of Shewchuk ("Adaptive Precision Floating-Point Arithmetic and Fast
    /// Robust Geometric Predicates", 1997, stage A) and an absolute term for what underflows. What the bound cannot
    /// decide is added up exactly.
    init(_ a: Point, _ b: Point, _ c: Point) {
        let left = (a.x - c.x) * (b.y - c.y)
        let right = (a.y - c.y) * (b.x - c.x)
        let determinant = left - right
        let bound = (3 + 16 * 0x1p-53) * 0x1p-53 * (left.magnitude + right.magnitude) + 0x1p-1060
        // Where something overflows, the bound is infinite or no number, and this is false.
        if determinant.magnitude > bound {
            self = determinant > 0 ? .counterclockwise : .clockwise
        } else if [a.x, a.y, b.x, b.y, c.x, c.y].allSatisfy(Self.isSmallWhole) {
            self.init(sign: determinant)
        } else {
            self.init(exactly: a, b, c)
        }
    }

    /// The same by exact arithmetic alone.
    init(exactly a: Point, _ b: Point, _ c: Point) {
        let sign = ExactSum.sign(ofProducts: [
            (a.x, b.y), (-a.y, b.x), (b.x, c.y), (-b.y, c.x), (c.x, a.y), (-c.y, a.x),
        ])
        self.init(sign: Double(sign))
    }

    private init(sign: Double) { self = sign > 0 ? .counterclockwise : sign < 0 ? .clockwise : .collinear }

    /// Whole numbers up to 2^25: their differences, products and the difference of those are exact.
    private static func isSmallWhole(_ value: Double) -> Bool {
        value.magnitude <= 0x1p25 && Double(Int64(value)) == value
    }
}

/// A sum of products of numbers, without any rounding: a long fixed-point number, as wide as these products need.
enum ExactSum {
    /// The sign of the sum of the products of finite numbers: -1, 0 or 1. At most 2^30 products.
    static func sign(ofProducts products: [(Double, Double)]) -> Int {
        let terms = products.filter { $0.0 != 0 && $0.1 != 0 }.map(Term.init)
        guard let lowest = terms.map(\.exponent).min(), let highest = terms.map(\.exponent).max() else { return 0 }
        // A product has 106 bits; its words reach one limb further when they are shifted, the carries one more.
        var limbs = [Int64](repeating: 0, count: (highest - lowest) / 32 + 6)
        for term in terms { term.add(to: &limbs, lowest: lowest) }
        return sign(&limbs)
    }

    /// Carries what is over 32 bits upwards; then the sign is that of the last carry or, at 0, of any limb.
    private static func sign(_ limbs: inout [Int64]) -> Int {
        var carry: Int64 = 0
        var isZero = true
        for place in limbs.indices {
            let sum = limbs[place] + carry
            carry = sum >> 32
            if sum & 0xFFFF_FFFF != 0 { isZero = false }
        }
        if carry < 0 { return -1 }
        return isZero && carry == 0 ? 0 : 1
    }

    /// A product: ±(high · 2^64 + low) · 2^exponent.
    private struct Term {
        let isNegative: Bool
        let words: (UInt64, UInt64, UInt64, UInt64)
        let exponent: Int

        init(_ factors: (Double, Double)) {
            let (one, other) = (Self.parts(factors.0), Self.parts(factors.1))
            let product = one.significand.multipliedFullWidth(by: other.significand)
            isNegative = (factors.0 < 0) != (factors.1 < 0)
            words = (
                product.low & 0xFFFF_FFFF, product.low >> 32, product.high & 0xFFFF_FFFF, product.high >> 32
            )
            exponent = one.exponent + other.exponent
        }

        /// A finite number as significand · 2^exponent.
        private static func parts(_ value: Double) -> (significand: UInt64, exponent: Int) {
            let biased = Int(value.exponentBitPattern)
            return biased == 0
                ? (value.significandBitPattern, -1074)
                : (value.significandBitPattern | 1 << 52, biased - 1075)
        }

        /// Adds the product; each word is below 2^63 when shifted, and each half below 2^32, so that limbs never
        /// overflow.
        func add(to limbs: inout [Int64], lowest: Int) {
            let (place, shift) = (exponent - lowest).quotientAndRemainder(dividingBy: 32)
            for (offset, word) in [words.0, words.1, words.2, words.3].enumerated() {
                let shifted = word << UInt64(shift)
                let (low, high) = (Int64(shifted & 0xFFFF_FFFF), Int64(shifted >> 32))
                limbs[place + offset] += isNegative ? -low : low
                limbs[place + offset + 1] += isNegative ? -high : high
            }
        }
    }
}
