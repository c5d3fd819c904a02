import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file system interface of recordings.
package enum RunSystem {
    static func openToRead(_ path: String) throws(SimError) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        return descriptor
    }

    /// Opens an empty file for writing; nil when it must be new and exists.
    static func openToWrite(_ path: String, isNew: Bool) throws(SimError) -> Int32? {
        guard path != "-" else {
            throw SimError("`-` is standard output, where the report goes: name a file, or ./- for one called so")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : O_TRUNC), 0o644)
        if descriptor < 0, isNew, errno == EEXIST { return nil }
        guard descriptor >= 0 else { throw failure(path, "cannot be written") }
        return descriptor
    }

    /// Reads at most as many bytes as the buffer holds; 0 at the end.
    static func read(_ descriptor: Int32, into buffer: inout [UInt8], path: String) throws(SimError) -> Int {
        do throws(Descriptor.Failure) { return try Descriptor.read(descriptor, into: &buffer) } catch {
            throw failure(path, "cannot be read", error.number)
        }
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(SimError) {
        do throws(Descriptor.Failure) { try Descriptor.write(bytes, to: descriptor) } catch {
            throw failure(path, "cannot be written", error.number)
        }
    }

    /// The bytes of a file. Fails when it cannot be read or has more than `limit`.
    package static func readAll(_ path: String, limit: Int = 1 << 30) throws(SimError) -> [UInt8] {
        let descriptor = try openToRead(path)
        defer { closeFile(descriptor) }
        do throws(Descriptor.Failure) { return try Descriptor.readAll(descriptor, limit: limit) } catch {
            if error.number == EFBIG { throw SimError("\(path) has more than \(limit) bytes", kind: .file) }
            throw failure(path, "cannot be read", error.number)
        }
    }

    /// Reports whether a regular file exists, as opposed to a device or a pipe.
    package static func isOccupied(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Opens a file for results. An existing one is emptied when it may be replaced; otherwise fails.
    static func openToKeep(_ path: String, replacing: Bool) throws(SimError) -> Int32 {
        let mustBeNew = !replacing && (isOccupied(path) || !exists(path))
        guard let descriptor = try openToWrite(path, isNew: mustBeNew) else {
            throw SimError("\(path) exists: choose another file, or say that it may be replaced", kind: .file)
        }
        return descriptor
    }

    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Writes a whole file, replacing an existing one if allowed.
    package static func writeAll(_ bytes: [UInt8], to path: String, replacing: Bool) throws(SimError) {
        let descriptor = try openToKeep(path, replacing: replacing)
        defer { closeFile(descriptor) }
        try write(bytes, to: descriptor, path: path)
    }

    static func closeFile(_ descriptor: Int32) { close(descriptor) }

    /// Makes a folder unless it exists; its parent must exist.
    static func makeFolder(_ path: String) throws(SimError) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure(path, "cannot be made") }
    }

    /// The names in a folder, ascending by bytes.
    static func names(in folder: String) throws(SimError) -> [String] {
        guard let stream = opendir(folder) else { throw failure(folder, "cannot be listed") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted { $0.precedesInBytes($1) }
    }

    private static func failure(_ path: String, _ what: String, _ number: Int32 = errno) -> SimError {
        SimError("\(path) \(what): \(Descriptor.Failure(number: number).text)", kind: .file)
    }
}
