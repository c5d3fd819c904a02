package import MeshCore
import MeshStore

/// The key that signs the checkpoints: the node's, until the owner admits another.
enum LogKeyRotations {
    static let migrations = [
        Migration(
            name: "log-keys-1",
            sql: "CREATE TABLE log_key (seq INTEGER PRIMARY KEY, rotation TEXT NOT NULL) STRICT;")
    ]

    /// The rotations by the entry that holds them.
    final class Memory: CapabilityMemory {
        var rotations: [LogKeyList.Rotation] = []
        init() {}
    }

    static let capability = Capability("log_keys", migrations: migrations) {
        Write(RotateLogKey.self) { request, context in try rotate(request, context) }
        Read(ListLogKeys.self) { _, view in list(view.state) }
        Load { state in
            state.memory(Memory.self).rotations = try state.database.prepare(
                "SELECT seq, rotation FROM log_key ORDER BY seq"
            ).rows { row in
                let json = try JSON.parse(Array(row.text(1).utf8))
                return .init(seq: row.int(0), rotation: try JSONCoder.decode(LogKeyRotation.self, from: json))
            }
        }
    }

    private static func list(_ state: EngineState) -> LogKeyList {
        LogKeyList(first: state.facts.node, rotations: state.memory(Memory.self).rotations)
    }

    private static func rotate(_ request: RotateLogKey, _ context: WriteContext) throws -> LogKeyList {
        let state = context.state
        let keys = try state.logKeys
        let old = keys.current
        try request.key.requireUsable(field: "key")
        let rotation = LogKeyRotation(
            old: old, new: request.key, timestamp: request.timestamp, signature: request.signature)
        guard !keys.terms.contains(where: { $0.key == request.key }) else {
            throw MeshError.argument("key", request.key == old ? "signs already" : "was given up before: take another")
        }
        guard rotation.isSigned(by: state.facts.owner, meshID: state.facts.id) else {
            throw MeshError(
                .badSignature, "the owner did not sign that \(request.key.shortHex)… follows \(old.shortHex)…",
                hint: "mesh-cli ledger rotate-key, with the owner's profile")
        }
        guard
            state.facts.node.verifies(
                request.held, of: SignedText.logKeyPossession(key: request.key, node: state.facts.node))
        else {
            throw MeshError(
                .badSignature, "this broker does not hold the key \(request.key.shortHex)…",
                hint: "take nextLogKey and nextLogKeyHeld of GET /v1/node")
        }
        let seq = state.ledgerSize
        try state.database.prepare("INSERT INTO log_key (seq, rotation) VALUES (?, ?)")
            .run(seq, try JSONCoder.encode(rotation).text)
        try context.record(LogKeyRotation.kind, object: request.key.hex, rotation.attributes)
        state.memory(Memory.self).rotations.append(.init(seq: seq, rotation: rotation))
        return list(state)
    }
}

extension EngineState {
    /// The keys that sign checkpoints. Fails when the tables hold a rotation that no owner signed.
    package var logKeys: LogKeys {
        get throws(MeshError) {
            let list = LogKeyList(
                first: facts.node, rotations: memory(LogKeyRotations.Memory.self).rotations)
            do throws(LedgerFault) {
                return try list.verified(meshID: facts.id, owner: facts.owner, node: facts.node)
            } catch {
                throw MeshError(.storageFailed, "the file's log keys do not hold: \(error)")
            }
        }
    }
}
