/// A copy of a mesh that was made and verified.
public struct BackupFacts: Reply, Declared, Hashable {
    public static let type = "backup"
    @Field("The file's name in the broker's folder of backups.") public var file: String
    @Field("The mesh's name.") public var mesh: String
    @Field("The mesh's id.") public var meshId: String
    @Field("The file's size.") public var bytes: Int64
    @Field("Ledger entries, every one of them verified.") public var entries: Int64
    @Field("The Merkle root over them, hex.") public var root: String
    @Field("Entries covered by a signed checkpoint; absent when none are.") public var checkpointSize: Int64?
    @Field("The file's path on the broker's machine.") public var path: String
    @Field("The path of the file that was replaced by the restored one.") public var replaced: String?

    /// Makes facts.
    public init() {}
    public init(
        file: String, mesh: String, meshId: String, bytes: Int64, entries: Int64, root: String, checkpointSize: Int64?,
        path: String
    ) {
        self.file = file
        self.mesh = mesh
        self.meshId = meshId
        self.bytes = bytes
        self.entries = entries
        self.root = root
        self.checkpointSize = checkpointSize
        self.path = path
    }
}

/// The files in a broker's folder of backups.
public struct BackupList: Reply, Declared, Hashable {
    /// One file.
    public struct Row: Declared, Hashable {
        @Field("Its name.") public var file: String
        @Field("Its size.") public var bytes: Int64
        @Field("The mesh's name; absent when the file cannot be read, and for all but the newest files.")
        public var mesh: String?
        @Field("Its ledger entries.") public var entries: Int64?
        @Field("When it was created, ISO 8601; absent when its name has no time.") public var madeAt: String?
        @Field("The file's path on the broker's machine.") public var path: String?
        public init() {}
        public init(file: String, bytes: Int64) {
            self.file = file
            self.bytes = bytes
        }
    }
    public static let type = "backups"
    @Field("The backups by time; those without a time in the name come first.") public var backups: [Row]
    @Field("The folder, on the broker's machine.") public var folder: String
    public init() {}
    public init(backups: [Row], folder: String) {
        self.backups = backups
        self.folder = folder
    }
}

/// The body of `POST /v1/backups`.
public struct CreateBackupBody: Declared {
    @Field("The mesh's name or id.") public var mesh: String
    public init() {}
    public init(mesh: String) { self.mesh = mesh }
}

/// The body of `POST /v1/restore`.
public struct RestoreBody: Declared {
    @Field("A file in the broker's folder of backups: its name, or its whole path.") public var file: String
    @Field("Whether an existing mesh is replaced; its file is kept beside the backups.") public var replace: Bool?
    public init() {}
    public init(file: String, replace: Bool? = nil) {
        self.file = file
        self.replace = replace
    }
}
