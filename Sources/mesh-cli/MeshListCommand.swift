import ArgumentParser
import MeshCore
import MeshSDK

extension MeshNoun {
    /// `mesh-cli mesh list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the meshes and profiles of this machine, or the meshes of a broker.",
            discussion: """
                A star marks the current mesh, and each mesh's current profile. With --broker the meshes of a broker are \
                listed, for the holder of its admin token.

                Examples:
                  mesh-cli mesh list
                  mesh-cli mesh list --broker http://127.0.0.1:7900
                """)

        @Option(help: "List the meshes of this broker instead.")
        var broker: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            if let broker { return try await list(broker, out) }
            let (meshes, current) = (try options.store.meshes(), try options.store.currentMesh())
            let json = meshes.map { mesh in
                JSON.object((mesh.json.objectValue ?? [:]).with("isCurrent", .bool(mesh.slug == current)))
            }
            out.result(["meshes": .array(json)], isAsked: true) {
                let rows = meshes.map { mesh in
                    [
                        mesh.slug == current ? mesh.slug + "*" : mesh.slug, mesh.broker,
                        mesh.profiles.map { $0 == mesh.current ? $0 + "*" : $0 }.joined(separator: " "),
                    ]
                }
                return out.table(
                    Table("MESH (* current)", "BROKER", "PROFILES (* current)", rows: rows),
                    empty: "No mesh yet: mesh-cli mesh create NAME, or mesh-cli join INVITE-URL")
            }
        }

        private func list(_ broker: String, _ out: Printer) async throws {
            let list = try await MeshAPI.meshes(
                broker: broker, adminToken: try AdminToken.find(), group: EventLoops.shared)
            try out.result(try JSONObject(of: list), isAsked: true) {
                let rows =
                    list.meshes.map { [$0.slug, "open", $0.id] } + list.stopped.map { ["?", "stopped", $0.file] }
                return out.table(Table("MESH", "STATE", "ID", rows: rows), empty: "No meshes on this broker.")
            }
        }
    }
}
