/// Sets a key.
public struct SetState: Request {
    /// The key, 1 to 256 bytes; `:` separates namespaces by custom.
    public var key: String
    /// Any JSON value but a missing one.
    public var value: JSON
    /// Makes a request.
    public init(key: String, value: JSON) {
        self.key = key
        self.value = value
    }
    public static let type = "set_state"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Set a key to a JSON value."
    public static let fields = [
        "key": "1 to 256 bytes, no control characters.", "value": "Any JSON value, at most 64 KiB.",
    ]
    public static let isSilentForVersion1 = true
    public typealias Answer = StateWritten
}

/// Sets a key if it still has the version that the caller saw.
public struct CompareAndSetState: Request {
    /// The key.
    public var key: String
    /// The version that it must have; 0 when it must not exist.
    public var expectedVersion: Int64
    /// The new value.
    public var value: JSON
    /// Makes a request.
    public init(key: String, expectedVersion: Int64, value: JSON) {
        self.key = key
        self.expectedVersion = expectedVersion
        self.value = value
    }
    public static let type = "cas_state"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help =
        "Set a key only if it has the expected version; otherwise `version_conflict` tells the current one."
    public static let fields = [
        "key": "The key.", "expectedVersion": "The version it must have; 0: it must not exist.",
        "value": "The new value.",
    ]
    public typealias Answer = StateWritten
}

/// Deletes a key.
public struct DeleteState: Request {
    /// The key.
    public var key: String
    /// The version that it must have.
    public var expectedVersion: Int64?
    /// Makes a request.
    public init(key: String, expectedVersion: Int64? = nil) {
        self.key = key
        self.expectedVersion = expectedVersion
    }
    public static let type = "delete_state"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Delete a key; `not_found` when it does not exist."
    public static let fields = ["key": "The key.", "expectedVersion": "The version it must have; any when absent."]
    public typealias Answer = StateWritten
}

/// Applies several changes as one: all or none.
public struct BatchState: Request {
    /// One change of a batch.
    public struct Operation: Codable, Sendable, Hashable {
        /// What to do.
        public enum Verb: String, Codable, Sendable, Hashable, CaseIterable, JSONSchemaProviding {
            case set, delete, check
        }
        /// What to do.
        public var op: Verb
        /// The key.
        public var key: String
        /// The value to set.
        public var value: JSON?
        /// The version that the key must have before the batch; 0: must not exist.
        public var expectedVersion: Int64?
        /// Makes an operation.
        public init(op: Verb, key: String, value: JSON? = nil, expectedVersion: Int64? = nil) {
            self.op = op
            self.key = key
            self.value = value
            self.expectedVersion = expectedVersion
        }
    }
    /// The changes, 1 to 256, each key once.
    public var operations: [Operation]
    /// Makes a request.
    public init(operations: [Operation]) { self.operations = operations }
    public static let type = "batch_state"
    public static let permission = Permission.write
    public static let kind = RequestKind.write
    public static let help = "Apply several changes as one: all or none, one revision."
    public static let fields = ["operations": "1 to 256 of `set`, `delete`, `check`; each key once."]
    public typealias Answer = StateWritten
}

/// What a write made of the state.
public struct StateWritten: Reply {
    public static let type = "state_written"
    /// The mesh-wide revision of this write.
    public var revision: Int64
    /// The key's version, for a write of one key; 0 after a deletion.
    public var version: Int64?
    /// How many keys changed.
    public var changed: Int
    /// Makes an answer.
    public init(revision: Int64, version: Int64?, changed: Int) {
        self.revision = revision
        self.version = version
        self.changed = changed
    }
}

/// Reads a key.
public struct GetState: Request {
    /// The key.
    public var key: String
    /// Makes a request.
    public init(key: String) { self.key = key }
    public static let type = "get_state"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Read a key; a missing one answers `found: false` and null."
    public static let fields = ["key": "The key."]
    public typealias Answer = StateResult
}

/// One key's value.
public struct StateResult: Reply {
    public static let type = "state_result"
    /// The key.
    public var key: String
    /// The value; null when missing.
    public var value: JSON
    /// The name of the member who wrote it; empty when missing.
    public var updatedBy: String
    /// The key of the member who wrote it: what decides who it was. Absent when missing or written by an older broker.
    public var updatedByKey: PublicKey?
    /// ISO 8601; empty when missing.
    public var updatedAt: String
    /// The key's version, counted from 1; 0 when missing.
    public var version: Int64
    /// The mesh-wide revision at which it was written; 0 when missing.
    public var revision: Int64
    /// Whether the key exists.
    public var found: Bool
    /// Makes an answer.
    public init(
        key: String, value: JSON, updatedBy: String, updatedAt: String, version: Int64, revision: Int64, found: Bool
    ) {
        self.key = key
        self.value = value
        self.updatedBy = updatedBy
        self.updatedAt = updatedAt
        self.version = version
        self.revision = revision
        self.found = found
    }
}

/// Lists keys.
public struct ListState: PagedRequest {
    /// Only keys that begin with this.
    public var prefix: String?
    /// At most this many, 1 to 1,000; 1,000 when absent.
    public var limit: Int?
    /// Only keys after this one.
    public var after: String?
    /// Makes a request.
    public init(prefix: String? = nil, limit: Int? = nil, after: String? = nil) {
        self.prefix = prefix
        self.limit = limit
        self.after = after
    }
    public static let type = "list_state"
    public static let permission = Permission.observe
    public static let kind = RequestKind.read
    public static let help = "Keys and values, by key; a page of large values may hold fewer than asked for."
    public static let fields = [
        "prefix": "Only keys that begin with this.", "limit": "1 to 1,000; 1,000 when absent.",
        "after": "Only keys after this one: the last key of the page before.",
    ]
    public typealias Answer = StateList
}

/// Keys and values at one revision.
public struct StateList: PagedReply {
    /// One key.
    public struct Entry: Codable, Sendable, Hashable {
        /// The key.
        public var key: String
        /// The value.
        public var value: JSON
        /// The name of the member who wrote it.
        public var updatedBy: String
        /// The key of the member who wrote it: what decides who it was. Absent when written by an older broker.
        public var updatedByKey: PublicKey?
        /// ISO 8601.
        public var updatedAt: String
        /// The key's version.
        public var version: Int64
        /// The mesh-wide revision at which it was written.
        public var revision: Int64
        /// Makes an entry.
        public init(key: String, value: JSON, updatedBy: String, updatedAt: String, version: Int64, revision: Int64) {
            self.key = key
            self.value = value
            self.updatedBy = updatedBy
            self.updatedAt = updatedAt
            self.version = version
            self.revision = revision
        }
    }
    public static let type = "state_list"
    /// By key, compared as bytes.
    public var entries: [Entry]
    /// The mesh-wide revision that this shows.
    public var revision: Int64
    /// True when more keys follow the last one.
    public var more: Bool
    /// Makes an answer.
    public init(entries: [Entry], revision: Int64, more: Bool) {
        self.entries = entries
        self.revision = revision
        self.more = more
    }
    public var next: String? { more ? entries.last?.key : nil }
    public mutating func append(_ page: StateList) {
        entries += page.entries
        revision = page.revision
        // A page without an entry would ask for the same one again.
        more = page.more && !page.entries.isEmpty
    }
}

/// Watches keys: first all values, then every change, without a gap and without a repetition.
public struct WatchState: Request {
    /// Only keys that begin with this; empty watches all.
    public var prefix: String?
    /// The caller's name of the watch, echoed in every change; watching again under the same name replaces it.
    public var watchId: String?
    /// False begins the watch without the keys that are there: for more than one answer holds, which `list_state` reads.
    public var snapshot: Bool?
    /// Makes a request.
    public init(prefix: String? = nil, watchId: String? = nil, snapshot: Bool? = nil) {
        self.prefix = prefix
        self.watchId = watchId
        self.snapshot = snapshot
    }
    public static let type = "state_watch"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help =
        "All keys of a prefix now, then a `state_change` for every later change; `too_large` when they take over 1 MiB."
    public static let fields = [
        "prefix": "Only keys that begin with this.",
        "watchId": "The caller's name of the watch, echoed in every change.",
        "snapshot": "`false`: without the keys that are there; read them with `list_state` afterwards.",
    ]
    public typealias Answer = StateSnapshot
}

/// Ends a watch.
public struct Unwatch: Request {
    /// The watch's name.
    public var watchId: String
    /// Makes a request.
    public init(watchId: String) { self.watchId = watchId }
    public static let type = "unwatch_state"
    public static let permission = Permission.observe
    public static let kind = RequestKind.watch
    public static let help = "End a watch of this connection."
    public static let fields = ["watchId": "The watch's name."]
    public typealias Answer = Unwatched
}

/// The answer to the end of a watch.
public struct Unwatched: Reply {
    public static let type = "unwatched"
    /// The watch's name.
    public var watchId: String
    /// Whether there was such a watch.
    public var existed: Bool
    /// Makes an answer.
    public init(watchId: String, existed: Bool) {
        self.watchId = watchId
        self.existed = existed
    }
}

/// Where a watch begins.
public struct StateSnapshot: Reply {
    public static let type = "state_snapshot"
    /// The watch's name.
    public var watchId: String
    /// The prefix.
    public var prefix: String
    /// All keys of the prefix.
    public var entries: [StateList.Entry]
    /// Changes that follow have higher revisions.
    public var revision: Int64
    /// True when the keys were not asked for.
    public var partial: Bool?
    /// Makes an answer.
    public init(watchId: String, prefix: String, entries: [StateList.Entry], revision: Int64) {
        self.watchId = watchId
        self.prefix = prefix
        self.entries = entries
        self.revision = revision
    }
}

/// The changes of one write, as a watcher of some of its keys sees them.
public struct StateChanges: Sendable, Hashable, Push {
    /// One key's change.
    public struct Change: Codable, Sendable, Hashable {
        /// The key.
        public var key: String
        /// The new value; null after a deletion.
        public var value: JSON
        /// The key's new version; 0 after a deletion.
        public var version: Int64
        /// True after a deletion.
        public var deleted: Bool
        /// Makes a change.
        public init(key: String, value: JSON, version: Int64, deleted: Bool) {
            self.key = key
            self.value = value
            self.version = version
            self.deleted = deleted
        }
    }
    /// The watch's name; empty for claudemesh clients, which get every change.
    public var watchID: String
    /// The mesh-wide revision of the write.
    public var revision: Int64
    /// The name of the member who wrote it.
    public var updatedBy: String
    /// The key of the member who wrote it.
    public var updatedByKey: PublicKey
    /// Unix milliseconds.
    public var at: Int64
    /// The keys that changed, in the order of the write.
    public var changes: [Change]

    /// Makes the changes of one write.
    public init(
        watchID: String, revision: Int64, updatedBy: String, updatedByKey: PublicKey, at: Int64, changes: [Change]
    ) {
        self.watchID = watchID
        self.revision = revision
        self.updatedBy = updatedBy
        self.updatedByKey = updatedByKey
        self.at = at
        self.changes = changes
    }

    /// One `state_change` frame: a single change at the top level, and all changes of the write under `changes`.
    public func frame(for dialect: Dialect) -> [UInt8]? {
        guard let first = changes.first else { return nil }
        var fields: JSONObject = [
            "key": .string(first.key), "value": first.value, "updatedBy": .string(updatedBy),
            "updatedAt": .string(Timestamp.iso8601(at)), "version": .integer(first.version),
            "revision": .integer(revision), "deleted": .bool(first.deleted),
        ]
        if dialect == .mesh {
            if !watchID.isEmpty { fields["watchId"] = .string(watchID) }
            fields["updatedByKey"] = .string(updatedByKey.hex)
            fields["changes"] = .array(
                changes.map {
                    [
                        "key": .string($0.key), "value": $0.value, "version": .integer($0.version),
                        "deleted": .bool($0.deleted),
                    ]
                })
        }
        return WireFrame.bytes(type: "state_change", fields: fields)
    }
}
