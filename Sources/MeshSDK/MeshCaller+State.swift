public import MeshCore

/// State.
extension MeshCaller {
    /// A key's value; nil when it does not exist.
    public func state(_ key: String) async throws(MeshError) -> StateResult? {
        let result = try await call(GetState(key: key))
        return result.found ? result : nil
    }

    /// Sets a key. Returns its version and the revision.
    @discardableResult
    public func setState(_ key: String, _ value: JSON) async throws(MeshError) -> StateWritten {
        try await call(SetState(key: key, value: value))
    }

    /// Sets a key if it still has a version; 0 means that it must not exist. Fails with `version_conflict`.
    @discardableResult
    public func setState(
        _ key: String, _ value: JSON, ifVersion version: Int64
    ) async throws(MeshError) -> StateWritten {
        try await call(CompareAndSetState(key: key, expectedVersion: version, value: value))
    }

    /// Deletes a key.
    @discardableResult
    public func deleteState(_ key: String, ifVersion version: Int64? = nil) async throws(MeshError) -> StateWritten {
        try await call(DeleteState(key: key, expectedVersion: version))
    }

    /// Applies several changes as one.
    @discardableResult
    public func batchState(_ operations: [BatchState.Operation]) async throws(MeshError) -> StateWritten {
        try await call(BatchState(operations: operations))
    }

    /// All keys that begin with a prefix, by key; they are read page by page.
    public func states(prefix: String = "") async throws(MeshError) -> [StateList.Entry] {
        try await callAll(ListState(prefix: prefix)).entries
    }
}
