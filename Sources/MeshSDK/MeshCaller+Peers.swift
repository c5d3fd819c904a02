public import MeshCore

/// Presence.
extension MeshCaller {
    /// Says in one line what the session is working on; empty removes it.
    @discardableResult
    public func setSummary(_ summary: String) async throws(MeshError) -> PresenceSet {
        try await call(SetSummary(summary: summary))
    }

    /// Shows or hides the session in the peer list; a hidden one still gets its messages.
    @discardableResult
    public func setVisible(_ isVisible: Bool) async throws(MeshError) -> PresenceSet {
        try await call(SetVisible(visible: isVisible))
    }

    /// The caller's member, session, role and groups.
    public func whoAmI() async throws(MeshError) -> Identity { try await call(WhoAmI()) }

    /// Who is here; with `all` also who is away.
    public func peers(all: Bool = false) async throws(MeshError) -> [PeersList.Peer] {
        try await callAll(ListPeers(all: all)).peers
    }
}

/// Sessions.
extension MeshCaller {
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
extension MeshCaller {
    /// Joins a group, or changes the role in it.
    @discardableResult
    public func joinGroup(_ name: String, role: String? = nil) async throws(MeshError) -> [GroupMembership] {
        try await call(JoinGroup(name: name, role: role)).groups
    }

    /// All groups with their members, by name. Fails with `too_large` when they are more than one answer holds.
    public func groups() async throws(MeshError) -> [GroupList.Group] { try await call(ListGroups()).groups }

    /// Leaves a group.
    @discardableResult
    public func leaveGroup(_ name: String) async throws(MeshError) -> [GroupMembership] {
        try await call(LeaveGroup(name: name)).groups
    }
}
