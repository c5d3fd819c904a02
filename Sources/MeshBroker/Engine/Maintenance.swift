package import MeshCore

/// Says in the ledger that the mesh goes on from a backup.
package struct NoteRestoration: InternalWriteRequest {
    /// How many entries the backup had.
    package var entries: Int64
    package init(entries: Int64) { self.entries = entries }
    package static let declaration = RequestDeclaration.internalOnly(
        "_note_restoration", "The mesh goes on from a backup.")
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
