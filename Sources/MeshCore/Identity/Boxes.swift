import CNaCl
import Crypto

/// Converts keys and computes the shared secret of two of them.
private enum Agreement {
    static func x25519(_ key: PublicKey) throws(IdentityError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        guard cnacl_ed25519_public_to_x25519(&result, key.bytes) == 0 else {
            throw IdentityError(.weakKey, "\(key.shortHex)… is not a key that messages can be sealed to")
        }
        return result
    }

    static func x25519(_ key: SigningKey) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        _ = cnacl_ed25519_seed_to_x25519(&result, key.seed)
        return result
    }

    /// The key of a NaCl box between two X25519 keys.
    static func boxKey(secret: [UInt8], theirs: [UInt8]) throws(IdentityError) -> [UInt8] {
        guard cnacl_x25519_public_is_canonical(theirs) == 1 else {
            throw IdentityError(.weakKey, "this is not the only encoding of an X25519 key")
        }
        do {
            let secret = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: secret)
            let theirs = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: theirs)
            let shared = try secret.sharedSecretFromKeyAgreement(with: theirs).withUnsafeBytes { Array($0) }
            var key = [UInt8](repeating: 0, count: 32)
            if cnacl_box_key(&key, shared) == 0 { return key }
        } catch {
            // Both kinds of failure are the same to the caller: no secret can be shared with this key.
        }
        throw IdentityError(.weakKey, "no secret can be shared with this key")
    }
}

/// Memory in the form that C needs.
private enum Memory {
    /// The first bytes of four pieces; an empty piece without memory is replaced by a byte that is never accessed.
    @inline(__always)
    static func withPointers(
        _ out: UnsafeMutableRawBufferPointer, _ text: UnsafeRawBufferPointer, _ nonce: UnsafeRawBufferPointer,
        _ key: UnsafeRawBufferPointer,
        _ body: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Bool
    ) -> Bool {
        var none: UInt8 = 0
        return withUnsafeMutablePointer(to: &none) { none in
            func start(_ memory: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
                memory.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(none)
            }
            let out = out.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? none
            return body(out, start(text), start(nonce), start(key))
        }
    }
}

/// The shared key of two peers, computed once: NaCl's `crypto_box` (X25519, XSalsa20-Poly1305) between ed25519 keys.
public struct BoxKey: Sendable {
    /// Inline, not in separate memory: a holder of thousands of keys finds each with one access.
    private let key: SIMD4<UInt64>

    /// The overhead of a box over its text.
    package static let tagBytes = 16
    /// The size of a nonce.
    package static let nonceBytes = 24

    /// Computes the shared key. Fails with `weakKey` when the other key is no usable point of the curve.
    public init(mine: SigningKey, theirs: PublicKey) throws(IdentityError) {
        try self.init(mineX25519: Agreement.x25519(mine), theirsX25519: Agreement.x25519(theirs))
    }

    /// Computes the shared key of keys in their X25519 form: converting one costs far more than this, and is done once.
    public init(mineX25519: [UInt8], theirsX25519: [UInt8]) throws(IdentityError) {
        let bytes = try Agreement.boxKey(secret: mineX25519, theirs: theirsX25519)
        key = bytes.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }

    /// Writes the tag and the ciphertext to `box`, which has their size and does not overlap the text. False when the
    /// sizes do not fit.
    package func seal(
        _ plaintext: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, to box: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard nonce.count == Self.nonceBytes, box.count == plaintext.count + Self.tagBytes else { return false }
        return withUnsafeBytes(of: key) { key in
            Memory.withPointers(box, plaintext, nonce, key) { box, text, nonce, key in
                cnacl_secretbox_seal(box, text, plaintext.count, nonce, key) == 0
            }
        }
    }

    /// Writes the plaintext to `plaintext`, which has its size and does not overlap the box. False when anything was
    /// changed; then nothing is written.
    package func open(
        _ box: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, to plaintext: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard nonce.count == Self.nonceBytes, box.count == plaintext.count + Self.tagBytes else { return false }
        return withUnsafeBytes(of: key) { key in
            Memory.withPointers(plaintext, box, nonce, key) { text, box, nonce, key in
                cnacl_secretbox_open(text, box, plaintext.count + Self.tagBytes, nonce, key) == 0
            }
        }
    }

    /// Returns the tag of 16 bytes and the ciphertext. The nonce has 24 bytes and is never reused.
    public func seal(_ plaintext: [UInt8], nonce: [UInt8]) throws(IdentityError) -> [UInt8] {
        guard nonce.count == Self.nonceBytes else {
            throw IdentityError(.malformed, "a nonce has 24 bytes, not \(nonce.count)")
        }
        var box = [UInt8](repeating: 0, count: plaintext.count + Self.tagBytes)
        let isSealed = box.withUnsafeMutableBytes { box in
            plaintext.withUnsafeBytes { text in nonce.withUnsafeBytes { seal(text, nonce: $0, to: box) } }
        }
        guard isSealed else { throw IdentityError(.malformed, "the box could not be made") }
        return box
    }

    /// Returns the plaintext; nil when anything was changed.
    public func open(_ box: [UInt8], nonce: [UInt8]) -> [UInt8]? {
        guard box.count >= Self.tagBytes else { return nil }
        var plaintext = [UInt8](repeating: 0, count: box.count - Self.tagBytes)
        let isOpened = plaintext.withUnsafeMutableBytes { text in
            box.withUnsafeBytes { box in nonce.withUnsafeBytes { open(box, nonce: $0, to: text) } }
        }
        return isOpened ? plaintext : nil
    }

    /// 24 random bytes.
    public static func randomNonce() -> [UInt8] { SecureRandom.bytes(24) }
}

/// NaCl's sealed boxes: anyone can make one, only the recipient opens it, the sender stays anonymous.
public enum SealedBox {
    /// Seals to an ed25519 key. Fails with `weakKey`.
    public static func seal(_ plaintext: [UInt8], to recipient: PublicKey) throws(IdentityError) -> [UInt8] {
        let theirs = try Agreement.x25519(recipient)
        let ephemeral = Curve25519.KeyAgreement.PrivateKey()
        let own = Array(ephemeral.publicKey.rawRepresentation)
        let key = try BoxKey(mineX25519: Array(ephemeral.rawRepresentation), theirsX25519: theirs)
        return own + (try key.seal(plaintext, nonce: nonce(own, theirs)))
    }

    /// Opens with an ed25519 key; nil when it was not sealed to it or was changed.
    public static func open(_ box: [UInt8], with key: SigningKey) -> [UInt8]? {
        open(box, secret: Agreement.x25519(key))
    }

    /// Opens with an X25519 secret.
    static func open(_ box: [UInt8], secret: [UInt8]) -> [UInt8]? {
        guard box.count >= 48, let own = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: secret),
            let key = try? BoxKey(mineX25519: secret, theirsX25519: Array(box.prefix(32)))
        else { return nil }
        let nonce = nonce(Array(box.prefix(32)), Array(own.publicKey.rawRepresentation))
        return key.open(Array(box.dropFirst(32)), nonce: nonce)
    }

    private static func nonce(_ ephemeral: [UInt8], _ recipient: [UInt8]) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: 24)
        let both = ephemeral + recipient
        _ = cnacl_blake2b(&nonce, 24, both, both.count)
        return nonce
    }
}

/// X25519 forms of ed25519 keys, for tests against published vectors.
public enum KeyConversion {
    /// The X25519 form of a public key. Fails with `weakKey`.
    public static func x25519(_ key: PublicKey) throws(IdentityError) -> [UInt8] { try Agreement.x25519(key) }
    /// The X25519 form of a secret key.
    public static func x25519(_ key: SigningKey) -> [UInt8] { Agreement.x25519(key) }
}
