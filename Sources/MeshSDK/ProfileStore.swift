public import MeshCore

/// Profiles on disk: `HOME/<mesh>/<profile>/` with `profile.json`, `member.key` and `session.key`. Folders are 0700,
/// files 0600, written whole; a profile is never overwritten.
public struct ProfileStore: Sendable {
    /// One mesh that this machine knows.
    public struct MeshEntry: Sendable, Hashable {
        /// The mesh's name.
        public var slug: String
        /// The mesh's id.
        public var meshID: String
        /// The broker.
        public var broker: String
        /// The profiles, sorted.
        public var profiles: [String]
        /// The profile that is used when none is named.
        public var current: String?
    }

    private struct File: Codable {
        var broker: String
        var meshId: String
        var meshSlug: String
        var node: PublicKey
        var owner: PublicKey
        var memberName: String
        var memberId: String
        var role: Role
        var label: String?
    }

    struct Current: Codable {
        var mesh: String?
        var profiles: [String: String]
    }

    let home: String

    /// The profiles below a folder, which is made when needed.
    public init(home: String) { self.home = home }

    /// `$MESH_HOME`, or `~/.config/mesh`. A variable that is empty counts as not set; without `HOME` the home folder comes from
    /// the system's list of users.
    public static func defaultHome(environment: [String: String]) -> String {
        if let home = environment["MESH_HOME"], !home.isEmpty { return home }
        return (HomeFolder.find(environment: environment) ?? HomeFolder.none) + "/.config/mesh"
    }

    // MARK: Reading

    /// The meshes, by name.
    public func meshes() throws(MeshError) -> [MeshEntry] {
        let current = try readCurrent()
        var entries: [MeshEntry] = []
        for slug in try SystemCalls.list(home) {
            let profiles = try profiles(of: slug)
            guard let first = profiles.first, let file = try readFile(slug, first) else { continue }
            entries.append(
                MeshEntry(
                    slug: slug, meshID: file.meshId, broker: file.broker, profiles: profiles,
                    current: current.profiles[slug] ?? (profiles.count == 1 ? first : nil)))
        }
        return entries
    }

    /// A mesh's profiles, sorted.
    public func profiles(of slug: String) throws(MeshError) -> [String] {
        try SystemCalls.list("\(home)/\(slug)").filter { SystemCalls.exists("\(home)/\(slug)/\($0)/profile.json") }
    }

    /// The credentials of a profile: the named one, or the mesh's current one; of the named mesh, the current one or
    /// the only one. Fails with `not_found`, naming the nearest.
    public func load(
        mesh: String?, profile: String?
    ) throws(MeshError) -> (credentials: Credentials, profile: String) {
        let current = try readCurrent()
        let slug = try chooseMesh(mesh, current)
        let known = try profiles(of: slug)
        let wanted = profile ?? current.profiles[slug] ?? (known.count == 1 ? known[0] : nil)
        guard let wanted else {
            throw MeshError(
                .invalidArgument, "\(slug) has the profiles \(known.joined(separator: ", ")): which one?",
                hint: "name it with --profile")
        }
        // The folder may be called by the other spelling of an accent.
        guard
            let wanted = known.first(where: { $0.isSame(as: wanted) })
                ?? known.first(where: { Names.isSame($0, wanted) })
        else {
            let near = Nearest.names(to: wanted, among: known, limit: 2)
            throw MeshError(
                .notFound, "\(slug) has no profile \(wanted) in \(home)",
                hint: near.isEmpty
                    ? "it has \(known.joined(separator: ", "))" : "did you mean \(near.joined(separator: " or "))?")
        }
        return (try read(slug, wanted), wanted)
    }

    private func chooseMesh(_ mesh: String?, _ current: Current) throws(MeshError) -> String {
        let known = try meshes()
        guard !known.isEmpty else {
            throw MeshError(
                .notFound, "this machine knows no mesh yet (\(home))",
                hint: "mesh-cli mesh create NAME, or mesh-cli join INVITE")
        }
        if let mesh {
            // A name may be chosen to look like another mesh's id; an id is one mesh's alone.
            let entry = known.first { $0.meshID == mesh } ?? known.first { $0.slug == mesh }
            if let entry { return entry.slug }
            let near = Nearest.names(to: mesh, among: known.map(\.slug), limit: 2)
            throw MeshError(
                .notFound, "no mesh \(mesh) is known in \(home)",
                hint: near.isEmpty
                    ? "it knows \(known.map(\.slug).joined(separator: ", "))"
                    : "did you mean \(near.joined(separator: " or "))?")
        }
        if known.count == 1 { return known[0].slug }
        if let slug = current.mesh, known.contains(where: { $0.slug == slug }) { return slug }
        throw MeshError(
            .invalidArgument, "several meshes are known: \(known.map(\.slug).joined(separator: ", "))",
            hint: "name one with --mesh, or choose one: mesh-cli mesh use NAME")
    }

    private func read(_ slug: String, _ profile: String) throws(MeshError) -> Credentials {
        guard let file = try readFile(slug, profile) else {
            throw MeshError(.notFound, "the profile \(profile) of \(slug) is gone")
        }
        // Kept as it was typed by versions before; by now an address has one form.
        let broker = (try? BrokerAddress(parsing: file.broker))?.text ?? file.broker
        var credentials = Credentials(
            broker: broker, meshID: file.meshId, meshSlug: slug, node: file.node, owner: file.owner,
            memberName: file.memberName, memberID: file.memberId, role: file.role, label: file.label,
            memberKey: try readKey(slug, profile, "member.key"), sessionKey: try readKey(slug, profile, "session.key")
        ).verifying(try verified(slug, profile))
        credentials.certificate = try certificate(slug, profile)
        return credentials
    }

    private func certificate(_ slug: String, _ profile: String) throws(MeshError) -> MembershipCertificate? {
        let path = "\(home)/\(slug)/\(profile)/certificate.json"
        guard let bytes = try SystemCalls.read(path) else { return nil }
        do throws(JSONError) { return try JSONCoder.decode(MembershipCertificate.self, from: JSON.parse(bytes)) } catch
        {
            throw MeshError(
                .storageFailed, "\(path) cannot be read: \(error)", hint: "remove it: only admins need it, to invite")
        }
    }

    private func verified(_ slug: String, _ profile: String) throws(MeshError) -> [String: PublicKey] {
        let path = "\(home)/\(slug)/\(profile)/verified.json"
        guard let bytes = try SystemCalls.read(path) else { return [:] }
        do throws(JSONError) {
            let known = try JSONCoder.decode([String: PublicKey].self, from: JSON.parse(bytes))
            return Dictionary(known.map { (Names.normalised($0.key), $0.value) }) { first, _ in first }
        } catch {
            throw MeshError(.storageFailed, "\(path) cannot be read: \(error)", hint: "remove it, and verify again")
        }
    }

    /// Remembers whose key was compared over another way; nil forgets it.
    public func setVerified(
        _ name: String, _ key: PublicKey?, mesh slug: String, profile: String
    ) throws(MeshError) {
        try locked { () throws(MeshError) in
            var known = try verified(slug, profile)
            known[Names.normalised(name)] = key
            try SystemCalls.write("\(home)/\(slug)/\(profile)/verified.json", try Self.bytes(known))
        }
    }

    private func readFile(_ slug: String, _ profile: String) throws(MeshError) -> File? {
        let path = "\(home)/\(slug)/\(profile)/profile.json"
        guard let bytes = try SystemCalls.read(path) else { return nil }
        do throws(JSONError) { return try JSONCoder.decode(File.self, from: JSON.parse(bytes)) } catch {
            throw MeshError(.storageFailed, "\(path) cannot be read: \(error)")
        }
    }

    private func readKey(_ slug: String, _ profile: String, _ name: String) throws(MeshError) -> SigningKey {
        let path = "\(home)/\(slug)/\(profile)/\(name)"
        if SystemCalls.isOpenToOthers(path) {
            throw MeshError(
                .storageFailed, "\(path) can be read by others", hint: "chmod 600 \(ShellWord.quoted(path))")
        }
        let text = String(decoding: try SystemCalls.read(path) ?? [], as: UTF8.self).filter { !$0.isWhitespace }
        guard let key = SigningKey(secretHex: text) else {
            throw MeshError(
                .storageFailed, "\(path) holds no key",
                hint: "restore it from a backup, or join again under another name")
        }
        return key
    }

    // MARK: Writing

    /// Saves new credentials. Returns them as this machine knows them: a mesh whose name another one has here gets a name of
    /// its own, from its id. Fails with `exists` when the profile is there, and with `invalid_argument`, before anything is
    /// written, for names that could not be a folder's.
    @discardableResult
    public func save(
        _ credentials: Credentials, profile: String, makeCurrent: Bool
    ) throws(MeshError) -> Credentials {
        try Self.checkProfile(profile)
        // They came from a broker, and become the name of a folder.
        try Names.checkSlug(credentials.meshSlug)
        guard MeshID.isValid(credentials.meshID) else {
            throw .argument("meshId", "32 lower-case hex characters")
        }
        return try locked { () throws(MeshError) in
            var credentials = credentials
            credentials.meshSlug = try localName(of: credentials)
            let folder = "\(home)/\(credentials.meshSlug)/\(profile)"
            if SystemCalls.exists(folder + "/profile.json") {
                throw MeshError(
                    .exists, "the profile \(profile) of \(credentials.meshSlug) exists", hint: "choose another name")
            }
            try SystemCalls.makeFolder(folder)
            try writeFiles(credentials, to: folder)
            if makeCurrent { try writeCurrent(mesh: credentials.meshSlug, profile: profile) }
            return credentials
        }
    }

    private func writeFiles(_ credentials: Credentials, to folder: String) throws(MeshError) {
        try SystemCalls.write(folder + "/member.key", Array((Hex.encode(credentials.memberKey.seed) + "\n").utf8))
        try SystemCalls.write(folder + "/session.key", Array((Hex.encode(credentials.sessionKey.seed) + "\n").utf8))
        if let certificate = credentials.certificate {
            try SystemCalls.write(folder + "/certificate.json", try Self.bytes(certificate))
        }
        // The profile's own file comes last: with it the profile is there, and whole.
        let file = File(
            broker: credentials.broker, meshId: credentials.meshID, meshSlug: credentials.meshSlug,
            node: credentials.node, owner: credentials.owner, memberName: credentials.memberName,
            memberId: credentials.memberID, role: credentials.role, label: credentials.label)
        try SystemCalls.write(folder + "/profile.json", try Self.bytes(file), syncsFolder: true)
    }

    /// The folder of a mesh: its name, or its name and as much of its id as no other mesh has here. Both are a broker's to
    /// choose, and may be chosen to be another's.
    private func localName(of credentials: Credentials) throws(MeshError) -> String {
        let known = try meshes()
        if let mesh = known.first(where: { $0.meshID == credentials.meshID }) { return mesh.slug }
        let names =
            [credentials.meshSlug]
            + [8, 16, 32].map { digits in
                // A name has at most 63 characters.
                var start = credentials.meshSlug.prefix(62 - digits)
                while start.last == "-" { start = start.dropLast() }
                return start + "-" + credentials.meshID.prefix(digits)
            }
        for name in names where !known.contains(where: { $0.slug == name }) { return name }
        throw MeshError(
            .exists, "the meshes \(names.joined(separator: ", ")) are known here, and are others",
            hint: "use another folder with --home")
    }

    /// Whether a profile may be called so: it becomes the name of a folder.
    static func checkProfile(_ profile: String) throws(MeshError) {
        try Names.checkName(profile, field: "profile")
        guard !profile.utf8.starts(with: [UInt8(ascii: ".")]) else {
            throw .argument("profile", "must not begin with a dot")
        }
        guard profile.utf8.count <= 255 else {
            throw .argument("profile", "at most 255 bytes, the longest name of a folder")
        }
    }

    /// Makes a profile the one that is used when none is named.
    public func setCurrent(mesh: String, profile: String) throws(MeshError) {
        try locked { () throws(MeshError) in try writeCurrent(mesh: mesh, profile: profile) }
    }

    private func writeCurrent(mesh: String, profile: String) throws(MeshError) {
        var current = try readCurrent()
        current.mesh = mesh
        current.profiles[mesh] = profile
        try write(current)
    }

    func write(_ current: Current) throws(MeshError) {
        try SystemCalls.write("\(home)/current.json", try Self.bytes(current))
    }

    /// Does what reads files that several programs write, and writes them, while no other program does.
    func locked<Value>(_ body: () throws(MeshError) -> Value) throws(MeshError) -> Value {
        try SystemCalls.makeFolder(home)
        let lock = try FileLock.wait(home + "/.lock")
        defer { withExtendedLifetime(lock) {} }
        return try body()
    }

    /// Makes a further session of a member, with a key of its own, as a profile.
    public func addSession(
        to credentials: Credentials, profile: String, label: String
    ) throws(MeshError) -> Credentials {
        let session = credentials.newSession(label: label)
        try save(session, profile: profile, makeCurrent: false)
        return session
    }

    func readCurrent() throws(MeshError) -> Current {
        guard let bytes = try SystemCalls.read("\(home)/current.json") else { return Current(mesh: nil, profiles: [:]) }
        do throws(JSONError) { return try JSONCoder.decode(Current.self, from: JSON.parse(bytes)) } catch {
            throw MeshError(.storageFailed, "\(home)/current.json cannot be read: \(error)", hint: "remove it")
        }
    }

    private static func bytes(_ value: some Encodable) throws(MeshError) -> [UInt8] {
        do throws(JSONError) { return try JSONCoder.encode(value).bytes() + [0x0A] } catch {
            throw MeshError(.internalError, "\(error)")
        }
    }
}
