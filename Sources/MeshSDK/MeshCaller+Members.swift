public import MeshCore

/// Members: who belongs to the mesh, and what they may do.
extension MeshCaller {
    /// All members, in the order of joining.
    public func members() async throws(MeshError) -> [MemberList.Row] { try await callAll(ListMembers()).members }

    /// Adds a member by its public key. Fails with `exists` when its key or its name is taken.
    @discardableResult
    public func addMember(
        _ name: String, key: PublicKey, role: Role? = nil
    ) async throws(MeshError) -> MemberAdded {
        try await call(AddMember(name: name, pubkey: key, role: role))
    }

    /// Takes a member out: its sessions end, its name is free.
    @discardableResult
    public func removeMember(_ member: String) async throws(MeshError) -> MemberRemoved {
        try await call(RemoveMember(member: member))
    }

    /// Changes a member's role, and its rights beyond or below the role.
    @discardableResult
    public func setRights(
        of member: String, role: Role? = nil, grant: [Permission]? = nil, deny: [Permission]? = nil
    ) async throws(MeshError) -> MemberRights {
        try await call(SetRights(member: member, role: role, grant: grant, deny: deny))
    }

    /// Takes a member out, and refuses its key until it is unbanned.
    public func ban(_ member: String, reason: String? = nil) async throws(MeshError) {
        _ = try await call(Ban(target: member, reason: reason))
    }

    /// Lifts a ban.
    public func unban(_ member: String) async throws(MeshError) { _ = try await call(Unban(target: member)) }

    /// Members that are banned.
    public func bans() async throws(MeshError) -> [BanList.Row] { try await call(ListBans()).bans }

    /// Ends the connections of a member or session; its programs stay away until they are started again. Returns the names.
    @discardableResult
    public func kick(_ target: String) async throws(MeshError) -> [String] {
        try await call(Kick(target: target)).kicked
    }

    /// Ends the connections of a member or session; its programs connect again. Returns the names.
    @discardableResult
    public func disconnect(_ target: String) async throws(MeshError) -> [String] {
        try await call(Disconnect(target: target)).kicked
    }

    /// Decides what another member may send to this one; nil allows everything again.
    @discardableResult
    public func setGrants(of peer: String, _ grants: [PeerGrant]?) async throws(MeshError) -> [GrantList.Row] {
        try await call(SetGrants(peer: peer, grants: grants)).grants
    }

    /// Members that may not send everything to this one.
    public func grants() async throws(MeshError) -> [GrantList.Row] { try await call(ListGrants()).grants }

    /// Invites, newest first.
    public func invites() async throws(MeshError) -> [InviteList.Row] { try await call(ListInvites()).invites }

    /// Makes an invite worthless; who has joined with it stays.
    public func revokeInvite(_ id: String) async throws(MeshError) { _ = try await call(RevokeInvite(inviteId: id)) }
}
