#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What recordings ask of the system: files and folders.
package enum RunSystem {
    static func openToRead(_ path: String) throws(SimError) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        return descriptor
    }

    /// Opens a file for writing, empty; nil when it must be new and is not.
    static func openToWrite(_ path: String, isNew: Bool) throws(SimError) -> Int32? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : O_TRUNC), 0o644)
        if descriptor < 0, isNew, errno == EEXIST { return nil }
        guard descriptor >= 0 else { throw failure(path, "cannot be written") }
        return descriptor
    }

    /// Reads at most as many bytes as the buffer holds; 0 at the end.
    static func read(_ descriptor: Int32, into buffer: inout [UInt8], path: String) throws(SimError) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count >= 0 { return count }
            if errno != EINTR { throw failure(path, "cannot be read") }
        }
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(SimError) {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes {
                systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[start...]))
            }
            if count >= 0 {
                start += count
            } else if errno != EINTR {
                throw failure(path, "cannot be written")
            }
        }
    }

    /// The bytes of a file. Fails when it cannot be read or has more than `limit`.
    package static func readAll(_ path: String, limit: Int = 1 << 30) throws(SimError) -> [UInt8] {
        let descriptor = try openToRead(path)
        defer { closeFile(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try read(descriptor, into: &chunk, path: path)
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw SimError("\(path) has more than \(limit) bytes", kind: .file) }
        }
    }

    /// Writes a file anew.
    package static func writeAll(_ bytes: [UInt8], to path: String) throws(SimError) {
        guard let descriptor = try openToWrite(path, isNew: false) else { return }
        defer { closeFile(descriptor) }
        try write(bytes, to: descriptor, path: path)
    }

    static func closeFile(_ descriptor: Int32) { close(descriptor) }

    /// Makes a folder when it is not there; its parent must be.
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

    private static func failure(_ path: String, _ what: String) -> SimError {
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        return SimError("\(path) \(what): \(reason)", kind: .file)
    }

    private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    private static func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
