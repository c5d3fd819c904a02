import Glibc
import MeshCore

/// The kernel's lock on a file (`flock`): it ends with this value, and with the process however that ends.
final class FileLock: Sendable {
    private let file: Int32

    private init(file: Int32) { self.file = file }

    /// Waits for the lock; for work on files alone, which is short.
    static func wait(_ path: String) throws(MeshError) -> FileLock {
        let lock = try opened(path)
        while flock(lock.file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SystemCalls.failure("locking \(path)") }
        }
        return lock
    }

    /// Takes the lock on a file of a folder, which is made when needed, when nobody has it; nil when somebody does. Whoever has
    /// it may remove the folder with the file in it.
    static func take(_ name: String, in folder: String) throws(MeshError) -> FileLock? {
        let path = "\(folder)/\(name)"
        for _ in 0..<16 {
            try SystemCalls.makeFolder(folder)
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if file < 0, errno == ENOENT { continue }
            guard file >= 0 else { throw SystemCalls.failure("opening \(path)") }
            let lock = FileLock(file: file)
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
                if errno == EWOULDBLOCK { return nil }
                throw SystemCalls.failure("locking \(path)")
            }
            // The file may have been removed by its last holder in between: then this is a lock on nothing.
            var (held, named) = (stat(), stat())
            if fstat(file, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino { return lock }
        }
        throw MeshError(.storageFailed, "locking \(path): it is removed again and again")
    }

    private static func opened(_ path: String) throws(MeshError) -> FileLock {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SystemCalls.failure("opening \(path)") }
        return FileLock(file: file)
    }

    deinit { close(file) }
}
