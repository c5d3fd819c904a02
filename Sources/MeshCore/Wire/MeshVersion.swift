/// This release.
public enum MeshVersion {
    /// Semantic version.
    public static let text = "0.1.0"
}
