public import MeshCore

/// Profiles that are about to be: their keys are on disk before a broker knows them, so that a try that was cut off can be
/// continued by the next one.
extension ProfileStore {
    /// What the keys are for. A second try with the same values gets the same keys.
    public enum Purpose: Sendable, Hashable {
        /// To join a mesh.
        case join(meshID: String)
        /// To make a mesh on a broker.
        case creation(broker: String, slug: String, ownerName: String)

        fileprivate func folder(_ profile: String) -> String {
            let parts =
                switch self {
                case .join(let meshID): ["join", meshID, profile]
                case .creation(let broker, let slug, let ownerName): ["create", broker, slug, ownerName, profile]
                }
            return parts[0] + "-" + Hex.encode(Hashing.sha256(Array(parts.joined(separator: "|").utf8)).prefix(16))
        }
    }

    /// Keys for a profile that is about to be: those of an earlier try, else new ones; on disk when this returns. Nobody else
    /// has them until the result is gone. Fails with `invalid_argument` for a name that no profile can have, with `exists`
    /// when the mesh is known and has the profile, with `storage_failed` when the folder cannot be written, and with `busy`
    /// while another program is at the same. With `queue_full` when a thousand tries came to nothing: their keys may be known
    /// to a broker, and are nobody's to remove but the user's.
    public func begin(_ purpose: Purpose, profile: String) throws(MeshError) -> PendingProfile {
        try Self.checkProfile(profile)
        let all = "\(home)/.pending"
        let folder = "\(all)/\(purpose.folder(profile))"
        let count = try SystemCalls.list(all).count
        guard count < Self.maximumPending || SystemCalls.exists(folder) else {
            throw MeshError(
                .queueFull, "\(all) holds the keys of \(Self.maximumPending) tries that came to nothing",
                hint: "remove those of meshes that you do not try to join any more")
        }
        guard let lock = try FileLock.take("lock", in: folder) else {
            throw MeshError(
                .busy, "another program is making the profile \(profile) of this mesh", hint: "wait until it has ended")
        }
        do throws(MeshError) { try requireFree(profile, for: purpose) } catch {
            // Keys that are there stay: a broker may know them.
            SystemCalls.remove(folder + "/lock")
            SystemCalls.removeFolder(folder)
            throw error
        }
        let earlier = try Self.earlierKeys(folder)
        let keys = if let earlier { earlier } else { try Self.newKeys(folder) }
        return PendingProfile(store: self, profile: profile, keys: keys, folder: folder, lock: lock)
    }

    /// Tries whose keys are kept.
    private static let maximumPending = 1_000

    private func requireFree(_ profile: String, for purpose: Purpose) throws(MeshError) {
        let mesh = try meshes().first { mesh in
            switch purpose {
            case .join(let meshID): mesh.meshID == meshID
            case .creation(_, let slug, _): mesh.slug == slug
            }
        }
        guard let mesh else { return }
        if mesh.profiles.contains(profile) {
            throw MeshError(
                .exists, "the mesh \(mesh.slug) has a profile \(profile) on this machine already",
                hint: "choose another name with --profile, or another folder with --home")
        }
        if case .creation = purpose {
            throw MeshError(
                .exists, "a mesh called \(mesh.slug) is known here (\(mesh.broker))",
                hint: "choose another name, or another folder with --home")
        }
    }

    private static func earlierKeys(_ folder: String) throws(MeshError) -> NewKeys? {
        // The nonce is written last: without it the keys were never shown to a broker.
        guard let nonce = try secret(folder + "/nonce"), nonce.count == 16,
            let member = try secret(folder + "/member.key").flatMap({ SigningKey(seed: $0) }),
            let session = try secret(folder + "/session.key").flatMap({ SigningKey(seed: $0) })
        else { return nil }
        return NewKeys(member: member, session: session, nonce: nonce)
    }

    private static func secret(_ path: String) throws(MeshError) -> [UInt8]? {
        try SystemCalls.read(path).flatMap { Hex.decode(Pasted.word(String(decoding: $0, as: UTF8.self))) }
    }

    /// Removes the keys of a pending profile; its lock, which the caller holds, goes last.
    fileprivate static func remove(_ folder: String) {
        for name in ["nonce", "member.key", "session.key", "lock"] { SystemCalls.remove("\(folder)/\(name)") }
        SystemCalls.removeFolder(folder)
    }

    private static func newKeys(_ folder: String) throws(MeshError) -> NewKeys {
        let keys = NewKeys()
        for (name, bytes) in [
            ("member.key", keys.member.seed), ("session.key", keys.session.seed), ("nonce", keys.nonce),
        ] {
            try SystemCalls.write("\(folder)/\(name)", Array((Hex.encode(bytes) + "\n").utf8), syncsFolder: true)
        }
        return keys
    }
}

/// A profile whose keys are on disk and whose mesh is being asked.
public final class PendingProfile: Sendable {
    /// The keys to ask with.
    public let keys: NewKeys
    private let store: ProfileStore
    private let profile: String
    private let folder: String
    private let lock: FileLock

    init(store: ProfileStore, profile: String, keys: NewKeys, folder: String, lock: FileLock) {
        self.store = store
        self.profile = profile
        self.keys = keys
        self.folder = folder
        self.lock = lock
    }

    /// Makes the profile out of what the broker has answered. Returns the credentials as this machine knows them: a mesh
    /// whose name another one has here gets a name of its own.
    public func finish(_ credentials: Credentials, makeCurrent: Bool) throws(MeshError) -> Credentials {
        let saved = try store.save(credentials, profile: profile, makeCurrent: makeCurrent)
        ProfileStore.remove(folder)
        return saved
    }

    /// What a failed try is told with. The keys stay for the next one, whatever the answer was: a refusal is signed by nobody,
    /// and a gateway, or a broker that lies, may have passed the request on to the one that lets the member in. A key that
    /// the mesh has banned can only be given up by hand, and the error says where it is.
    public func explained(_ error: MeshError) -> MeshError {
        guard error.code == .revoked else { return error }
        var error = error
        error.hint = "to try with new keys, remove those of this try: rm -r \(ShellWord.quoted(folder))"
        return error
    }
}
