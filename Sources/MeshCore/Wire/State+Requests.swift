/// Sets a key.
public struct SetState: WriteRequest {
    @Field("The key; `:` separates namespaces by custom.", .stateKey) public var key: String
    @Field("Any JSON value.", .json(upTo: DeliveryPolicy.maximumBodyBytes)) public var value: JSON
    public init(key: String, value: JSON) {
        self.key = key
        self.value = value
    }
    public static let declaration = RequestDeclaration(
        "set_state", "Set a key to a JSON value.", needs: .write, about: .stateKey("key"), http: .put("state/{key}"),
        hints: .idempotent, errors: [.capacity], isSilentForVersion1: true)
    public typealias Answer = StateWritten
    public init() {}
}

/// Sets a key if it still has the version that the caller saw.
public struct CompareAndSetState: WriteRequest {
    @Field("The key.", .stateKey) public var key: String
    @Field("The version that it must have; 0: it must not exist.", .atLeast(0)) public var expectedVersion: Int64
    @Field("The new value.", .json(upTo: DeliveryPolicy.maximumBodyBytes)) public var value: JSON
    public init(key: String, expectedVersion: Int64, value: JSON) {
        self.key = key
        self.expectedVersion = expectedVersion
        self.value = value
    }
    public static let declaration = RequestDeclaration(
        "cas_state",
        "Set a key only if it has the expected version; otherwise `version_conflict` reports the current one.",
        needs: .write, about: .stateKey("key"), http: .post("state/{key}/compare-and-set"),
        errors: [.versionConflict, .capacity])
    public typealias Answer = StateWritten
    public init() {}
}

/// Deletes a key.
public struct DeleteState: WriteRequest {
    @Field("The key.", .stateKey) public var key: String
    @Field("The version that it must have; any when absent.", .atLeast(0)) public var expectedVersion: Int64?
    public init(key: String, expectedVersion: Int64? = nil) {
        self.key = key
        self.expectedVersion = expectedVersion
    }
    public static let declaration = RequestDeclaration(
        "delete_state", "Delete a key; `not_found` when it does not exist.", needs: .write, about: .stateKey("key"),
        http: .delete("state/{key}"), hints: .destructive, errors: [.notFound, .versionConflict])
    public typealias Answer = StateWritten
    public init() {}
}

/// Applies several changes as one: all or none.
public struct BatchState: WriteRequest {
    /// One change of a batch.
    public struct Operation: Declared, Hashable {
        /// What to do.
        public enum Verb: String, Codable, Sendable, Hashable, CaseIterable, WireValue {
            case set, delete, check
        }
        @Field("What to do.") public var op: Verb
        @Field("The key.", .stateKey) public var key: String
        @Field("The value to set.", .json(upTo: DeliveryPolicy.maximumBodyBytes)) public var value: JSON?
        @Field("The version that the key must have before the batch; 0: it must not exist.", .atLeast(0))
        public var expectedVersion: Int64?
        /// Makes an operation.
        public init(op: Verb, key: String, value: JSON? = nil, expectedVersion: Int64? = nil) {
            self.op = op
            self.key = key
            self.value = value
            self.expectedVersion = expectedVersion
        }
        public init() {}
    }
    @Field("The changes; each key once.", .count(1...256)) public var operations: [Operation]
    public init(operations: [Operation]) { self.operations = operations }
    public static let declaration = RequestDeclaration(
        "batch_state", "Apply several changes atomically: all or none, one revision.", needs: .write,
        about: .statePrefix("operations"), http: .post("state"), hints: .destructive,
        errors: [.notFound, .versionConflict, .capacity])
    public typealias Answer = StateWritten
    public init() {}
}

/// What a write made of the state.
public struct StateWritten: Reply, Declared {
    public static let type = "state_written"
    @Field("The mesh-wide revision of this write.") public var revision: Int64
    @Field("The key's version, for a write of one key; 0 after a deletion.") public var version: Int64?
    @Field("How many keys changed.") public var changed: Int
    public init(revision: Int64, version: Int64?, changed: Int) {
        self.revision = revision
        self.version = version
        self.changed = changed
    }
    public init() {}
}

/// Reads a key.
public struct GetState: ReadRequest {
    @Field("The key.", .stateKey) public var key: String
    public init(key: String) { self.key = key }
    public static let declaration = RequestDeclaration(
        "get_state", "Read a key; for a missing one the answer is `found: false` and null.", needs: .observe,
        about: .stateKey("key"), http: .get("state/{key}"), hints: .idempotent)
    public typealias Answer = StateResult
    public init() {}
}

/// One key's value.
public struct StateResult: Reply, Declared {
    public static let type = "state_result"
    @Field("The key.") public var key: String
    @Field("The value; null when missing.") public var value: JSON
    @Field("The name of the member who wrote it; empty when missing.") public var updatedBy: String
    @Field(
        "The key of the member who wrote it (authoritative). Absent when missing or written by an older broker."
    )
    public var updatedByKey: PublicKey?
    @Field("ISO 8601; empty when missing.") public var updatedAt: String
    @Field("The key's version, counted from 1; 0 when missing.") public var version: Int64
    @Field("The mesh-wide revision at which it was written; 0 when missing.") public var revision: Int64
    @Field("Whether the key exists.") public var found: Bool
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
    public init() {}
}

/// Lists keys.
public struct ListState: PagedRequest {
    @Field("Only keys that begin with this.") public var prefix: String?
    @Field("The maximum number of rows.", .range(1...1_000), default: 1_000) public var limit: Int?
    @Field("Only keys after this one: the last key of the previous page.") public var after: String?
    public init(prefix: String? = nil, limit: Int? = nil, after: String? = nil) {
        self.prefix = prefix
        self.limit = limit
        self.after = after
    }
    public static let declaration = RequestDeclaration(
        "list_state", "List keys and values, by key; fewer than requested when values are large.", needs: .observe,
        about: .statePrefix("prefix"), http: .get("state"), hints: .idempotent)
    public typealias Answer = StateList
    public init() {}
}

/// Keys and values at one revision.
public struct StateList: PagedReply, Declared {
    /// One key.
    public struct Entry: Declared, Hashable {
        @Field("The key.") public var key: String
        @Field("The value.") public var value: JSON
        @Field("The name of the member who wrote it.") public var updatedBy: String
        @Field("The key of the member who wrote it (authoritative). Absent when written by an older broker.")
        public var updatedByKey: PublicKey?
        @Field("ISO 8601.") public var updatedAt: String
        @Field("The key's version.") public var version: Int64
        @Field("The mesh-wide revision at which it was written.") public var revision: Int64
        /// Makes an entry.
        public init(key: String, value: JSON, updatedBy: String, updatedAt: String, version: Int64, revision: Int64) {
            self.key = key
            self.value = value
            self.updatedBy = updatedBy
            self.updatedAt = updatedAt
            self.version = version
            self.revision = revision
        }
        public init() {}
    }
    public static let type = "state_list"
    @Field("By key, compared as bytes.") public var entries: [Entry]
    @Field("The mesh-wide revision of this snapshot.") public var revision: Int64
    @Field("True when more keys follow the last one.") public var more: Bool
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
    public init() {}
}

/// Watches keys: first all values, then every change, without a gap and without a repetition.
public struct WatchState: WatchRequest {
    @Field("Only keys that begin with this; all when empty.", .bytes(0...256)) public var prefix: String?
    @Field(
        "The caller's name for the watch, echoed in every change; watching again under the same name replaces it.",
        .bytes(0...128))
    public var watchId: String?
    @Field("`false`: without the existing keys; read them with `list_state` afterwards.")
    public var snapshot: Bool?
    public init(prefix: String? = nil, watchId: String? = nil, snapshot: Bool? = nil) {
        self.prefix = prefix
        self.watchId = watchId
        self.snapshot = snapshot
    }
    public static let declaration = RequestDeclaration(
        "state_watch",
        "Watch a prefix: its keys now, then a `state_change` for every later change; `too_large` above 1 MiB.",
        needs: .observe, about: .statePrefix("prefix"), http: .webSocketOnly, hints: .idempotent, errors: [.capacity])
    public static let updates: [any DeclaredPush.Type] = [StateChanges.self]
    public typealias Answer = StateSnapshot
    public init() {}
}

/// Ends a watch.
public struct Unwatch: WatchRequest {
    @Field("The watch's name.") public var watchId: String
    public init(watchId: String) { self.watchId = watchId }
    public static let declaration = RequestDeclaration(
        "unwatch_state", "End a watch of this connection.", needs: .observe, about: .caller, http: .webSocketOnly,
        hints: .idempotent)
    public static let updates: [any DeclaredPush.Type] = []
    public typealias Answer = Unwatched
    public init() {}
}

/// The answer to the end of a watch.
public struct Unwatched: Reply, Declared {
    public static let type = "unwatched"
    @Field("The watch's name.") public var watchId: String
    @Field("Whether there was such a watch.") public var existed: Bool
    public init(watchId: String, existed: Bool) {
        self.watchId = watchId
        self.existed = existed
    }
    public init() {}
}

/// Where a watch begins.
public struct StateSnapshot: Reply, Declared {
    public static let type = "state_snapshot"
    @Field("The watch's name.") public var watchId: String
    @Field("The prefix.") public var prefix: String
    @Field("All keys of the prefix.") public var entries: [StateList.Entry]
    @Field("Changes that follow have higher revisions.") public var revision: Int64
    @Field("True when the keys were not requested.") public var partial: Bool?
    public init(watchId: String, prefix: String, entries: [StateList.Entry], revision: Int64) {
        self.watchId = watchId
        self.prefix = prefix
        self.entries = entries
        self.revision = revision
    }
    public init() {}
}

/// The changes of one write, as a watcher of some of its keys sees them.
public struct StateChanges: Sendable, Hashable, DeclaredPush {
    /// One key's change.
    public struct Change: Declared, Hashable {
        @Field("The key.") public var key: String
        @Field("The new value; null after a deletion.") public var value: JSON
        @Field("The key's new version; 0 after a deletion.") public var version: Int64
        @Field("True after a deletion.") public var deleted: Bool
        public init() {}
        /// Makes a change.
        public init(key: String, value: JSON, version: Int64, deleted: Bool) {
            self.key = key
            self.value = value
            self.version = version
            self.deleted = deleted
        }
    }
    public static let type = "state_change"
    public static let help = "The changes of one write that a watch sees, without gaps or repetitions."
    public static let object = ObjectSchema(
        Change.fields + [
            .init("updatedBy", String.schema, help: "The name of the member who wrote it."),
            .init("updatedByKey", PublicKey.schema, help: "The key of the member who wrote it."),
            .init("updatedAt", String.schema, help: "ISO 8601."),
            .init("revision", Int64.schema, help: "The mesh-wide revision of the write."),
            .init(
                "watchId", String.schema,
                help: "The watch's name; absent when several watches of the connection see the write.", isOptional: true
            ),
            .init(
                "changes", [Change].schema,
                help: "All changes of the write, in order; the first is repeated in the top-level fields."),
        ])
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
