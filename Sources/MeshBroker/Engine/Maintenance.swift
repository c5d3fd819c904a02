package import MeshCore

/// Says in the ledger that the mesh goes on from a backup.
package struct NoteRestoration: Request {
    /// How many entries the backup had.
    package var entries: Int64
    package init(entries: Int64) { self.entries = entries }
    package static let type = "_note_restoration"
    package static let permission = Permission.admin
    package static let kind = RequestKind.write
    package static let help = "The mesh goes on from a backup."
    package static let fields: [String: String] = [:]
    package typealias Answer = Acknowledged
}

/// What operators do to a mesh's file, as far as its history must say so.
enum Maintenance {
    static let capability = Capability("maintenance") {
        InternalWrite(NoteRestoration.self) { request, context in
            try context.record("mesh.restored", ["entries": .integer(request.entries)])
            return Acknowledged(changed: 1)
        }
    }
}
