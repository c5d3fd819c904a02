/// What is wrong with a ledger, and with which entry.
public struct LedgerFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The faulty entry; nil when it is the ledger as a whole.
    public var seq: Int64?
    /// What is wrong.
    public var message: String
    /// Makes a fault.
    public init(_ seq: Int64?, _ message: String) {
        self.seq = seq
        self.message = message
    }
    /// The text in one line.
    public var description: String { (seq.map { "entry \($0): " } ?? "") + message }
}

/// One entry of a mesh's ledger. Its stored bytes are its RFC 8785 form; they are hashed and never rewritten.
public struct LedgerEntry: Sendable, Hashable {
    /// `mesh/<meshId>`.
    public var origin: String
    /// Counted from 0.
    public var seq: Int64
    /// Unix milliseconds, never less than in the entry before.
    public var timestamp: Int64
    /// The leaf hash of the entry before; zeros for the first.
    public var previous: Digest
    /// The member key in hex, `node` or `admin`.
    public var actor: String
    /// What happened, for example `state.set`.
    public var kind: String
    /// The object of the event.
    public var object: String?
    /// Public facts.
    public var publicAttributes: JSONObject
    /// Hashes that stand for private values.
    public var commitments: [String: String]

    /// Maximum size of an entry in bytes: C2SP entry bundles count with 16 bits.
    public static let maximumBytes = 65_535

    /// Makes an entry.
    public init(
        origin: String, seq: Int64, timestamp: Int64, previous: Digest, actor: String, kind: String, object: String?,
        publicAttributes: JSONObject, commitments: [String: String]
    ) {
        self.origin = origin
        self.seq = seq
        self.timestamp = timestamp
        self.previous = previous
        self.actor = actor
        self.kind = kind
        self.object = object
        self.publicAttributes = publicAttributes
        self.commitments = commitments
    }

    /// Writes the stored bytes: names in the order of RFC 8785, by hand, since every write appends one.
    public func encode(into bytes: inout [UInt8]) {
        let hashes = JSONObject(commitments.map { ($0.key, .string($0.value)) })
        Self.write(
            to: &bytes, origin: origin, seq: seq, timestamp: timestamp, previous: previous, actor: actor, kind: kind,
            object: object,
            publicAttributes: publicAttributes.count == 0
                ? nil : { $0 += JSON.object(publicAttributes).canonicalBytes() },
            commitments: hashes.count == 0 ? nil : { $0 += JSON.object(hashes).canonicalBytes() })
    }

    /// Writes an entry's bytes from parts, some of which are already in canonical form.
    package static func write(
        to bytes: inout [UInt8], origin: String, seq: Int64, timestamp: Int64, previous: Digest, actor: String,
        kind: String, object: String?, publicAttributes: CanonicalObject, commitments: CanonicalObject
    ) {
        write(
            to: &bytes, origin: origin, seq: seq, timestamp: timestamp, previous: previous, actor: actor, kind: kind,
            object: object, publicAttributes: publicAttributes.isEmpty ? nil : { publicAttributes.write(to: &$0) },
            commitments: commitments.isEmpty ? nil : { commitments.write(to: &$0) })
    }

    private static func write(
        to bytes: inout [UInt8], origin: String, seq: Int64, timestamp: Int64, previous: Digest, actor: String,
        kind: String, object: String?, publicAttributes: ((inout [UInt8]) -> Void)?,
        commitments: ((inout [UInt8]) -> Void)?
    ) {
        bytes += "{\"act\":".utf8
        JSONWriter.write(kind, to: &bytes)
        bytes += ",\"actor\":".utf8
        JSONWriter.write(actor, to: &bytes)
        if let commitments {
            bytes += ",\"com\":".utf8
            commitments(&bytes)
        }
        bytes += ",\"log\":".utf8
        JSONWriter.write(origin, to: &bytes)
        if let object {
            bytes += ",\"obj\":".utf8
            JSONWriter.write(object, to: &bytes)
        }
        bytes += ",\"prev\":\"".utf8
        previous.appendHex(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        if let publicAttributes {
            bytes += ",\"pub\":".utf8
            publicAttributes(&bytes)
        }
        bytes += ",\"res\":\"ok\",\"seq\":".utf8
        bytes += String(seq).utf8
        bytes += ",\"ts\":".utf8
        bytes += String(timestamp).utf8
        bytes += ",\"v\":1}".utf8
    }

    /// Parses stored bytes. Fails when they are not exactly an entry's canonical form.
    public static func parse(_ bytes: [UInt8]) throws(LedgerFault) -> LedgerEntry {
        let json: JSON
        do throws(JSONError) {
            json = try JSON.parse(bytes, limits: JSONLimits(maxBytes: maximumBytes))
        } catch {
            throw LedgerFault(nil, "not a ledger entry: \(error)")
        }
        let seq = json["seq"]?.integerValue
        guard json["v"]?.integerValue == 1, let seq, let origin = json["log"]?.stringValue,
            let timestamp = json["ts"]?.integerValue, let previous = Digest(hex: json["prev"]?.stringValue ?? ""),
            let actor = json["actor"]?.stringValue, let kind = json["act"]?.stringValue
        else { throw LedgerFault(seq, "a field of the entry is missing or has another type") }
        var commitments: [String: String] = [:]
        for (name, value) in json["com"]?.objectValue ?? JSONObject() { commitments[name] = value.stringValue ?? "" }
        let entry = LedgerEntry(
            origin: origin, seq: seq, timestamp: timestamp, previous: previous, actor: actor, kind: kind,
            object: json["obj"]?.stringValue, publicAttributes: json["pub"]?.objectValue ?? JSONObject(),
            commitments: commitments)
        var again: [UInt8] = []
        entry.encode(into: &again)
        guard again == bytes else { throw LedgerFault(seq, "the bytes are not in the canonical form of RFC 8785") }
        return entry
    }
}
