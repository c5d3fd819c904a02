import MeshCore

/// Sends that were not acknowledged yet, on disk: one file each, with the sealed bytes, so that a retry after a crash
/// repeats the same message.
struct FileOutbox: Sendable {
    /// One send.
    struct Entry: Sendable {
        var name: String
        var send: Send
    }

    static let maximumEntries = 10_000
    private let folder: String

    init(folder: String) throws(MeshError) {
        self.folder = folder
        try SystemCalls.makeFolder(folder)
    }

    /// What an earlier run left, in the order in which it was sent.
    func load() throws(MeshError) -> [Entry] {
        var entries: [Entry] = []
        for name in try SystemCalls.list(folder) where name.hasSuffix(".json") {
            guard let bytes = try SystemCalls.read("\(folder)/\(name)") else { continue }
            do throws(JSONError) {
                let json = try JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 24))
                entries.append(Entry(name: name, send: try JSONCoder.decode(Send.self, from: json)))
            } catch {
                throw MeshError(
                    .storageFailed, "\(folder)/\(name) cannot be read: \(error)", hint: "move the file away")
            }
        }
        return entries
    }

    /// Keeps a send; on disk when this returns. `order` sorts it among the others.
    func add(_ send: Send, order: Int64) throws(MeshError) -> String {
        guard try SystemCalls.list(folder).count < Self.maximumEntries else {
            throw MeshError(
                .queueFull, "the outbox holds \(Self.maximumEntries) messages", hint: "wait until the broker has some")
        }
        let digits = String(order)
        let name =
            String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "-"
            + Hex.encode(SecureRandom.bytes(4)) + ".json"
        do throws(JSONError) {
            let bytes = try JSONCoder.encode(send).bytes()
            do throws(MeshError) { try SystemCalls.write("\(folder)/\(name)", bytes) } catch {
                throw JSONError(.invalidValue, error.message)
            }
        } catch {
            throw MeshError(.storageFailed, error.message)
        }
        return name
    }

    /// Forgets a send that the broker has, or has refused.
    func remove(_ name: String) { SystemCalls.remove("\(folder)/\(name)") }
}
