import MeshCore
import MeshEngine
import MeshStore

extension BrokerNode {
    /// The files in the folder of backups, with their contents.
    func backups() async throws -> BackupList {
        let path = Files.absolute(folder.backups) ?? folder.backups
        return BackupList(backups: try await offLoop { try BackupFolder(path: path).list() }, folder: path)
    }
}

/// The folder that holds copies of meshes.
struct BackupFolder: Sendable {
    var path: String
    private static let ending = ".sqlite"
    /// At most this many files, the newest, are opened to read their contents.
    private static let opened = 200

    /// The files by time. One that cannot be read is listed with its name and size.
    func list() throws -> [BackupList.Row] {
        guard Files.exists(path) else { return [] }
        let names = try Files.list(path).filter { $0.hasSuffix(Self.ending) }
        var rows = names.map { name in
            var row = BackupList.Row(file: name, bytes: Files.size(path + "/" + name) ?? 0)
            row.madeAt = Self.time(in: name)
            row.path = path + "/" + name
            return row
        }
        rows.sort { ($0.madeAt ?? "", $0.file) < ($1.madeAt ?? "", $1.file) }
        for number in rows.indices.suffix(Self.opened) { look(into: &rows[number]) }
        return rows
    }

    private func look(into row: inout BackupList.Row) {
        do {
            let database = try Database(path: path + "/" + row.file, mode: .readOnly)
            defer { database.close() }
            row.mesh = try MetaTable(database).text("mesh.slug")
            row.entries = try database.prepare("SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger").first { $0.int(0) }
        } catch {
            // It is listed all the same: a restore reports that it is damaged.
        }
    }

    /// The name of a file of this folder, from its name or its whole path. Fails with `invalid_argument` for any other
    /// place, and with `not_found`.
    func name(of file: String) throws(MeshError) -> String {
        let name = file.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard name.hasSuffix(Self.ending), name != Self.ending, !file.unicodeScalars.contains("\0") else {
            throw MeshError.argument(
                "file", "the name of a backup, ending in .sqlite, not \(file.prefix(200))", hint: "mesh-cli backup list"
            )
        }
        if file != name {
            let folder = String(file.dropLast(name.count + 1))
            guard !folder.isEmpty, let given = Files.absolute(folder), given == Files.absolute(path) else {
                throw MeshError.argument(
                    "file", "only backups in \(Files.absolute(path) ?? path) are restored, not \(file.prefix(200))",
                    hint: "copy the file there; mesh-cli backup list shows what is there")
            }
        }
        guard Files.exists(path + "/" + name) else {
            throw MeshError(.notFound, "no backup is called \(name.prefix(200))", hint: "mesh-cli backup list")
        }
        return name
    }

    /// The time in a name as `backup` makes it: `lab-20261124T120000000Z.sqlite`; nil for any other.
    static func time(in name: String) -> String? {
        guard name.hasSuffix("Z" + ending) else { return nil }
        let stamp = Array(name.dropLast(ending.count).suffix(19).utf8)
        let digits = stamp[..<min(8, stamp.count)] + stamp.dropFirst(9).prefix(9)
        guard stamp.count == 19, stamp[8] == UInt8(ascii: "T"), digits.count == 17,
            digits.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        func text(_ range: Range<Int>) -> String { String(decoding: stamp[range], as: UTF8.self) }
        return
            "\(text(0..<4))-\(text(4..<6))-\(text(6..<8))T\(text(9..<11)):\(text(11..<13)):\(text(13..<15)).\(text(15..<18))Z"
    }
}
