import MeshCore
import MeshStore
import Synchronization

/// The secret keys that sign checkpoints on this node: its own, those that owners have admitted, and the next one.
/// They are stored beside the node's key, each readable only by its user.
package final class LogKeyring: Sendable {
    private struct Keys {
        var known: [PublicKey: SigningKey]
        var next: SigningKey
    }

    private let folder: String
    private let node: SigningKey
    private let keys: Mutex<Keys>

    /// Reads the keys of a folder, and makes the next one if there is none. Fails when one cannot be read.
    init(folder: String, node: SigningKey) throws {
        self.folder = folder
        self.node = node
        try Files.createPrivateFolder(folder)
        var known = [node.publicKey: node]
        for name in try Files.list(folder) where name.hasSuffix(".key") && name != "next.key" {
            let key = try NodeFolder.key(folder + "/" + name)
            known[key.publicKey] = key
        }
        var next = try NodeFolder.key(folder + "/next.key")
        if known[next.publicKey] != nil {
            // It came into use, and the node ended before its successor existed.
            next = try Self.successor(folder)
        }
        keys = Mutex(Keys(known: known, next: next))
    }

    /// The key that an owner may admit, and the node's signature proving that it holds it.
    var next: (key: PublicKey, held: Signature) {
        let key = keys.withLock { $0.next.publicKey }
        return (key, node.sign(SignedText.logKeyPossession(key: key, node: node.publicKey)))
    }

    private static func successor(_ folder: String) throws -> SigningKey {
        let key = SigningKey()
        try Files.writePrivate(folder + "/next.key", Array((Hex.encode(key.seed) + "\n").utf8))
        return key
    }

    /// The secret of a key. The next key is stored under its own name at its first use, and a new next one is made.
    /// Nil when this node does not hold it; fails when the disk does.
    func signer(_ key: PublicKey) throws -> SigningKey? {
        try keys.withLock { keys in
            if let known = keys.known[key] { return known }
            guard keys.next.publicKey == key else { return nil }
            let used = keys.next
            try Files.writePrivate(folder + "/\(key.hex).key", Array((Hex.encode(used.seed) + "\n").utf8))
            keys.known[key] = used
            keys.next = try Self.successor(folder)
            return used
        }
    }
}
