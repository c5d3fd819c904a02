import MeshBroker
import MeshCore
import MeshSDK
import MeshTestSupport
import Testing

@Suite struct LogKeyTests {
    @Test func `a key that the broker does not hold is refused although the owner signed for it`() async throws {
        let mesh = try await TestBroker()
        let ada = mesh.client(mesh.owner)
        try await running(ada) {
            let key = SigningKey()
            let word = SignedText.logKeyRotation(
                meshID: mesh.owner.meshID, old: mesh.owner.node, new: key.publicKey, timestamp: 1)
            let held = SignedText.logKeyPossession(key: key.publicKey, node: mesh.owner.node)
            for held in [Signature.zero, key.sign(word), key.sign(held), mesh.owner.memberKey.sign(held)] {
                let request = RotateLogKey(
                    key: key.publicKey, timestamp: 1, signature: mesh.owner.memberKey.sign(word), held: held)
                let refused = await code { try await ada.call(request) }
                #expect(refused == .badSignature)
            }
            let known = try await ada.call(ListLogKeys())
            #expect(known.rotations.isEmpty)
        }
        await mesh.broker.shutdown()
    }

    /// The code that a call fails with; nil when it does not.
    private func code(_ body: () async throws -> some Reply) async -> ErrorCode? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? MeshError)?.code
        }
    }
}
