import ArgumentParser
import MeshCore
import MeshSDK

extension MeshNoun {
    /// `mesh-cli mesh use NAME`
    struct Use: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Choose the mesh that is used when none is named.",
            discussion: """
                The choice is kept in the folder of profiles, for every terminal that uses it. --profile chooses who you \
                are there, too; else it stays who you were. `mesh list` shows the current mesh with a star.

                Examples:
                  mesh-cli mesh use lab
                  mesh-cli mesh use lab --profile ada
                """)

        @Argument(help: "The mesh, by name or id.", completion: LiveNames.meshes)
        var name: String

        @OptionGroup var options: GlobalOptions

        func validate() throws {
            if options.mesh != nil { throw ValidationError("--mesh and NAME say the same: give NAME alone") }
        }

        func execute(_ out: Printer) async throws {
            let chosen = try options.store.use(mesh: name, profile: options.profile)
            out.result(["mesh": .string(chosen.mesh), "profile": .string(chosen.profile)]) {
                "The current mesh is \(chosen.mesh), and you are \(chosen.profile) in it."
            }
        }
    }

    /// `mesh-cli mesh leave [NAME]`
    struct Leave: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave a mesh: your member and its keys go.",
            discussion: """
                The mesh forgets your member: its sessions end, its name is free. Then its keys are removed from this \
                machine, with all profiles of that member. A new invite lets you in again, as somebody new. The owner \
                cannot leave; see `mesh delete`. --local removes the keys alone, for a broker that is gone.

                Example: mesh-cli mesh leave lab --yes
                """)

        @Argument(help: "The mesh; the current one when absent.", completion: LiveNames.meshes)
        var name: String?

        @Flag(help: "Do not ask.")
        var yes = false

        @Flag(help: "Only remove the keys from this machine; the mesh is not asked.")
        var local = false

        @OptionGroup var options: GlobalOptions

        func validate() throws {
            if name != nil, options.mesh != nil { throw ValidationError("--mesh and NAME say the same: give one") }
        }

        func execute(_ out: Printer) async throws {
            let store = options.store
            let mine = try store.load(mesh: name ?? options.mesh, profile: options.profile).credentials
            let profiles = try store.profiles(of: mine)
            let keys = "the keys of \(profiles.joined(separator: ", ")) are removed from this machine"
            try Confirmation.require(
                mine.meshSlug, isGiven: yes,
                local
                    ? "\(keys); the mesh keeps its member \(mine.memberName)."
                    : "\(mine.memberName) leaves \(mine.meshSlug), and \(keys).")
            let hasLeft = try await leave(mine)
            for profile in profiles { try store.remove(mesh: mine.meshSlug, profile: profile) }
            let current = try store.currentMesh()
            out.result([
                "mesh": .string(mine.meshSlug), "member": .string(mine.memberName), "left": .bool(hasLeft),
                "profiles": .array(profiles.map { .string($0) }), "current": current.map { .string($0) } ?? .null,
            ]) {
                (hasLeft ? "Left \(mine.meshSlug): \(keys).\n" : "Of \(mine.meshSlug), \(keys).\n")
                    + MeshNoun.currentLine(current)
            }
        }

        /// Tells the mesh; false when it was not asked, or does not know the member any more.
        private func leave(_ mine: Credentials) async throws -> Bool {
            if local { return false }
            do {
                try await withAPI(of: mine) { _ = try await $0.leave() }
                return true
            } catch let error as MeshError {
                switch error.code {
                // The member, or the whole mesh, is gone already: that is what was wanted.
                case .revoked, .unauthorized, .meshNotFound: return false
                case _ where error.details["network"]?.boolValue == true:
                    throw Failure(
                        .network, "unreachable", error.message,
                        hint: "try again when the broker is there, or remove the keys alone: --local")
                default: throw error
                }
            }
        }
    }

    /// `mesh-cli mesh delete [NAME]`
    struct Delete: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a mesh with everything in it, for everybody.",
            discussion: """
                Its messages, state and ledger are gone; backups stay. It is the owner's to do, who signs for it. With \
                --broker the holder of the broker's admin token does it ($MESH_ADMIN_TOKEN, or $MESHD_DATA on the broker's \
                machine). Profiles of the mesh are removed from this machine.

                Examples:
                  mesh-cli mesh delete lab
                  mesh-cli mesh delete bench-1f2e3d4c --broker http://127.0.0.1:7900 --yes
                """)

        @Argument(help: "The mesh, by name or id; the current one when absent.", completion: LiveNames.meshes)
        var name: String?

        @Option(help: "The broker whose admin token you hold.")
        var broker: String?

        @Flag(help: "Do not ask.")
        var yes = false

        @OptionGroup var options: GlobalOptions

        func validate() throws {
            if name != nil, options.mesh != nil { throw ValidationError("--mesh and NAME say the same: give one") }
            if broker != nil, name ?? options.mesh == nil { throw ValidationError("--broker: name the mesh, too") }
        }

        func execute(_ out: Printer) async throws {
            let deleted: MeshDeleted
            let slug: String
            if let broker {
                (deleted, slug) = try await byOperator(broker)
            } else {
                (deleted, slug) = try await byOwner()
            }
            let store = options.store
            // Keys that are here go with the mesh that was named, on the broker that was asked: whose id a broker answers with is
            // its own choice.
            let asked = name ?? options.mesh
            let known = try store.meshes().first { mesh in
                mesh.meshID == deleted.meshId && (broker == nil || (mesh.slug == asked || mesh.meshID == asked))
                    && (broker == nil || Self.isSame(mesh.broker, broker))
            }
            for profile in known?.profiles ?? [] { try store.remove(mesh: known?.slug ?? slug, profile: profile) }
            let current = try store.currentMesh()
            out.result([
                "mesh": ["id": .string(deleted.meshId), "slug": .string(slug)],
                "profiles": .array((known?.profiles ?? []).map { .string($0) }),
                "current": current.map { .string($0) } ?? .null,
            ]) { "Deleted the mesh \(slug).\n" + MeshNoun.currentLine(current) }
        }

        private static func isSame(_ one: String, _ other: String?) -> Bool {
            guard let one = try? BrokerAddress(parsing: one),
                let other = other.flatMap({ try? BrokerAddress(parsing: $0) })
            else { return false }
            return one == other
        }

        private func byOwner() async throws -> (MeshDeleted, String) {
            let store = options.store
            let wanted = try store.load(mesh: name ?? options.mesh, profile: options.profile).credentials
            // Whoever is current there: the owner's own profile signs.
            let owner = try store.profiles(of: wanted.meshSlug).lazy
                .compactMap { try? store.load(mesh: wanted.meshSlug, profile: $0).credentials }
                .first { $0.memberKey.publicKey == $0.owner }
            guard let owner else {
                throw MeshError(
                    .forbidden, "only its owner deletes \(wanted.meshSlug), and the owner's key is not on this machine",
                    hint:
                        "leave it: mesh-cli mesh leave; with the broker's admin token: --broker \(ShellWord.quoted(wanted.broker))"
                )
            }
            try confirm(owner.meshSlug)
            return (try await withAPI(of: owner) { try await $0.deleteMesh() }, owner.meshSlug)
        }

        private func byOperator(_ broker: String) async throws -> (MeshDeleted, String) {
            let (wanted, token) = (name ?? options.mesh ?? "", try AdminToken.find())
            try confirm(wanted)
            let deleted = try await MeshAPI.deleteMesh(
                wanted, broker: broker, adminToken: token, group: EventLoops.shared)
            return (deleted, deleted.slug ?? wanted)
        }

        private func confirm(_ slug: String) throws {
            try Confirmation.require(
                slug, isGiven: yes, "The mesh \(slug) and all that is in it are deleted for everybody.")
        }
    }

    /// Which mesh is meant from now on.
    static func currentLine(_ current: String?) -> String {
        current.map { "The current mesh is \($0)." } ?? "There is no current mesh: mesh-cli mesh use NAME chooses one."
    }
}

extension ProfileStore {
    /// The profiles of a member: its first session's and those of its further ones.
    func profiles(of member: Credentials) throws -> [String] {
        try profiles(of: member.meshSlug).filter { profile in
            let other = try? load(mesh: member.meshSlug, profile: profile).credentials
            return other?.memberKey.publicKey == member.memberKey.publicKey
        }
    }
}
