import Glibc

/// Space reserved for a full disk: freeing it lets acknowledgements proceed.
public struct ReserveFile: Sendable {
    private let path: String
    private let size: Int

    /// Names the file; `fill` creates it.
    public init(path: String, bytes: Int = 4 << 20) {
        self.path = path
        self.size = bytes
    }

    /// Whether the space is reserved.
    public var isHeld: Bool { Files.size(path) == Int64(size) }

    /// Extends the file to its full size; false when the disk has no room for it and for `headroom` bytes more. The
    /// remains of a failed attempt are removed, unless the file was full before.
    public func fill(leaving headroom: Int = 0) -> Bool {
        let held = Files.size(path) ?? 0
        // Checked first: an attempt takes all the space there is for a moment, and a write could fail meanwhile.
        if let free = Files.freeBytes(path), free < Int64(size + headroom) - held { return false }
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { Glibc.close(file) }
        guard posix_fallocate(file, 0, off_t(size + headroom)) == 0, ftruncate(file, off_t(size)) == 0 else {
            if held < Int64(size) { Files.remove(path) } else { _ = ftruncate(file, off_t(size)) }
            return false
        }
        return true
    }

    /// Releases the space.
    public func release() { Files.remove(path) }
}

extension Files {
    /// Bytes that this user's files may still take on the disk that a path is on, or that its folder is on when nothing
    /// exists yet; nil when unknown.
    public static func freeBytes(_ path: String) -> Int64? {
        var status = statvfs()
        if statvfs(path, &status) != 0 {
            let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            guard statvfs(folder, &status) == 0 else { return nil }
        }
        guard status.f_blocks > 0 else { return nil }
        return Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).0)
    }
}
