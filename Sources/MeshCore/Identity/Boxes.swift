import CNaCl
import Crypto

/// Converts keys and makes the shared secret of two of them.
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

    static func seal(_ plaintext: [UInt8], nonce: [UInt8], key: [UInt8]) throws(IdentityError) -> [UInt8] {
        guard nonce.count == 24 else { throw IdentityError(.malformed, "a nonce has 24 bytes, not \(nonce.count)") }
        var box = [UInt8](repeating: 0, count: plaintext.count + 16)
        guard cnacl_secretbox_seal(&box, plaintext, plaintext.count, nonce, key) == 0 else {
            throw IdentityError(.malformed, "the box could not be made")
        }
        return box
    }

    static func open(_ box: [UInt8], nonce: [UInt8], key: [UInt8]) -> [UInt8]? {
        guard box.count >= 16, nonce.count == 24 else { return nil }
        var plaintext = [UInt8](repeating: 0, count: box.count - 16)
        return cnacl_secretbox_open(&plaintext, box, box.count, nonce, key) == 0 ? plaintext : nil
    }
}

/// The shared key of two peers, made once: NaCl's `crypto_box` (X25519, XSalsa20-Poly1305) between ed25519 keys.
public struct BoxKey: Sendable {
    private let key: [UInt8]

    /// Makes the shared key. Fails with `weakKey` when the other key is no usable point of the curve.
    public init(mine: SigningKey, theirs: PublicKey) throws(IdentityError) {
        key = try Agreement.boxKey(secret: Agreement.x25519(mine), theirs: Agreement.x25519(theirs))
    }

    /// Makes the shared key of keys in their X25519 form: converting one costs far more than this, and is done once.
    public init(mineX25519: [UInt8], theirsX25519: [UInt8]) throws(IdentityError) {
        key = try Agreement.boxKey(secret: mineX25519, theirs: theirsX25519)
    }

    /// The tag of 16 bytes and the ciphertext. The nonce has 24 bytes and is never used twice.
    public func seal(_ plaintext: [UInt8], nonce: [UInt8]) throws(IdentityError) -> [UInt8] {
        try Agreement.seal(plaintext, nonce: nonce, key: key)
    }

    /// The plaintext; nil when anything was changed.
    public func open(_ box: [UInt8], nonce: [UInt8]) -> [UInt8]? { Agreement.open(box, nonce: nonce, key: key) }

    /// 24 random bytes.
    public static func randomNonce() -> [UInt8] { SecureRandom.bytes(24) }
}

/// NaCl's sealed boxes: anyone can make one, only the recipient opens it, nobody knows who made it.
public enum SealedBox {
    /// Seals to an ed25519 key. Fails with `weakKey`.
    public static func seal(_ plaintext: [UInt8], to recipient: PublicKey) throws(IdentityError) -> [UInt8] {
        let theirs = try Agreement.x25519(recipient)
        let ephemeral = Curve25519.KeyAgreement.PrivateKey()
        let own = Array(ephemeral.publicKey.rawRepresentation)
        let key = try Agreement.boxKey(secret: Array(ephemeral.rawRepresentation), theirs: theirs)
        return own + (try Agreement.seal(plaintext, nonce: nonce(own, theirs), key: key))
    }

    /// Opens with an ed25519 key; nil when it was not sealed to it or was changed.
    public static func open(_ box: [UInt8], with key: SigningKey) -> [UInt8]? {
        open(box, secret: Agreement.x25519(key))
    }

    /// Opens with an X25519 secret.
    static func open(_ box: [UInt8], secret: [UInt8]) -> [UInt8]? {
        guard box.count >= 48, let own = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: secret),
            let key = try? Agreement.boxKey(secret: secret, theirs: Array(box.prefix(32)))
        else { return nil }
        let nonce = nonce(Array(box.prefix(32)), Array(own.publicKey.rawRepresentation))
        return Agreement.open(Array(box.dropFirst(32)), nonce: nonce, key: key)
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
