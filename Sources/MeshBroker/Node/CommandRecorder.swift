import Glibc
package import Logging
import MeshCore
package import MeshEngine
import MeshStore

/// Writes every batch that was applied to a file, one JSON line each: applied to an empty copy of the mesh they
/// produce the same ledger head.
package struct CommandRecorder: Sendable {
    private let path: String
    private let logger: Logger

    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    /// Appends a batch: its line is written whole or not at all. A missing one is reported, and ends what can be
    /// replayed.
    package func record(_ batch: Batch) {
        do {
            let line = try RecordedBatch.line(batch)
            let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw problem("opening") }
            defer { close(file) }
            let before = lseek(file, 0, SEEK_END)
            do throws(Descriptor.Failure) { try Descriptor.write(line, to: file) } catch {
                let failure = problem("writing", error.number)
                _ = ftruncate(file, before)
                throw failure
            }
        } catch {
            logger.error(
                "a batch was not recorded: the record cannot be replayed from here on",
                metadata: ["path": "\(path)", "batch": "\(batch.number)", "error": "\(error)"])
        }
    }

    private func problem(_ what: String, _ number: Int32 = errno) -> StoreError {
        StoreError(.ioError, extendedCode: number, "\(what) \(path): \(String(cString: strerror(number)))")
    }
}
