package import MeshCore

/// Records in the ledger that the mesh continues from a backup.
package struct NoteRestoration: InternalWriteRequest {
    /// Number of entries in the backup.
    package var entries: Int64
    package init(entries: Int64) { self.entries = entries }
    package static let declaration = RequestDeclaration.internalOnly(
        "_note_restoration", "The mesh goes on from a backup.")
    package typealias Answer = Acknowledged
}

/// Operator actions on a mesh's file, as far as its history must record them.
enum Maintenance {
    static let capability = Capability("maintenance") {
        InternalWrite(NoteRestoration.self) { request, context in
            try context.record("mesh.restored", ["entries": .integer(request.entries)])
            return Acknowledged(changed: 1)
        }
    }
}
