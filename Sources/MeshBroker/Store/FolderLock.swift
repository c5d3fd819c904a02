import Glibc

/// Locks a folder for one process, with the kernel's lock: it ends with the process, in any case.
public final class FolderLock: Sendable {
    private let file: Int32

    /// Locks it. Fails with `locked`, naming the holder, when another broker (or this process) has it.
    public init(folder: String) throws(StoreError) {
        let path = folder + "/lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Files.failure("opening \(path)") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else {
                let error = Files.failure("locking \(path)")
                Glibc.close(file)
                throw error
            }
            var text = [UInt8](repeating: 0, count: 32)
            let count = max(0, Glibc.read(file, &text, text.count))
            Glibc.close(file)
            let holder = String(decoding: text[0..<count].prefix { $0 != 0x0A }, as: UTF8.self)
            throw StoreError(
                .locked,
                """
                another broker\(holder.isEmpty ? "" : " (pid \(holder))") uses \(folder): stop it, or choose another \
                --data
                """)
        }
        self.file = file
        let pid = Array("\(getpid())\n".utf8)
        _ = ftruncate(file, 0)
        _ = pid.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    /// Unlocks the folder before the end of this value; a second call does nothing.
    public func release() { flock(file, LOCK_UN) }

    deinit { Glibc.close(file) }
}
