#include "cnacl.h"

#include <cryptopp/blake2.h>
#include <cryptopp/integer.h>
#include <cryptopp/misc.h>
#include <cryptopp/naclite.h>
#include <cryptopp/poly1305.h>
#include <cryptopp/salsa.h>
#include <cryptopp/sha.h>

#include <cstring>

using CryptoPP::Integer;

namespace {

constexpr size_t kTag = 16;

// The first 32 bytes of the key stream authenticate, the rest encrypts: NaCl's secretbox.
void authenticate(uint8_t tag[kTag], const uint8_t one_time_key[32], const uint8_t *text, size_t count) {
    CryptoPP::Poly1305TLS mac(one_time_key, 32);
    mac.Update(text, count);
    mac.Final(tag);
}

const Integer &prime() {
    static const Integer p = Integer::Power2(255) - 19;
    return p;
}

// An affine point of the curve -x^2 + y^2 = 1 + d x^2 y^2 in extended coordinates; only public keys pass here, so
// variable time gives nothing away.
struct Point {
    Integer x, y, z, t;
};

Integer times(const Integer &a, const Integer &b) { return a_times_b_mod_c(a, b, prime()); }
Integer minus(const Integer &a, const Integer &b) { return (a + prime() - b) % prime(); }

const Integer &curve_d() {
    static const Integer d = times(prime() - Integer(121665), Integer(121666).InverseMod(prime()));
    return d;
}

// RFC 8032, 5.1.4.
Point add(const Point &p, const Point &q) {
    Integer a = times(minus(p.y, p.x), minus(q.y, q.x));
    Integer b = times((p.y + p.x) % prime(), (q.y + q.x) % prime());
    Integer c = times(times(times(p.t, Integer::Two()), curve_d()), q.t);
    Integer d = times(times(p.z, Integer::Two()), q.z);
    Integer e = minus(b, a), f = minus(d, c), g = (d + c) % prime(), h = (b + a) % prime();
    return {times(e, f), times(g, h), times(f, g), times(e, h)};
}

// Whether n times a point is the neutral element.
bool vanishes(const Point &point, const Integer &n) {
    Point sum{Integer::Zero(), Integer::One(), Integer::One(), Integer::Zero()};
    for (int bit = int(n.BitCount()) - 1; bit >= 0; --bit) {
        sum = add(sum, sum);
        if (n.GetBit(bit)) sum = add(sum, point);
    }
    return sum.x.IsZero() && sum.y == sum.z;
}

// RFC 8032, 5.1.3: the point of an encoding. False when it is none.
bool decode(Point &point, const uint8_t *key32) {
    uint8_t bytes[32];
    std::memcpy(bytes, key32, 32);
    const bool sign = bytes[31] >> 7;
    bytes[31] &= 0x7f;
    const Integer &p = prime();
    const Integer y(bytes, 32, Integer::UNSIGNED, CryptoPP::LITTLE_ENDIAN_ORDER);
    if (y >= p) return false;
    const Integer yy = times(y, y);
    const Integer u = minus(yy, Integer::One());
    const Integer v = (times(curve_d(), yy) + 1) % p;
    const Integer xx = times(u, v.InverseMod(p));
    Integer x = a_exp_b_mod_c(xx, (p + 3) / 8, p);
    if (times(x, x) != xx) {
        static const Integer root = a_exp_b_mod_c(Integer::Two(), (p - 1) / 4, p);
        x = times(x, root);
        if (times(x, x) != xx) return false;
    }
    if (x.IsZero() && sign) return false;
    if (x.GetBit(0) != sign) x = (p - x) % p;
    point = {x, y, Integer::One(), times(x, y)};
    return true;
}

}  // namespace

extern "C" {

void cnacl_sha256(uint8_t *out32, const void *first, size_t first_count, const void *second, size_t second_count) {
    CryptoPP::SHA256 hash;
    if (first_count > 0) hash.Update(static_cast<const uint8_t *>(first), first_count);
    if (second_count > 0) hash.Update(static_cast<const uint8_t *>(second), second_count);
    hash.Final(out32);
}

int cnacl_blake2b(uint8_t *out, size_t size, const uint8_t *message, size_t count) {
    try {
        if (size < 1 || size > 64) return -1;
        CryptoPP::BLAKE2b hash(false, static_cast<unsigned int>(size));
        hash.Update(message, count);
        hash.TruncatedFinal(out, size);
        return 0;
    } catch (...) {
        return -1;
    }
}

int cnacl_box_key(uint8_t *key32, const uint8_t *shared32) {
    try {
        uint8_t seen = 0;
        for (int i = 0; i < 32; ++i) seen |= shared32[i];
        if (seen == 0) return -1;
        static const uint8_t zero[16] = {0};
        static const uint8_t sigma[17] = "expand 32-byte k";
        return CryptoPP::NaCl::crypto_core_hsalsa20(key32, zero, shared32, sigma);
    } catch (...) {
        return -1;
    }
}

int cnacl_secretbox_seal(uint8_t *out, const uint8_t *message, size_t count, const uint8_t *nonce24, const uint8_t *key32) {
    try {
        CryptoPP::XSalsa20::Encryption stream;
        stream.SetKeyWithIV(key32, 32, nonce24, 24);
        uint8_t mac_key[32] = {0};
        stream.ProcessData(mac_key, mac_key, 32);
        if (count > 0) stream.ProcessData(out + kTag, message, count);
        authenticate(out, mac_key, out + kTag, count);
        CryptoPP::SecureWipeBuffer(mac_key, 32);
        return 0;
    } catch (...) {
        return -1;
    }
}

int cnacl_secretbox_open(uint8_t *out, const uint8_t *box, size_t count, const uint8_t *nonce24, const uint8_t *key32) {
    try {
        if (count < kTag) return -1;
        CryptoPP::XSalsa20::Encryption stream;
        stream.SetKeyWithIV(key32, 32, nonce24, 24);
        uint8_t mac_key[32] = {0}, tag[kTag];
        stream.ProcessData(mac_key, mac_key, 32);
        authenticate(tag, mac_key, box + kTag, count - kTag);
        CryptoPP::SecureWipeBuffer(mac_key, 32);
        if (!CryptoPP::VerifyBufsEqual(tag, box, kTag)) return -1;
        if (count > kTag) stream.ProcessData(out, box + kTag, count - kTag);
        return 0;
    } catch (...) {
        return -1;
    }
}

int cnacl_ed25519_public_to_x25519(uint8_t *out32, const uint8_t *key32) {
    try {
        Point point;
        if (!decode(point, key32)) return -1;
        static const Integer order = Integer::Power2(252) + Integer("27742317777372353535851937790883648493");
        if (vanishes(point, Integer(8)) || !vanishes(point, order)) return -1;
        const Integer u = times((point.y + 1) % prime(), minus(Integer::One(), point.y).InverseMod(prime()));
        uint8_t big_endian[32];
        u.Encode(big_endian, 32);
        for (int i = 0; i < 32; ++i) out32[i] = big_endian[31 - i];
        return 0;
    } catch (...) {
        return -1;
    }
}

int cnacl_ed25519_seed_to_x25519(uint8_t *out32, const uint8_t *seed32) {
    try {
        uint8_t hash[64];
        CryptoPP::SHA512().CalculateDigest(hash, seed32, 32);
        hash[0] &= 248;
        hash[31] &= 127;
        hash[31] |= 64;
        std::memcpy(out32, hash, 32);
        CryptoPP::SecureWipeBuffer(hash, 64);
        return 0;
    } catch (...) {
        return -1;
    }
}
}
