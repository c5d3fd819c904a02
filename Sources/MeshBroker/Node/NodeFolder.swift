import MeshCore
import MeshStore

/// The folder of a node: its lock, keys and token, and a file for each mesh. The folder is the registry.
struct NodeFolder {
    let path: String
    private let lock: FolderLock
    /// The audience of this node's clients; it signs the ledgers of its meshes until their owners admit other keys.
    let nodeKey: SigningKey
    /// The keys that sign checkpoints.
    let logKeys: LogKeyring
    /// Creates meshes, reads metrics; never acts as a member.
    let adminToken: String
    /// The disk that the folder is on.
    let space: DiskSpace
    /// Whether the last broker on this folder stopped uncleanly.
    let wasUnclean: Bool

    /// Locks the folder. Fails when another broker has it, when a key cannot be read, when the disk cannot be written.
    init(path: String) throws {
        self.path = path
        try Files.createPrivateFolder(path)
        lock = try FolderLock(folder: path)
        space = DiskSpace(folder: path)
        space.begin()
        for folder in ["meshes", "checkpoints"] { try Files.createPrivateFolder(path + "/" + folder) }
        // Nobody else creates files here: the folder is ours.
        for folder in ["", "/meshes", "/checkpoints", "/log-keys", "/backups"] where Files.exists(path + folder) {
            try FileCreation.removeLeftovers(in: path + folder)
        }
        nodeKey = try Self.key(path + "/node.key")
        logKeys = try LogKeyring(folder: path + "/log-keys", node: nodeKey)
        adminToken = try Self.token(path + "/admin.token")
        wasUnclean = Files.exists(path + "/running")
        if !wasUnclean {
            try Self.unlessFull { () throws(StoreError) in try Files.writePrivate(path + "/running", []) }
        }
    }

    /// The admin token's file.
    var adminTokenFile: String { path + "/admin.token" }

    /// Runs a step that a start can skip on a full disk.
    private static func unlessFull(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        do throws(StoreError) { try body() } catch { if error.code != .full { throw error } }
    }

    /// The mesh files, sorted.
    func meshFiles() throws -> [String] {
        try Files.list(path + "/meshes").filter { $0.hasSuffix(".sqlite") }.map { path + "/meshes/" + $0 }
    }

    /// The file of a mesh.
    func meshFile(_ id: String) -> String { path + "/meshes/\(id).sqlite" }

    /// The id that a mesh's file is named after; any text when somebody has renamed it.
    static func meshID(ofFile path: String) -> String {
        String(path.split(separator: "/").last?.dropLast(".sqlite".count) ?? "")
    }

    /// Whether a text has the form of a mesh id.
    static func isMeshID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// Copies of meshes.
    var backups: String { path + "/backups" }

    /// Sets the last checkpoint even if later ones were signed; nil removes it.
    func accept(checkpoint note: String?, of meshID: String) throws {
        let file = path + "/checkpoints/\(meshID).note"
        if let note { try Files.writePrivate(file, Array(note.utf8)) } else { Files.remove(file) }
    }

    /// Stores the last signed checkpoint of a mesh outside its file.
    func keep(checkpoint note: String, of meshID: String) throws {
        try Files.writePrivate(path + "/checkpoints/\(meshID).note", Array(note.utf8), afterPowerCut: .oldOrNew)
    }

    /// The last signed checkpoint of a mesh, as stored by this node.
    func checkpoint(of meshID: String) throws -> String? {
        try Files.read(path + "/checkpoints/\(meshID).note").map { String(decoding: $0, as: UTF8.self) }
    }

    /// Records a clean stop, and unlocks the folder.
    func stoppedCleanly() {
        Files.remove(path + "/running")
        lock.release()
    }

    /// Reads a key's file, or makes a key and its file.
    static func key(_ path: String) throws -> SigningKey {
        if let bytes = try Files.readPrivate(path) {
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            guard let key = SigningKey(secretHex: text) else {
                throw StoreError(.corrupt, "\(path) is not a key of 64 hex characters: restore it from a backup")
            }
            return key
        }
        let key = SigningKey()
        try Files.writePrivate(path, Array((Hex.encode(key.seed) + "\n").utf8))
        return key
    }

    private static func token(_ path: String) throws -> String {
        if let bytes = try Files.readPrivate(path) {
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            guard text.utf8.count >= 32 else {
                throw StoreError(.corrupt, "\(path) is too short for a token: remove it to make a new one")
            }
            return text
        }
        var generator = SystemRandomNumberGenerator()
        let token = "mesh_admin_" + Base64.encodeURL(Entropy32.make(&generator))
        try Files.writePrivate(path, Array((token + "\n").utf8))
        return token
    }
}

/// 32 random bytes.
enum Entropy32 {
    static func make(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
