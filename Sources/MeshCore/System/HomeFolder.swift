#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a user's files lie.
public enum HomeFolder {
    /// `$HOME` when it is a whole path, else what the system's list of users says, as services without an environment need
    /// it. Nil when neither says anything; never a folder below the one in which a program was started.
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

    /// Stands for a folder that nobody has: what is looked for there is not found, and what is made there fails by name.
    public static let none = "/nonexistent"
}
