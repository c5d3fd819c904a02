/// This release.
public enum MeshVersion {
    /// Semantic version.
    public static let text = "0.1.0"

    /// Whether the library was built for debugging: several times slower than an optimised build.
    public static var isDebugBuild: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    /// The version for people: it marks an unoptimised build.
    public static var description: String { isDebugBuild ? "\(text) (debug build)" : text }
}
