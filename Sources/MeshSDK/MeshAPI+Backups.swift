public import MeshCore
public import NIOCore

/// Backups, for whoever holds a broker's admin token.
extension MeshAPI {
    /// Copies a mesh while it serves, and checks the copy to the last ledger entry. The file stays on the broker's machine.
    public static func backUp(
        mesh: String, broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupFacts {
        let facts: BackupFacts = try await administer(
            broker, adminToken, group, "POST", "/v1/backups", CreateBackupBody(mesh: mesh))
        guard facts.isUsable, facts.meshId == mesh || facts.mesh == mesh else {
            throw MeshError(otherThanAsked: "a backup of \(facts.mesh) in \(facts.file)", "one of \(mesh)")
        }
        return facts
    }

    /// The backups on a broker's machine.
    public static func backups(
        broker: String, adminToken: String, group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupList {
        try await administer(broker, adminToken, group, "GET", "/v1/backups", [String]?.none)
    }

    /// Checks a backup and puts it in the place of its mesh.
    public static func restore(
        file: String, replace: Bool, broker: String, adminToken: String,
        group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> BackupFacts {
        let facts: BackupFacts = try await administer(
            broker, adminToken, group, "POST", "/v1/restore", RestoreBody(file: file, replace: replace))
        let name =
            file.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(file[file.utf8.index(after: $0)...]) } ?? file
        guard facts.isUsable, facts.file == name else {
            throw MeshError(otherThanAsked: "\(facts.file) of \(facts.mesh)", name)
        }
        return facts
    }

    static func administer<Answer: Decodable & Sendable>(
        _ broker: String, _ adminToken: String, _ group: any EventLoopGroup, _ method: String, _ path: String,
        _ body: (some Encodable)?
    ) async throws(MeshError) -> Answer {
        let data = try body.map { (body) throws(MeshError) in try bytes(body) } ?? []
        let headers = [("Content-Type", "application/json"), try authorization(adminToken)]
        // A copy of a large mesh takes its time.
        return try await once(broker, group, timeoutSeconds: 600) { (http) async throws(MeshError) in
            try await exchange(http, method, path, headers, data)
        }
    }
}

extension BackupFacts {
    /// Whether its names can be what they should be: they are shown, pasted, and asked for again.
    fileprivate var isUsable: Bool {
        let isName = file.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_.".utf8.contains(byte)
            }
        }
        return isName && (1...255).contains(file.utf8.count) && !file.begins(with: "-") && !file.begins(with: ".")
            && MeshID.isValid(meshId)
    }
}

extension MeshError {
    /// A broker that answers with something else than what was asked for.
    init(otherThanAsked answered: String, _ asked: String) {
        self.init(
            .internalError,
            "the broker answers with \(SafeText.line(answered, limit: 200)), asked was \(SafeText.line(asked, limit: 200))",
            hint: "look on the broker's machine what it has done", details: ["answer": "another"])
    }
}
