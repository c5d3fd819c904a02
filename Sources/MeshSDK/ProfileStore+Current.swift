public import MeshCore

/// Which mesh is meant when none is named, and profiles that go.
extension ProfileStore {
    /// The mesh that is used when none is named; nil when there is none, or several and none was chosen.
    public func currentMesh() throws(MeshError) -> String? {
        let known = try meshes().map(\.slug)
        if known.count == 1 { return known[0] }
        guard let slug = try readCurrent().mesh, known.contains(slug) else { return nil }
        return slug
    }

    /// Makes a mesh the current one, with a profile when one is named, else with the one it had. Fails with `not_found`,
    /// naming the nearest, and with `invalid_argument` when the mesh has several profiles and none was chosen yet.
    @discardableResult
    public func use(mesh: String, profile: String?) throws(MeshError) -> (mesh: String, profile: String) {
        let (credentials, profile) = try load(mesh: mesh, profile: profile)
        try setCurrent(mesh: credentials.meshSlug, profile: profile)
        return (credentials.meshSlug, profile)
    }

    /// Removes a profile with its keys from this machine, and its mesh when it was the last one. Fails with
    /// `storage_failed`; a profile that is not there is no failure.
    public func remove(mesh slug: String, profile: String) throws(MeshError) {
        try FolderRemoval.remove("\(home)/\(slug)/\(profile)", first: "profile.json")
        let left = try profiles(of: slug)
        if left.isEmpty { FolderRemoval.removeEmpty("\(home)/\(slug)") }
        var current = try readCurrent()
        if current.profiles[slug] == profile { current.profiles[slug] = left.count == 1 ? left[0] : nil }
        if left.isEmpty, current.mesh == slug { current.mesh = nil }
        try write(current)
    }
}
