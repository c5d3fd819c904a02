import Glibc
import MeshCore
package import MeshStore
import Synchronization

/// What was used, on disk: records of 32 bytes of hash and 8 of expiry. It is written but not synced: the death of the
/// process loses nothing, a power cut can lose the last seconds.
package final class ReplayJournal: Sendable {
    private static let recordBytes = 40
    private let path: String
    private let file: Mutex<Int32>
    /// What an earlier run has left and is not forgotten yet.
    let remembered: [Bytes32: Int64]

    /// Opens the journal and reads what is still of use. Fails when the file cannot be used.
    package init(path: String, now: Int64) throws(StoreError) {
        self.path = path
        let bytes = try Files.readPrivate(path) ?? []
        var remembered: [Bytes32: Int64] = [:]
        // A record that was cut off by the end of the process was never answered.
        for start in stride(from: 0, through: bytes.count - Self.recordBytes, by: Self.recordBytes) {
            guard let key = Bytes32(bytes[start..<start + 32]) else { continue }
            let until = bytes[start + 32..<start + 40].reduce(Int64(0)) { $0 << 8 | Int64($1) }
            if until > now { remembered[key] = until }
        }
        self.remembered = remembered
        try Files.writePrivate(path, Self.records(remembered), afterPowerCut: .oldOrNew)
        file = Mutex(open(path, O_WRONLY | O_APPEND | O_CLOEXEC))
    }

    deinit { file.withLock { _ = close($0) } }

    /// Adds a record.
    func append(_ key: Bytes32, until: Int64) {
        let record = Self.records([key: until])
        file.withLock { file in
            // A full disk makes the journal forget, not the broker stop: what is used stays known in memory.
            _ = record.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        }
    }

    /// Starts the file anew with what is still of use.
    func rewrite(_ seen: [Bytes32: Int64]) {
        guard (try? Files.writePrivate(path, Self.records(seen), afterPowerCut: .oldOrNew)) != nil else { return }
        file.withLock { file in
            close(file)
            file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
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
