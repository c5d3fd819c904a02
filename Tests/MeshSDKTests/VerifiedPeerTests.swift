import MeshCore
import Testing

@testable import MeshSDK

/// What a broker that lies about a verified peer gets sealed: nothing.
@Suite struct VerifiedPeerTests {
    private static let bob = SigningKey()
    private static let session = SigningKey()

    private static func sealing() -> Sealing {
        var credentials = Credentials(
            broker: "http://127.0.0.1:1", meshID: "m", meshSlug: "lab", node: SigningKey().publicKey,
            owner: SigningKey().publicKey, memberName: "ada", memberID: "a", role: .member, label: nil,
            memberKey: SigningKey(), sessionKey: SigningKey())
        credentials.verified["bob"] = bob.publicKey
        return Sealing(credentials)
    }

    private static func seal(_ member: SigningKey, named name: String, binding: Bool, to target: String = "bob") throws
    {
        let word = SignedText.sessionBinding(meshID: "m", member: member.publicKey, session: session.publicKey)
        let resolved = Resolved(
            kind: "direct", sealed: true,
            recipients: [
                Resolved.Recipient(
                    session: session.publicKey, member: member.publicKey, name: name, label: nil,
                    binding: binding ? member.sign(word) : nil)
            ])
        _ = try sealing().body(of: Outgoing(to: target, text: "secret"), for: resolved)
    }

    @Test func `the peer itself is sealed to`() throws {
        try Self.seal(Self.bob, named: "bob", binding: true)
        try Self.seal(Self.bob, named: "bob", binding: true, to: "bob/laptop")
    }

    @Test(arguments: ["bob", "bob/laptop"])
    func `another key is refused under any name, and a session that the peer did not sign for`(_ target: String) {
        let mallory = SigningKey()
        #expect(throws: MeshError.self) { try Self.seal(mallory, named: "bob", binding: true, to: target) }
        #expect(throws: MeshError.self) { try Self.seal(mallory, named: "bobx", binding: true, to: target) }
        #expect(throws: MeshError.self) { try Self.seal(Self.bob, named: "bob", binding: false, to: target) }
        #expect(throws: MeshError.self) { try Self.seal(Self.bob, named: "bobx", binding: false, to: target) }
    }
}
