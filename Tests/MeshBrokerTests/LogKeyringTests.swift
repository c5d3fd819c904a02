import Foundation
import MeshCore
import Testing

@testable import MeshBroker

@Suite struct LogKeyringTests {
    @Test func `a node that ended between two files offers another key, and keeps the one in use`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "log-keys-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = SigningKey()
        let ring = try LogKeyring(folder: folder, node: node)
        let first = ring.next
        #expect(
            node.publicKey.verifies(first.held, of: SignedText.logKeyPossession(key: first.key, node: node.publicKey)))
        let waiting = try Data(contentsOf: URL(filePath: folder + "/next.key"))
        #expect(try ring.signer(first.key)?.publicKey == first.key && ring.next.key != first.key)
        // As if the successor had not been written: the key in use stands in both files.
        try waiting.write(to: URL(filePath: folder + "/next.key"))
        let again = try LogKeyring(folder: folder, node: node)
        #expect(again.next.key != first.key)
        #expect(try again.signer(first.key)?.publicKey == first.key)
        #expect(try again.signer(SigningKey().publicKey) == nil)
        let offered = again.next.key
        #expect(try LogKeyring(folder: folder, node: node).next.key == offered)
    }
}
