public import MeshCore
import Synchronization

/// Messages that the broker does not have yet, on disk: one file each, with what was said and, once it is sealed, the very
/// bytes that are sent, so that a retry after a crash repeats the same message.
final class FileOutbox: Sendable {
    /// One message.
    struct Entry: Sendable {
        var name: String
        /// Unix milliseconds when it was accepted here.
        var acceptedAt: Int64
        /// What was said; nil for an entry that holds sealed bytes alone.
        var outgoing: Outgoing?
        /// The sealed bytes; nil while nothing is sealed.
        var send: Send?
    }

    private struct File: Codable {
        var acceptedAt: Int64
        var outgoing: StoredOutgoing?
        var send: Send?
    }

    static let maximumEntries = 10_000
    private static let deadFolder = "dead"
    private let folder: String
    private let count: Mutex<Int>

    init(folder: String) throws(MeshError) {
        self.folder = folder
        try SystemCalls.makeFolder(folder)
        count = Mutex(try SystemCalls.list(folder).count { $0.hasSuffix(".json") })
    }

    /// What an earlier run left, in the order in which it was accepted.
    func load() throws(MeshError) -> [Entry] {
        var entries: [Entry] = []
        for name in try SystemCalls.list(folder) where name.hasSuffix(".json") {
            if let entry = try read(name) { entries.append(entry) }
        }
        return entries
    }

    /// An entry; nil when it is gone.
    func read(_ name: String) throws(MeshError) -> Entry? {
        guard let bytes = try SystemCalls.read("\(folder)/\(name)") else { return nil }
        do throws(JSONError) {
            let json = try JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 24))
            if json["targetSpec"] != nil {
                // Sealed bytes alone, as an older version has left them.
                return Entry(
                    name: name, acceptedAt: SystemCalls.now(), outgoing: nil,
                    send: try JSONCoder.decode(Send.self, from: json))
            }
            let file = try JSONCoder.decode(File.self, from: json)
            return Entry(
                name: name, acceptedAt: file.acceptedAt, outgoing: file.outgoing?.outgoing, send: file.send)
        } catch {
            throw MeshError(.storageFailed, "\(folder)/\(name) cannot be read: \(error)", hint: "move the file away")
        }
    }

    /// Keeps a message; on disk when this returns. `order` sorts it among the others.
    func add(_ outgoing: Outgoing?, _ send: Send?, order: Int64) throws(MeshError) -> String {
        let isFull = count.withLock { count in
            if count >= Self.maximumEntries { return true }
            count += 1
            return false
        }
        guard !isFull else {
            throw MeshError(
                .queueFull, "the outbox holds \(Self.maximumEntries) messages", hint: "wait until the broker has some")
        }
        let digits = String(order)
        let name =
            String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "-"
            + Hex.encode(SecureRandom.bytes(4)) + ".json"
        do throws(MeshError) {
            try store(Entry(name: name, acceptedAt: SystemCalls.now(), outgoing: outgoing, send: send))
        } catch {
            count.withLock { $0 -= 1 }
            throw error
        }
        return name
    }

    /// Stores an entry anew, for example with its sealed bytes.
    func store(_ entry: Entry) throws(MeshError) {
        let file = File(
            acceptedAt: entry.acceptedAt, outgoing: entry.outgoing.map { StoredOutgoing($0) }, send: entry.send)
        let bytes: [UInt8]
        do throws(JSONError) { bytes = try JSONCoder.encode(file).bytes() } catch {
            throw MeshError(.invalidArgument, "\(error)")
        }
        try SystemCalls.write("\(folder)/\(entry.name)", bytes)
    }

    /// Forgets a message that the broker has.
    func remove(_ name: String) {
        if SystemCalls.remove("\(folder)/\(name)") { count.withLock { $0 -= 1 } }
    }

    /// Sets a message aside that will not be sent, with the reason.
    func bury(_ entry: Entry, _ error: MeshError) throws(MeshError) {
        try SystemCalls.makeFolder("\(folder)/\(Self.deadFolder)")
        var fields: JSONObject = ["acceptedAt": .integer(entry.acceptedAt), "error": .object(error.fields)]
        if let outgoing = entry.outgoing, let json = try? JSONCoder.encode(StoredOutgoing(outgoing)) {
            fields["outgoing"] = json
        }
        try SystemCalls.write("\(folder)/\(Self.deadFolder)/\(entry.name)", JSON.object(fields).bytes())
        remove(entry.name)
    }

    /// What was set aside, oldest first.
    func dead() throws(MeshError) -> [OutboxDeadLetter] {
        let path = "\(folder)/\(Self.deadFolder)"
        var letters: [OutboxDeadLetter] = []
        for name in try SystemCalls.list(path) {
            guard let bytes = try SystemCalls.read("\(path)/\(name)"), let json = try? JSON.parse(bytes),
                let error = json["error"]?.objectValue
            else { continue }
            let outgoing = json["outgoing"].flatMap { try? JSONCoder.decode(StoredOutgoing.self, from: $0) }
            letters.append(
                OutboxDeadLetter(
                    name: name, outgoing: outgoing?.outgoing, error: MeshError(fields: error),
                    acceptedAt: json["acceptedAt"]?.integerValue ?? 0))
        }
        return letters
    }

    /// Forgets one that was set aside; false when it is not there.
    func discard(dead name: String) -> Bool {
        !name.contains("/") && SystemCalls.remove("\(folder)/\(Self.deadFolder)/\(name)")
    }
}

/// A message of the outbox that will not be sent.
public struct OutboxDeadLetter: Sendable, Hashable {
    /// Its name in the outbox.
    public var name: String
    /// What it says and to whom; nil when only sealed bytes were kept.
    public var outgoing: Outgoing?
    /// Why.
    public var error: MeshError
    /// Unix milliseconds when it was accepted.
    public var acceptedAt: Int64
}

/// A message to send, as it is stored.
private struct StoredOutgoing: Codable {
    var target: [String]
    var text: String
    var priority: Priority
    var replyTo: String?
    var ttlMillis: Int64?
    var clientMessageID: String
    var receipts: Bool
    var mentions: [String]
    var allowPlaintext: Bool

    init(_ outgoing: Outgoing) {
        target = outgoing.target.targets
        text = outgoing.text
        priority = outgoing.priority
        replyTo = outgoing.replyTo
        ttlMillis = outgoing.ttlMillis
        clientMessageID = outgoing.clientMessageID
        receipts = outgoing.receipts
        mentions = outgoing.mentions
        allowPlaintext = outgoing.allowPlaintext
    }

    var outgoing: Outgoing {
        var outgoing = Outgoing(target: TargetSpec(target), text: text)
        outgoing.priority = priority
        outgoing.replyTo = replyTo
        outgoing.ttlMillis = ttlMillis
        outgoing.clientMessageID = clientMessageID
        outgoing.receipts = receipts
        outgoing.mentions = mentions
        outgoing.allowPlaintext = allowPlaintext
        return outgoing
    }
}
