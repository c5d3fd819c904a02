public import MeshCore
import Synchronization

/// Presence.
extension MeshClient {
    /// Says what the session is doing. `working` is renewed by itself until another status is set.
    @discardableResult
    public func setStatus(_ status: PeerStatus, leaseMillis: Int64? = nil) async throws(MeshError) -> PresenceSet {
        let lease = leaseMillis ?? DeliveryPolicy.workingLeaseMillis
        core.withLock { $0.workingLease = status == .working ? lease : nil }
        return try await call(SetStatus(status: status, lease: status == .working ? lease : nil))
    }

    /// Says in one line what the session is working on; empty removes it.
    @discardableResult
    public func setSummary(_ summary: String) async throws(MeshError) -> PresenceSet {
        try await call(SetSummary(summary: summary))
    }

    /// Who is here; with `all` also who is away.
    public func peers(all: Bool = false) async throws(MeshError) -> [PeersList.Peer] {
        try await callAll(ListPeers(all: all)).peers
    }
}

/// Sessions.
extension MeshClient {
    /// The sessions of this member, or of another one when an admin asks.
    public func sessions(of member: String? = nil) async throws(MeshError) -> [SessionList.Row] {
        try await call(ListSessions(member: member)).sessions
    }

    /// Removes a session of this member (not this one), or of another one when an admin asks. Fails with `not_found`.
    @discardableResult
    public func removeSession(_ session: String, of member: String? = nil) async throws(MeshError) -> SessionRemoved {
        try await call(RemoveSession(session: session, member: member))
    }
}

/// Groups.
extension MeshClient {
    /// Joins a group, or changes the role in it.
    @discardableResult
    public func joinGroup(_ name: String, role: String? = nil) async throws(MeshError) -> [GroupMembership] {
        try await call(JoinGroup(name: name, role: role)).groups
    }

    /// Leaves a group.
    @discardableResult
    public func leaveGroup(_ name: String) async throws(MeshError) -> [GroupMembership] {
        try await call(LeaveGroup(name: name)).groups
    }
}

/// State.
extension MeshClient {
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
}
