import Glibc
import MeshCore

/// Takes a folder away.
enum FolderRemoval {
    /// Folders in one another that are followed; a profile has one level.
    private static let depth = 8

    /// Removes a folder and what is in it, one file before all others: without it the rest is nothing. Links are removed,
    /// never followed. Fails with `storage_failed`.
    static func remove(_ path: String, first: String) throws(MeshError) {
        unlink("\(path)/\(first)")
        try remove(path, depth: depth)
    }

    /// Removes a folder if nothing is in it.
    static func removeEmpty(_ path: String) { rmdir(path) }

    private static func remove(_ path: String, depth: Int) throws(MeshError) {
        guard let stream = opendir(path) else {
            if errno == ENOENT { return }
            throw failure(path)
        }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        closedir(stream)
        for name in names where name != "." && name != ".." {
            let inner = "\(path)/\(name)"
            if unlink(inner) == 0 { continue }
            guard errno == EISDIR || errno == EPERM, depth > 0 else { throw failure(inner) }
            try remove(inner, depth: depth - 1)
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure(path) }
    }

    private static func failure(_ path: String) -> MeshError {
        let number = errno
        return MeshError(.storageFailed, "removing \(path): \(Descriptor.Failure(number: number).text)")
    }
}
