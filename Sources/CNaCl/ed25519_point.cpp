#include "cnacl.h"

#include <cstring>

// Which 32 bytes are a usable ed25519 public key (RFC 8032, 5.1.3): numbers modulo p = 2^255 - 19 in five limbs of 51 bits.
// Only public keys pass here, so variable time gives nothing away.

namespace {

using Wide = unsigned __int128;

constexpr uint64_t kMask = (uint64_t(1) << 51) - 1;

struct Field {
    uint64_t limb[5];
};

constexpr Field kZero = {{0, 0, 0, 0, 0}};
constexpr Field kOne = {{1, 0, 0, 0, 0}};

constexpr uint8_t kCurveD[32] = {0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
                                 0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52};

uint64_t word(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
    return value;
}

// The 255 low bits.
Field load(const uint8_t *bytes) {
    return {{word(bytes) & kMask, word(bytes + 6) >> 3 & kMask, word(bytes + 12) >> 6 & kMask, word(bytes + 19) >> 1 & kMask,
             word(bytes + 24) >> 12 & kMask}};
}

// Every limb fits 52 bits afterwards.
Field carried(Field a) {
    for (int i = 0; i < 4; ++i) {
        a.limb[i + 1] += a.limb[i] >> 51;
        a.limb[i] &= kMask;
    }
    a.limb[0] += 19 * (a.limb[4] >> 51);
    a.limb[4] &= kMask;
    a.limb[1] += a.limb[0] >> 51;
    a.limb[0] &= kMask;
    return a;
}

Field plus(const Field &a, const Field &b) {
    Field sum;
    for (int i = 0; i < 5; ++i) sum.limb[i] = a.limb[i] + b.limb[i];
    return carried(sum);
}

// Adds 4p first, so that no limb falls below zero.
Field minus(const Field &a, const Field &b) {
    Field difference;
    for (int i = 0; i < 5; ++i) difference.limb[i] = a.limb[i] + 4 * (i == 0 ? kMask - 18 : kMask) - b.limb[i];
    return carried(difference);
}

Field times(const Field &a, const Field &b) {
    Wide sums[5];
    for (int i = 0; i < 5; ++i) {
        sums[i] = 0;
        for (int j = 0; j < 5; ++j) {
            // 2^255 is 19: what passes the highest limb comes back at the lowest.
            sums[i] += Wide(a.limb[j]) * (j <= i ? b.limb[i - j] : 19 * b.limb[i - j + 5]);
        }
    }
    Field product;
    Wide carry = 0;
    for (int i = 0; i < 5; ++i) {
        sums[i] += carry;
        product.limb[i] = uint64_t(sums[i]) & kMask;
        carry = sums[i] >> 51;
    }
    carry = carry * 19 + product.limb[0];
    product.limb[0] = uint64_t(carry) & kMask;
    product.limb[1] += uint64_t(carry >> 51);
    return carried(product);
}

bool is_zero(const Field &a) {
    // Three times over, so that a carry out of the highest limb has passed through all of them.
    Field reduced = carried(carried(carried(a)));
    bool is_null = true, is_prime = reduced.limb[0] == kMask - 18;
    for (int i = 0; i < 5; ++i) {
        is_null = is_null && reduced.limb[i] == 0;
        is_prime = is_prime && (i == 0 || reduced.limb[i] == kMask);
    }
    return is_null || is_prime;
}

// Squares so many times.
Field squared(Field a, int count) {
    while (count-- > 0) a = times(a, a);
    return a;
}

// a^(2^252 - 3), the root in RFC 8032, by powers 2^n - 1 of a: n = 5, 10, 20, 40, 50, 100, 200, 250.
Field root_power(const Field &a) {
    const Field a2 = squared(a, 1), a9 = times(squared(a2, 2), a), a11 = times(a9, a2);
    const Field n5 = times(squared(a11, 1), a9), n10 = times(squared(n5, 5), n5), n20 = times(squared(n10, 10), n10);
    const Field n40 = times(squared(n20, 20), n20), n50 = times(squared(n40, 10), n10);
    const Field n100 = times(squared(n50, 50), n50), n200 = times(squared(n100, 100), n100);
    return times(squared(times(squared(n200, 50), n50), 2), a);
}

// The point's x, of either sign; false when no point has this y.
bool find_x(Field &x, const Field &y) {
    const Field yy = times(y, y), u = minus(yy, kOne), v = plus(times(load(kCurveD), yy), kOne);
    const Field v3 = times(times(v, v), v), v7 = times(times(v3, v3), v);
    x = times(times(u, v3), root_power(times(u, v7)));
    const Field square = times(v, times(x, x));
    if (is_zero(minus(square, u))) return true;
    if (!is_zero(plus(square, u))) return false;
    // The square is -u / v: x times the root of -1 is meant. 2^((p - 1) / 4) is 2 * 2^(2^253 - 6), and 2^253 - 6 is twice
    // 2^252 - 3.
    const Field two = plus(kOne, kOne), half = root_power(two);
    x = times(x, times(two, times(half, half)));
    return true;
}

// Whether eight times a point is the neutral element: four times it has then x = 0. Doubling without the fourth coordinate
// (dbl-2008-hwcd).
bool has_small_order(const Field &point_x, const Field &point_y) {
    Field x = point_x, y = point_y, z = kOne;
    for (int round = 0; round < 2; ++round) {
        const Field a = times(x, x), b = times(y, y), zz = times(z, z), c = plus(zz, zz), sum = plus(x, y);
        const Field e = minus(minus(times(sum, sum), a), b), g = minus(b, a), f = minus(g, c);
        const Field h = minus(kZero, plus(a, b));
        x = times(e, f);
        y = times(g, h);
        z = times(f, g);
    }
    return is_zero(x);
}

bool is_below_prime(const uint8_t *key32) {
    if ((key32[31] & 0x7f) != 0x7f || key32[0] < 0xed) return true;
    for (int i = 1; i < 31; ++i) {
        if (key32[i] != 0xff) return true;
    }
    return false;
}

}  // namespace

extern "C" {

int cnacl_ed25519_public_is_usable(const uint8_t *key32) {
    Field x;
    const Field y = load(key32);
    // A point with x = 0 has small order, so that the sign of such an x need not be looked at.
    return is_below_prime(key32) && find_x(x, y) && !has_small_order(x, y) ? 1 : 0;
}

int cnacl_x25519_public_is_canonical(const uint8_t *key32) { return (key32[31] & 0x80) == 0 && is_below_prime(key32) ? 1 : 0; }
}
