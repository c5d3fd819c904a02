#ifndef CNACL_H
#define CNACL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

/* Every function returns 0 on success and -1 on failure. */

/* SHA-256 over one piece of memory and another. */
void cnacl_sha256(uint8_t *out32, const void *_Nullable first, size_t first_count, const void *_Nullable second,
                  size_t second_count);

/* BLAKE2b without a key; size is 1 to 64 bytes. */
int cnacl_blake2b(uint8_t *out, size_t size, const uint8_t *message, size_t count);

/* The key of a NaCl box from the X25519 shared secret (HSalsa20 with a zero nonce). */
int cnacl_box_key(uint8_t *key32, const uint8_t *shared32);

/* XSalsa20-Poly1305: out holds the 16-byte tag, then the ciphertext. */
int cnacl_secretbox_seal(uint8_t *out, const uint8_t *message, size_t count, const uint8_t *nonce24, const uint8_t *key32);

/* Opens what seal made; count includes the tag; out has room for count - 16 bytes. */
int cnacl_secretbox_open(uint8_t *out, const uint8_t *box, size_t count, const uint8_t *nonce24, const uint8_t *key32);

/* The X25519 form of an ed25519 public key; refuses points off the curve, of small order, or outside the prime-order
   subgroup. */
int cnacl_ed25519_public_to_x25519(uint8_t *out32, const uint8_t *key32);

/* 1 when 32 bytes are the only encoding of a point of the curve that has no small order (1, 2, 4 or 8), else 0. */
int cnacl_ed25519_public_is_usable(const uint8_t *key32);

/* 1 when 32 bytes are the only encoding of an X25519 public key: below the prime, with a clear highest bit. */
int cnacl_x25519_public_is_canonical(const uint8_t *key32);

/* The X25519 secret of an ed25519 seed. */
int cnacl_ed25519_seed_to_x25519(uint8_t *out32, const uint8_t *seed32);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
