import Glibc

/// A new file that is written from beginning to end.
final class DataFile {
    private let path: String
    private var file: Int32
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 16

    /// Makes a file. Fails with `exists` when it exists: results are not overwritten.
    init(_ path: String) throws(DataError) {
        self.path = path
        guard path != "-" else { throw DataError(.exists, "`-` is no file: name one, or ./- for one called so") }
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            if errno == EEXIST { throw DataError(.exists, "\(path) exists: choose another place, or remove it") }
            throw Self.failure("making \(path)")
        }
    }

    deinit { if file >= 0 { Glibc.close(file) } }

    /// Makes a folder; one that is there stays. Its parent is there.
    static func createFolder(_ path: String) throws(DataError) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("making the folder \(path)") }
    }

    /// Adds bytes.
    func write(_ bytes: [UInt8]) throws(DataError) {
        buffer += bytes
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Writes what is left and closes the file.
    func close() throws(DataError) {
        try flush()
        let old = file
        file = -1
        guard old < 0 || Glibc.close(old) == 0 else { throw Self.failure("closing \(path)") }
    }

    private func flush() throws(DataError) {
        guard file >= 0 else { throw DataError(.file, "\(path) is closed") }
        var written = 0
        while written < buffer.count {
            let count = buffer[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("writing \(path)") }
            written += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failure(_ what: String) -> DataError {
        let number = errno
        return DataError(.file, "\(what): \(String(cString: strerror(number)))")
    }
}
