import CNaCl

/// Which keys are admitted: the one place that decides it.
///
/// 32 bytes are a usable ed25519 public key when they are the only encoding of a point of the curve, and the point has
/// no small order (1, 2, 4 or 8). Under a point of small order anybody can sign; a point with two encodings would be
/// two members. `PublicKey` itself takes any 32 bytes: it also represents keys in existing files, and it is read for
/// each message.
extension PublicKey {
    /// Whether the key is admitted. It costs a tenth of verifying a signature.
    public var isUsable: Bool { cnacl_ed25519_public_is_usable(bytes) == 1 }

    /// Fails with `weakKey` when the key is not admitted. `what` names the key in the error.
    public func requireUsable(_ what: String) throws(IdentityError) {
        guard isUsable else {
            throw IdentityError(.weakKey, "\(what) \(shortHex)… \(Self.unusable)")
        }
    }

    /// Does the same for a field of a request; fails with `code`.
    public func requireUsable(field: String, _ code: ErrorCode = .invalidArgument) throws(MeshError) {
        guard isUsable else {
            throw MeshError(
                code, "\(field): \(shortHex)… \(Self.unusable)", hint: "make a new ed25519 key pair",
                details: ["field": .string(field)])
        }
    }

    private static let unusable =
        "is no usable public key: it must be the only encoding of a point of ed25519 that has no small order"
}

extension MembershipCertificate {
    /// Fails with `weakKey` when one of the keys that it names is not admitted.
    func requireUsableKeys() throws(IdentityError) {
        try capability.issuer.requireUsable("the issuer's key")
        try member.requireUsable("the member's key")
        try nodeKey.requireUsable("the node's key")
    }
}
