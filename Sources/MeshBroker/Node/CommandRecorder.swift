import Glibc
package import Logging
import MeshCore
package import MeshEngine
import MeshStore

/// Writes every batch that was applied to a file, one JSON line each: applied to an empty copy of the mesh they give
/// the same ledger head.
package struct CommandRecorder: Sendable {
    private let path: String
    private let logger: Logger

    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    /// Appends a batch.
    package func record(_ batch: Batch) {
        do {
            let line = try RecordedBatch.line(batch)
            guard let file = fopen(path, "a") else { throw StoreError(.ioError, "opening \(path)") }
            defer { fclose(file) }
            _ = line.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        } catch {
            logger.error("a batch was not recorded", metadata: ["path": "\(path)", "error": "\(error)"])
        }
    }
}
