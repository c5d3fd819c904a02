import Glibc
import MeshCore
package import MeshStore
import Synchronization

/// Used signatures on disk: records of 32 bytes of hash and 8 of expiry. It is written but not synced: a crash of the
/// process loses nothing, a power cut can lose the last seconds. On a full disk it has gaps; uses stay known in
/// memory meanwhile, and the next rewrite holds them all again.
package final class ReplayJournal: Sendable {
    private struct File {
        var descriptor: Int32
        /// The end of the whole records; after it there is a partial one.
        var bytes: off_t
        var hasGap = false
    }

    private static let recordBytes = 40
    private let path: String
    private let file: Mutex<File>
    private let onProblem: @Sendable (StoreError) -> Void
    /// What an earlier run left and is still valid.
    let remembered: [Bytes32: Int64]

    /// Opens the journal and reads what is still valid. Fails when the file cannot be used. The first failure in a
    /// series of writes is reported to `onProblem`.
    package init(
        path: String, now: Int64, onProblem: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) {
        self.path = path
        self.onProblem = onProblem
        let bytes = try Files.readPrivate(path) ?? []
        var remembered: [Bytes32: Int64] = [:]
        // A record that was cut off by the end of the process was never answered.
        for start in stride(from: 0, through: bytes.count - Self.recordBytes, by: Self.recordBytes) {
            guard let key = Bytes32(bytes[start..<start + 32]) else { continue }
            let until = bytes[start + 32..<start + 40].reduce(Int64(0)) { $0 << 8 | Int64($1) }
            if until > now { remembered[key] = until }
        }
        self.remembered = remembered
        var problem: StoreError?
        do throws(StoreError) {
            try Files.writePrivate(path, Self.records(remembered), afterPowerCut: .oldOrNew)
        } catch {
            // The old file holds the same and more.
            guard error.code == .full else { throw error }
            problem = error
        }
        file = Mutex(Self.open(path))
        if let problem { onProblem(problem) }
    }

    deinit { file.withLock { _ = close($0.descriptor) } }

    /// Opens the file after its last whole record.
    private static func open(_ path: String) -> File {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let whole = max(0, lseek(descriptor, 0, SEEK_END)) / off_t(recordBytes) * off_t(recordBytes)
        return File(descriptor: descriptor, bytes: whole)
    }

    /// Adds a record, whole or not at all.
    func append(_ key: Bytes32, until: Int64) {
        let record = Self.records([key: until])
        let problem: StoreError? = file.withLock { file in
            let count = record.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, file.bytes) }
            if count == record.count {
                file.bytes += off_t(count)
                file.hasGap = false
                return nil
            }
            // The next record overwrites what is there of this one.
            let error = count < 0 ? errno : ENOSPC
            guard !file.hasGap else { return nil }
            file.hasGap = true
            return StoreError(
                error == ENOSPC || error == EDQUOT ? .full : .ioError, extendedCode: error,
                "writing \(path): \(String(cString: strerror(error)))")
        }
        if let problem { onProblem(problem) }
    }

    /// Rewrites the file with what is still valid; when the disk does not take it, the old one stays in use.
    func rewrite(_ seen: [Bytes32: Int64]) {
        do throws(StoreError) {
            try Files.writePrivate(path, Self.records(seen), afterPowerCut: .oldOrNew)
        } catch {
            return onProblem(error)
        }
        file.withLock { file in
            close(file.descriptor)
            file = Self.open(path)
        }
    }

    private static func records(_ seen: [Bytes32: Int64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(seen.count * recordBytes)
        for (key, until) in seen {
            bytes += key.bytes
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: until >> Int64(shift)))
            }
        }
        return bytes
    }
}
