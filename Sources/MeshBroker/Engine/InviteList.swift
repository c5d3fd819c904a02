import MeshCore
import MeshStore

/// The status of invites.
enum Invites {
    /// Invites that a list shows at most.
    static let maximumListed = 1_000

    static let migrations = [
        Migration(name: "invites-1", sql: "ALTER TABLE invite ADD COLUMN revoked_at INTEGER;")
    ]

    static let capability = Capability("invites", migrations: migrations) {
        Read(ListInvites.self) { _, view in
            let now = view.now
            return InviteList(
                invites: try view.rows(
                    """
                    SELECT id, capability, uses, used, expires_at, created_at, revoked_at FROM invite
                    ORDER BY created_at DESC, id LIMIT ?
                    """, maximumListed
                ) { row in
                    view.meter.add(300)
                    let capability = try JSONCoder.decode(
                        InviteCapability.self, from: JSON.parse(Array(row.text(1).utf8), limits: .frame))
                    let state =
                        !row.isNull(6)
                        ? "revoked" : row.int(3) >= row.int(2) ? "used" : row.int(4) <= now ? "expired" : "open"
                    return .init(
                        inviteId: row.text(0), role: capability.role, uses: Int(row.int(2)), used: Int(row.int(3)),
                        expiresAt: row.int(4), createdAt: row.int(5),
                        issuer: view.roster.member(key: capability.issuer)?.name ?? "", state: state)
                })
        }
        Write(RevokeInvite.self) { request, context in
            let database = context.state.database
            let prefix = request.inviteId
            guard (6...64).contains(prefix.utf8.count) else {
                throw MeshError.argument("inviteId", "an id, or a prefix of at least 6 characters")
            }
            let found = try database.prepare(
                "SELECT id, revoked_at FROM invite WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2"
            ).rows(prefix) { (id: $0.text(0), isRevoked: !$0.isNull(1)) }
            guard let invite = found.first, found.count == 1 else {
                throw MeshError(
                    found.isEmpty ? .notFound : .ambiguousPrefix,
                    found.isEmpty ? "no invite has the id \(prefix)" : "\(prefix) begins more than one invite's id",
                    hint: "mesh-cli invite list")
            }
            if !invite.isRevoked {
                try database.prepare("UPDATE invite SET revoked_at = ? WHERE id = ?").run(context.now, invite.id)
                try context.record("invite.revoked", object: invite.id)
            }
            return InviteRevoked(inviteId: invite.id)
        }
    }
}
