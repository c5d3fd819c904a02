/// Every text that is ever signed, in one place: each begins with its purpose, so that a signature for one purpose
/// is invalid for another. Claudemesh's hello has no such beginning and stays as its clients make it.
public enum SignedText {
    /// Claudemesh's hello, by the member.
    public static func hello(meshID: String, memberID: String, pubkey: String, timestamp: String) -> [UInt8] {
        joined(meshID, memberID, pubkey, timestamp)
    }

    /// Claudemesh's attestation of a session key, by the member. `expiresAt` in Unix milliseconds.
    public static func attestation(parent: PublicKey, session: PublicKey, expiresAt: Int64) -> [UInt8] {
        joined("claudemesh-session-attest", parent.hex, session.hex, String(expiresAt))
    }

    /// Claudemesh's session hello, by the session.
    public static func sessionHello(meshID: String, parent: PublicKey, session: PublicKey, timestamp: Int64) -> [UInt8]
    {
        joined("claudemesh-session-hello", meshID, parent.hex, session.hex, String(timestamp))
    }

    /// A session's hello to one node, by the session.
    public static func meshSessionHello(
        meshID: String, member: PublicKey, session: PublicKey, audience: String, timestamp: Int64, nonce: String
    ) -> [UInt8] {
        joined("mesh-session-hello-v1", meshID, member.hex, session.hex, audience, String(timestamp), nonce)
    }

    /// A member's signature for a session key, by the member.
    public static func sessionBinding(meshID: String, member: PublicKey, session: PublicKey) -> [UInt8] {
        joined("mesh-session-binding-v1", meshID, member.hex, session.hex)
    }

    /// An HTTP request to one node, by the session.
    public static func httpRequest(
        method: String, path: String, body: [UInt8], audience: String, timestamp: Int64, nonce: String
    ) -> [UInt8] {
        joined("mesh-http-v1", method, path, Hex.encode(Hashing.sha256(body)), audience, String(timestamp), nonce)
    }

    /// The creation of a mesh on one node, by the owner.
    public static func meshCreation(
        meshID: String, slug: String, owner: PublicKey, node: PublicKey, timestamp: Int64
    ) -> [UInt8] {
        joined("mesh-create-v1", meshID, slug, owner.hex, node.hex, String(timestamp))
    }

    /// Another key for the checkpoints of a mesh, by its owner.
    public static func logKeyRotation(meshID: String, old: PublicKey, new: PublicKey, timestamp: Int64) -> [UInt8] {
        joined("mesh-log-key-v1", meshID, old.hex, new.hex, String(timestamp))
    }

    /// That a node holds a key for checkpoints, by the node.
    public static func logKeyPossession(key: PublicKey, node: PublicKey) -> [UInt8] {
        joined("mesh-log-key-held-v1", key.hex, node.hex)
    }

    /// What an invite grants, by its issuer.
    public static func inviteCapability(_ capability: InviteCapability) -> [UInt8] {
        joined(
            "mesh-invite-v1", capability.meshId, capability.inviteId, capability.role.rawValue, String(capability.uses),
            String(capability.expiresAt), capability.codeHash, capability.issuer.hex)
    }

    /// A joiner's claim of an invite, by the joiner.
    public static func joinClaim(
        meshID: String, inviteID: String, name: String, member: PublicKey, timestamp: Int64
    ) -> [UInt8] {
        joined("mesh-join-v1", meshID, inviteID, name, member.hex, String(timestamp))
    }

    /// A membership, by the node that admitted it.
    public static func certificate(
        capability: [UInt8], issuerSignature: Signature, claim: [UInt8], claimSignature: Signature
    ) -> [UInt8] {
        joined(
            "mesh-certificate-v1", Hex.encode(Hashing.sha256(capability)), issuerSignature.hex,
            Hex.encode(Hashing.sha256(claim)), claimSignature.hex)
    }

    private static func joined(_ parts: String...) -> [UInt8] { Array(parts.joined(separator: "|").utf8) }
}

/// The id of a mesh.
public enum MeshID {
    /// Whether a text can be the id of a mesh, or of a member: 32 lower-case hex characters.
    public static func isValid(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// 32 hex characters derived from the owner's key and a nonce, so that nobody can claim another's id.
    public static func derive(owner: PublicKey, nonce: [UInt8]) -> String {
        Hex.encode(Hashing.sha256(Array("mesh-id-v1|\(owner.hex)|\(Hex.encode(nonce))".utf8)).prefix(16))
    }
}
