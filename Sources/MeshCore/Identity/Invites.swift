/// The secret of an invite: 128 random bits that the broker knows only as a hash until they are used.
public struct InviteCode: Sendable, Hashable {
    private let bytes: [UInt8]

    /// Makes a code from the system's random numbers.
    public init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Reads 22 base64url characters.
    public init?(text: String) {
        guard let bytes = Base64.decodeURL(text), bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// 22 base64url characters.
    public var text: String { Base64.encodeURL(bytes) }
    /// SHA-256 of the code, hex.
    public var hashHex: String { Hex.encode(Hashing.sha256(bytes)) }
    /// The invite's public id.
    public var inviteID: String { "inv_" + hashHex.prefix(16) }
}

/// What an invite grants; signed by its issuer.
public struct InviteCapability: Declared, Hashable {
    @Field("The mesh.") public var meshId: String
    @Field("The invite's public id.") public var inviteId: String
    @Field("The role of those who join.") public var role: Role
    @Field("How many may join.") public var uses: Int
    @Field("When it expires, Unix milliseconds.") public var expiresAt: Int64
    @Field("SHA-256 of the code, hex.") public var codeHash: String
    @Field("The issuer's member key.") public var issuer: PublicKey

    public init() {}
    /// Makes a capability.
    public init(
        meshId: String, inviteId: String, role: Role, uses: Int, expiresAt: Int64, codeHash: String, issuer: PublicKey
    ) {
        self.meshId = meshId
        self.inviteId = inviteId
        self.role = role
        self.uses = uses
        self.expiresAt = expiresAt
        self.codeHash = codeHash
        self.issuer = issuer
    }

    /// The issuer's signature.
    public func sign(_ key: SigningKey) -> Signature { key.sign(SignedText.inviteCapability(self)) }
    /// Whether the issuer signed it.
    public func verify(_ signature: Signature) -> Bool {
        issuer.verifies(signature, of: SignedText.inviteCapability(self))
    }
}

/// The proof of a membership: the capability signed by its issuer, the claim signed by the joiner, and the
/// signature of the node that admitted it. Nobody's secret key leaves its owner.
public struct MembershipCertificate: Codable, Sendable, Hashable {
    /// The grant.
    public var capability: InviteCapability
    /// By its issuer.
    public var issuerSignature: Signature
    // An array of at most one: a structure cannot hold itself.
    private var issuerCertificates: [MembershipCertificate]?
    /// The joiner's name.
    public var name: String
    /// The joiner's key.
    public var member: PublicKey
    /// Unix milliseconds of the claim.
    public var timestamp: Int64
    /// By the joiner.
    public var claimSignature: Signature
    /// The node that admitted.
    public var nodeKey: PublicKey
    /// By the node.
    public var nodeSignature: Signature

    /// The issuer's own certificate, when the issuer is not the owner.
    public var issuerCertificate: MembershipCertificate? { issuerCertificates?.first }

    /// An empty certificate: nobody has signed it.
    static var unsigned: MembershipCertificate {
        MembershipCertificate(
            capability: .blank, issuerSignature: .zero, name: "", member: .zero, timestamp: 0, claimSignature: .zero,
            nodeKey: .zero, nodeSignature: .zero)
    }

    /// Signs a certificate as the admitting node.
    public static func issue(
        capability: InviteCapability, issuerSignature: Signature, issuerCertificate: MembershipCertificate?,
        name: String, member: PublicKey, timestamp: Int64, claimSignature: Signature, node: SigningKey
    ) -> MembershipCertificate {
        var certificate = MembershipCertificate(
            capability: capability, issuerSignature: issuerSignature,
            issuerCertificates: issuerCertificate.map { [$0] }, name: name, member: member, timestamp: timestamp,
            claimSignature: claimSignature, nodeKey: node.publicKey, nodeSignature: .zero)
        certificate.nodeSignature = node.sign(certificate.text)
        return certificate
    }

    private var claim: [UInt8] {
        SignedText.joinClaim(
            meshID: capability.meshId, inviteID: capability.inviteId, name: name, member: member, timestamp: timestamp)
    }

    private var text: [UInt8] {
        SignedText.certificate(
            capability: SignedText.inviteCapability(capability), issuerSignature: issuerSignature, claim: claim,
            claimSignature: claimSignature)
    }

    /// Verifies every signature and that the right to invite comes from the owner. Fails with what is invalid.
    public func verify(owner: PublicKey) throws(IdentityError) { try verify(owner: owner, depth: 1) }

    private func verify(owner: PublicKey, depth: Int) throws(IdentityError) {
        guard depth <= 4 else { throw IdentityError(.notAuthorized, "the chain of invites is longer than 4") }
        try requireUsableKeys()
        guard capability.verify(issuerSignature) else {
            throw IdentityError(.badSignature, "the invite was not signed by its issuer")
        }
        guard member.verifies(claimSignature, of: claim) else {
            throw IdentityError(.badSignature, "the claim was not signed by the joiner")
        }
        guard nodeKey.verifies(nodeSignature, of: text) else {
            throw IdentityError(.badSignature, "the certificate was not signed by its node")
        }
        if capability.issuer == owner { return }
        guard capability.role < .admin else { throw IdentityError(.notAuthorized, "only the owner makes admins") }
        guard let issuer = issuerCertificate, issuer.member == capability.issuer,
            issuer.capability.meshId == capability.meshId, issuer.capability.role >= .admin
        else { throw IdentityError(.notAuthorized, "the issuer is neither the owner nor a certified admin") }
        try issuer.verify(owner: owner, depth: depth + 1)
    }
}

/// An invite as a link: the code is in the fragment, which browsers and proxies do not send.
public struct InviteLink: Sendable, Hashable, CustomStringConvertible {
    /// `http://host:port` of the broker.
    public var broker: String
    /// The mesh.
    public var meshID: String
    /// The secret.
    public var code: InviteCode
    /// 22 base64url characters: the first 16 bytes of SHA-256 of the owner's key.
    public var ownerFingerprint: String

    /// Makes a link.
    public init(broker: String, meshID: String, code: InviteCode, owner: PublicKey) {
        self.broker = broker
        self.meshID = meshID
        self.code = code
        self.ownerFingerprint = Self.fingerprint(owner)
    }

    /// Parses a link as it was pasted: with white space in it, with quotes, brackets or a full stop around it. Fails
    /// with `malformed`, stating what is missing.
    public init(parsing text: String) throws(IdentityError) {
        let halves = Pasted.unquotedWord(text).split(separator: "#", maxSplits: 1).map(String.init)
        guard halves.count == 2 else {
            throw IdentityError(.malformed, "an invite has a # with its code behind it; put the link in quotes")
        }
        guard let path = halves[0].firstRange(of: "/join/") else {
            throw IdentityError(.malformed, "an invite looks like http://HOST:PORT/join/MESH#CODE")
        }
        broker = try BrokerAddress(parsing: String(halves[0][..<path.lowerBound])).text
        meshID = halves[0][path.upperBound...].lowercased()
        guard MeshID.isValid(meshID) else {
            throw IdentityError(
                .malformed, "an invite looks like http://HOST:PORT/join/MESH#CODE, with 32 hex characters")
        }
        guard let (code, fingerprint) = Self.secret(halves[1]) else {
            throw IdentityError(.malformed, "the code of the invite is not whole: copy it again")
        }
        self.code = code
        ownerFingerprint = fingerprint
    }

    /// The code and the owner's fingerprint, 22 characters each. Punctuation after them is not part of a link; letters
    /// and digits are, and make it another one.
    private static func secret(_ text: String) -> (code: InviteCode, fingerprint: String)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 45, bytes[22] == UInt8(ascii: ".") else { return nil }
        let isMarks = bytes[45...].allSatisfy { byte in
            !(0x30...0x39).contains(byte) && !(0x41...0x5A).contains(byte) && !(0x61...0x7A).contains(byte)
        }
        let fingerprint = String(decoding: bytes[23..<45], as: UTF8.self)
        guard isMarks, let code = InviteCode(text: String(decoding: bytes[..<22], as: UTF8.self)),
            Base64.decodeURL(fingerprint)?.count == 16
        else { return nil }
        return (code, fingerprint)
    }

    /// The link.
    public var text: String { "\(broker)/join/\(meshID)#\(code.text).\(ownerFingerprint)" }
    /// The link.
    public var description: String { text }

    /// Whether a mesh's owner is the one that the invite names.
    public func matches(owner: PublicKey) -> Bool { Self.fingerprint(owner) == ownerFingerprint }

    private static func fingerprint(_ owner: PublicKey) -> String {
        Base64.encodeURL(Hashing.sha256(owner.bytes).prefix(16))
    }
}
