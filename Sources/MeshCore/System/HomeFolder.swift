#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The location of a user's files.
public enum HomeFolder {
    /// `$HOME` when it is an absolute path, else the system's user database, as services without an environment need
    /// it. Nil when neither has one; never a folder below the one in which a program was started.
    public static func find(environment: [String: String]) -> String? {
        if let home = environment["HOME"], home.hasPrefix("/") { return home }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
            guard let memory = buffer.baseAddress, getpwuid_r(getuid(), &entry, memory, buffer.count, &found) == 0,
                found != nil, let path = entry.pw_dir
            else { return nil }
            let home = String(cString: path)
            return home.hasPrefix("/") ? home : nil
        }
    }

    /// A placeholder for a missing folder: reads find nothing there, and writes fail with its name.
    public static let none = "/nonexistent"
}
