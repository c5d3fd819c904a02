public import MeshCore
import MeshEngine
import MeshStore

/// Checks every mesh of a data folder that no broker uses.
public enum FolderCheck {
    /// The findings for one file.
    public struct Finding: Sendable, Hashable {
        /// The file.
        public var file: String
        /// The mesh's name; nil when it cannot be read.
        public var mesh: String?
        /// What is wrong, one line each; empty when nothing is.
        public var faults: [String]
        /// Notes about a sound file.
        public var note: String
    }

    /// Reads every page of every file, then runs SQLite's check and verifies the ledger's hashes. Fails with `busy`
    /// when a broker uses the folder, `not_found` when it is missing.
    public static func run(dataFolder: String) throws(MeshError) -> [Finding] {
        guard Files.exists(dataFolder + "/meshes") else {
            throw MeshError(.notFound, "\(dataFolder) is no broker's data folder", hint: "name it with --data")
        }
        do {
            let lock = try FolderLock(folder: dataFolder)
            defer { lock.release() }
            return try Files.list(dataFolder + "/meshes").filter { $0.hasSuffix(".sqlite") }.map { name in
                let remembered = try Files.read(dataFolder + "/checkpoints/\(name.dropLast(".sqlite".count)).note")
                return check(dataFolder + "/meshes/" + name, remembered.map { String(decoding: $0, as: UTF8.self) })
            }
        } catch let error as StoreError where error.code == .locked {
            throw MeshError(
                .busy, error.message, hint: "a running broker checks its files itself: see its log and its metrics")
        } catch {
            throw MeshError(storing: error)
        }
    }

    private static func check(_ file: String, _ remembered: String?) -> Finding {
        var finding = Finding(file: file, mesh: nil, faults: [], note: "")
        do {
            let database = try Database(path: file, mode: .open)
            defer { database.close() }
            // What is in the log is newer than what is in the file, which may be anything there.
            database.checkpoint(truncate: true)
            let pages = try database.damagedPages()
            finding.mesh = try? MetaTable(database).text("mesh.slug")
            guard pages.isEmpty else {
                finding.faults = ["pages that do not hold what was written: \(list(pages))"]
                finding.faults += try database.damagedParts().map { part in
                    "\(part)" + (Damage.isBearable(part) ? "" : " (the mesh does not start)")
                }
                return finding
            }
            let facts = try BackupCheck.check(database, file)
            finding.note = "\(facts.entries) ledger entries, \(try database.pagesOnDisk) pages"
            if !database.hasPageChecks { finding.note += "; no checksums yet: meshd adds them when it starts" }
            if let remembered, let signed = try? Checkpoint.parse(note: remembered).size, signed > facts.entries {
                finding.faults.append("the ledger has \(facts.entries) entries, and this node has signed \(signed)")
            }
        } catch let error as StoreError {
            finding.faults.append(error.message)
        } catch let error as MeshError {
            finding.faults.append(error.message)
        } catch {
            finding.faults.append("\(error)")
        }
        return finding
    }

    private static func list(_ pages: [Int64]) -> String {
        pages.prefix(20).map(String.init).joined(separator: ", ")
            + (pages.count > 20 ? " and \(pages.count - 20) more" : "")
    }
}
