#include "cnacl.h"

#include <cryptopp/blake2.h>
#include <cryptopp/integer.h>
#include <cryptopp/misc.h>
#include <cryptopp/naclite.h>
#include <cryptopp/poly1305.h>
#include <cryptopp/salsa.h>
#include <cryptopp/sha.h>

#include <algorithm>
#include <cstring>

using CryptoPP::Integer;

namespace {

constexpr size_t kTag = 16;
constexpr size_t kMacKey = 32;

// One box's key stream: the first 32 bytes authenticate, the rest encrypts (NaCl's secretbox). Made on the stack, many
// blocks at a time: the library's own cipher object takes its buffer from the heap, looks its parameters up by name, and
// makes single blocks when it is asked for 32 bytes first.
class KeyStream : private CryptoPP::XSalsa20_Policy {
public:
    // `count` is the size of the text, so that no block is made in vain.
    KeyStream(const uint8_t *key32, const uint8_t *nonce24, size_t count) {
        CipherSetKey(CryptoPP::g_nullNameValuePairs, key32, 32);
        CipherResynchronize(nullptr, nonce24, 24);
        fill(kMacKey + count);
        std::memcpy(mac_key_, bytes_, kMacKey);
    }

    ~KeyStream() {
        CryptoPP::SecureWipeBuffer(mac_key_, kMacKey);
        CryptoPP::SecureWipeBuffer(bytes_, made_);
    }

    KeyStream(const KeyStream &) = delete;
    KeyStream &operator=(const KeyStream &) = delete;

    // The tag of a box's ciphertext.
    void authenticate(uint8_t tag[kTag], const uint8_t *ciphertext, size_t count) const {
        CryptoPP::Poly1305TLS mac(mac_key_, kMacKey);
        mac.Update(ciphertext, count);
        mac.Final(tag);
    }

    // Encrypts or decrypts the whole text; once.
    void pass(uint8_t *out, const uint8_t *in, size_t count) {
        size_t used = kMacKey;
        while (count > 0) {
            if (used == made_) {
                fill(count);
                used = 0;
            }
            const size_t part = std::min(count, made_ - used);
            for (size_t i = 0; i < part; ++i) out[i] = in[i] ^ bytes_[used + i];
            out += part;
            in += part;
            count -= part;
            used += part;
        }
    }

private:
    static constexpr size_t kBlock = 64, kBlocks = 16;

    // Makes the next blocks, for this many bytes or as many as there is room for.
    void fill(size_t count) {
        const size_t blocks = std::min((count + kBlock - 1) / kBlock, kBlocks);
        OperateKeystream(CryptoPP::WRITE_KEYSTREAM_ALIGNED, bytes_, nullptr, blocks);
        made_ = std::max(made_, blocks * kBlock);
    }

    alignas(16) uint8_t bytes_[kBlock * kBlocks];
    uint8_t mac_key_[kMacKey];
    // Bytes that were ever written: only a last piece is shorter than those before it, and nothing is read behind it.
    size_t made_ = 0;
};

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
        KeyStream stream(key32, nonce24, count);
        stream.pass(out + kTag, message, count);
        stream.authenticate(out, out + kTag, count);
        return 0;
    } catch (...) {
        return -1;
    }
}

int cnacl_secretbox_open(uint8_t *out, const uint8_t *box, size_t count, const uint8_t *nonce24, const uint8_t *key32) {
    try {
        if (count < kTag) return -1;
        KeyStream stream(key32, nonce24, count - kTag);
        uint8_t tag[kTag];
        stream.authenticate(tag, box + kTag, count - kTag);
        if (!CryptoPP::VerifyBufsEqual(tag, box, kTag)) return -1;
        stream.pass(out, box + kTag, count - kTag);
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
