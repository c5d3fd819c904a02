package import MeshCore
import MeshStore

/// Claims an invite for a joiner whose signatures were verified; the node signs the certificate afterwards.
package struct ClaimInvite: InternalWriteRequest {
    package var inviteID: String
    package var codeHash: String
    package var name: String
    package var pubkey: PublicKey
    package var claim: Signature
    package var timestamp: Int64
    package var session: SessionBinding?

    package init(
        inviteID: String, codeHash: String, name: String, pubkey: PublicKey, claim: Signature, timestamp: Int64,
        session: SessionBinding?
    ) {
        self.inviteID = inviteID
        self.codeHash = codeHash
        self.name = name
        self.pubkey = pubkey
        self.claim = claim
        self.timestamp = timestamp
        self.session = session
    }

    package static let declaration = RequestDeclaration.internalOnly("_claim_invite", "Claim an invite.")
    package typealias Answer = InviteClaimed
}

/// What the node needs to sign the joiner's certificate.
package struct InviteClaimed: InternalReply {
    package static let type = "_invite_claimed"
    package var memberID: String
    package var name: String
    package var role: Role
    package var alreadyMember: Bool
    package var capability: InviteCapability?
    package var signature: Signature?
    package var issuerCertificate: MembershipCertificate?
}

/// Members and invites.
enum Members {
    /// Members of one mesh.
    static let maximum = 100_000

    static let capability = Capability("members") {
        Write(AddMember.self) { request, context in
            let (_, caller) = try context.caller()
            let role = request.role ?? .member
            try check(role: role, givenBy: caller)
            let member = try newMember(name: request.name, key: request.pubkey, role: role, context)
            try insert(member, context)
            try context.record(
                "member.added", object: member.key.hex,
                ["id": .string(member.id), "role": .string(role.rawValue)],
                commitments: ["name": member.name.commitment])
            return MemberAdded(
                meshId: context.state.facts.id, memberId: member.id, name: member.name, pubkey: member.key, role: role)
        }
        Write(CreateInvite.self) { request, context in try createInvite(request, context) }
        InternalWrite(ClaimInvite.self) { request, context in try claim(request, context) }
        Read(ListMembers.self) { request, view in
            let roster = view.roster
            let start = try view.cursor(request.after) { roster.member(key: $0)?.number }
            let present = roster.memberOrder.after(start).lazy.compactMap { roster.members[$0] }.filter {
                $0.revokedAt == nil
            }
            var page = view.listPage()
            let taken = page.take(present) { $0.listBytes }
            return MemberList(
                members: taken.map { member in
                    let sessions = roster.sessions(of: member.number)
                    return MemberList.Row(
                        memberId: member.id, name: member.name, pubkey: member.key, role: member.role,
                        joinedAt: Timestamp.iso8601(member.joinedAt), sessions: sessions.count,
                        online: sessions.count { roster.sessions[$0]?.attachment.isAttached == true })
                }, next: page.isFull ? taken.last?.keyHex : nil)
        }
        Read(WhoAmI.self) { _, view in
            let (session, member) = try view.caller()
            return Identity(
                meshId: view.facts.id, meshSlug: view.facts.slug, memberId: member.id, name: member.name,
                pubkey: member.key, role: member.role, sessionPubkey: (session.claimedKey ?? member.key).hex,
                label: session.label, status: session.status, summary: session.summary, groups: session.groups,
                pending: view.state.mailboxes[session.number]?.count ?? 0)
        }
        Load { state in
            let rows = try state.database.prepare(
                "SELECT number, id, key, name, role, joined_at, revoked_at FROM member ORDER BY number"
            ).rows { row in
                guard let key = PublicKey(bytes: row.blob(2)), let role = Role(rawValue: row.text(4)) else {
                    throw MeshError(.storageFailed, "member \(row.int(0)) cannot be read")
                }
                var member = Member(
                    number: MemberNumber(rawValue: row.int(0)), id: row.text(1), key: key, name: row.text(3),
                    role: role,
                    joinedAt: row.int(5))
                member.revokedAt = row.isNull(6) ? nil : row.int(6)
                return member
            }
            for member in rows {
                state.roster.insert(member)
                state.nextMember = member.number.rawValue + 1
            }
        }
    }

    /// Checks that a member may be added: its key and name are new. Fails with `exists`, stating which of the two is
    /// taken.
    static func newMember(
        name: String, key: PublicKey, role: Role, _ context: WriteContext
    ) throws(MeshError) -> Member {
        let state = context.state
        let name = Names.normalised(name)
        try Labels.checkMember(name)
        try key.requireUsable(field: "pubkey")
        if let other = state.roster.member(key: key), other.revokedAt == nil || other.isBanned {
            throw MeshError(
                other.revokedAt == nil ? .exists : .revoked,
                "this key already belongs to \(other.name)", details: ["memberId": .string(other.id)])
        }
        if let other = state.roster.member(name: name) ?? state.roster.member(readingLike: name) {
            throw MeshError(
                .exists,
                "a member called \(other.name) exists"
                    + (other.name == name ? "" : ", and \(name) reads like it"),
                hint: "choose another name with --name")
        }
        try KeyOwnership.check(memberKey: key, state)
        guard state.roster.members.count < maximum else {
            throw MeshError(.capacity, "a mesh has at most \(maximum) members")
        }
        return Member(
            number: state.roster.member(key: key)?.number ?? MemberNumber(rawValue: state.nextMember),
            id: Hex.encode(context.randomBytes().prefix(16)), key: key, name: name, role: role, joinedAt: context.now)
    }

    /// Stores a new member, or a removed one that comes back.
    static func insert(_ member: Member, _ context: WriteContext) throws {
        let state = context.state
        if let former = state.roster.member(key: member.key) { return try readmit(former, as: member, context) }
        try state.database.prepare(
            "INSERT INTO member (number, id, key, name, role, joined_at) VALUES (?, ?, ?, ?, ?, ?)"
        ).run(member.number.rawValue, member.id, member.key.bytes, member.name, member.role.rawValue, member.joinedAt)
        state.roster.insert(member)
        state.nextMember += 1
        try KeyOwnership.take(for: member, context)
    }

    private static func readmit(_ former: Member, as member: Member, _ context: WriteContext) throws {
        try context.state.database.prepare(
            "UPDATE member SET id = ?, name = ?, role = ?, joined_at = ?, revoked_at = NULL WHERE number = ?"
        ).run(member.id, member.name, member.role.rawValue, member.joinedAt, former.number.rawValue)
        context.state.roster.update(member: former.number) {
            $0.id = member.id
            $0.name = member.name
            $0.role = member.role
            $0.joinedAt = member.joinedAt
            $0.revokedAt = nil
        }
        // In files of earlier versions seats outlived the membership.
        try Topics.leaveAll(former.number, context)
        try KeyOwnership.take(for: member, context)
    }

    static func check(role: Role, givenBy member: Member) throws(MeshError) {
        if role == .owner { throw .argument("role", "a mesh has one owner: its creator") }
        if role == .admin, member.role != .owner {
            throw MeshError(.forbidden, "only the owner makes admins", hint: "ask the owner, or add a member")
        }
    }

    private static func createInvite(_ request: CreateInvite, _ context: WriteContext) throws -> InviteCreated {
        let (_, member) = try context.caller()
        let capability = request.capability
        let facts = context.state.facts
        guard capability.meshId == facts.id else {
            throw MeshError.argument("capability.meshId", "is \(capability.meshId), this mesh is \(facts.id)")
        }
        guard capability.issuer == member.key else {
            throw MeshError(.forbidden, "an invite is issued by the member that registers it")
        }
        guard (1...1_000_000).contains(capability.uses) else {
            throw MeshError.argument("uses", "1 to 1,000,000, not \(capability.uses)")
        }
        guard capability.expiresAt > context.now, capability.expiresAt <= context.now + 366 * 86_400_000 else {
            throw MeshError.argument("expiresAt", "must lie in the future, at most a year ahead")
        }
        try check(role: capability.role, givenBy: member)
        guard capability.verify(request.signature) else {
            throw MeshError(.badSignature, "the invite's signature does not match its issuer")
        }
        if let certificate = request.certificate { try check(certificate, of: member, facts) }
        guard let codeHash = Hex.decode(capability.codeHash), codeHash.count == 32 else {
            throw MeshError.argument("capability.codeHash", "64 hex characters")
        }
        let database = context.state.database
        let known = try database.prepare("SELECT 1 FROM invite WHERE id = ?").first(capability.inviteId) { _ in true }
        guard known == nil else { throw MeshError(.exists, "the invite \(capability.inviteId) exists") }
        try database.prepare(
            """
            INSERT INTO invite (id, code_hash, capability, signature, certificate, uses, used, expires_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)
            """
        ).run(
            capability.inviteId, codeHash, try JSONCoder.encode(capability).text, request.signature.bytes,
            try request.certificate.map { try JSONCoder.encode($0).text }, capability.uses, capability.expiresAt,
            context.now)
        try context.record(
            "invite.created", object: capability.inviteId,
            [
                "role": .string(capability.role.rawValue), "uses": .integer(Int64(capability.uses)),
                "expires": .integer(capability.expiresAt),
            ])
        return InviteCreated(
            inviteId: capability.inviteId, role: capability.role, uses: capability.uses,
            expiresAt: capability.expiresAt)
    }

    /// An issuer's certificate goes to everybody who joins: it must be the issuer's, and chain to the owner.
    private static func check(
        _ certificate: MembershipCertificate, of member: Member, _ facts: MeshFacts
    ) throws(MeshError) {
        guard certificate.member == member.key, certificate.capability.meshId == facts.id else {
            throw .argument("certificate", "is of another member or mesh")
        }
        do throws(IdentityError) { try certificate.verify(owner: facts.owner) } catch {
            throw MeshError(.badSignature, "the issuer's certificate does not hold: \(error)")
        }
    }

    private struct StoredInvite {
        var codeHash: String
        var capability: InviteCapability
        var signature: Signature
        var certificate: MembershipCertificate?
        var used: Int64
        var isRevoked: Bool
    }

    private static func claim(_ request: ClaimInvite, _ context: WriteContext) throws -> InviteClaimed {
        let state = context.state
        guard let invite = try storedInvite(request.inviteID, state.database), invite.codeHash == request.codeHash
        else {
            throw MeshError(.inviteInvalid, "no invite has this code", hint: "ask for a new invite")
        }
        let known = state.roster.member(key: request.pubkey)
        if let known, known.isBanned {
            throw MeshError(.revoked, "\(known.name) is banned from this mesh", hint: "an admin must lift it")
        }
        // A joiner whose answer was lost asks again, perhaps after the invite has expired, and gets the same answer.
        if let member = known, member.revokedAt == nil {
            guard invite.capability.role <= member.role else {
                // A certificate would claim more than the member has.
                throw MeshError(
                    .exists, "this key is a member already, \(member.name), with the role \(member.role.rawValue)",
                    hint: "ask an admin for other rights")
            }
            if let session = request.session {
                try Connections.register(session, member: member, proven: false, context)
            }
            return claimed(member, invite, alreadyMember: true)
        }
        guard let issuer = state.roster.member(key: invite.capability.issuer), issuer.revokedAt == nil,
            issuer.may(CreateInvite.declaration.permission)
        else {
            // Otherwise a removed member comes back by an invite of its own.
            throw MeshError(
                .inviteInvalid, "the member that made this invite may no longer invite", hint: "ask for a new invite")
        }
        if invite.isRevoked {
            throw MeshError(.inviteInvalid, "this invite was revoked", hint: "ask for a new invite")
        }
        guard context.now < invite.capability.expiresAt else {
            throw MeshError(
                .inviteExpired, "the invite expired at \(Timestamp.iso8601(invite.capability.expiresAt))",
                hint: "ask for a new invite")
        }
        guard invite.used < Int64(invite.capability.uses) else {
            throw MeshError(.inviteExhausted, "the invite was used \(invite.used) times", hint: "ask for a new invite")
        }
        let member = try newMember(
            name: request.name, key: request.pubkey, role: invite.capability.role, context)
        if let session = request.session { try Connections.check(session, member: member, context) }
        try insert(member, context)
        try state.database.prepare("UPDATE invite SET used = used + 1 WHERE id = ?").run(request.inviteID)
        try context.record(
            "member.joined", object: member.key.hex,
            [
                "id": .string(member.id), "role": .string(member.role.rawValue), "invite": .string(request.inviteID),
                "claim": .string(request.claim.hex),
            ], commitments: ["name": member.name.commitment])
        if let session = request.session {
            try Connections.register(session, member: member, proven: false, context)
        }
        return claimed(member, invite, alreadyMember: false)
    }

    private static func claimed(_ member: Member, _ invite: StoredInvite, alreadyMember: Bool) -> InviteClaimed {
        InviteClaimed(
            memberID: member.id, name: member.name, role: member.role, alreadyMember: alreadyMember,
            capability: invite.capability, signature: invite.signature, issuerCertificate: invite.certificate)
    }

    private static func storedInvite(_ id: String, _ database: Database) throws -> StoredInvite? {
        try database.prepare(
            "SELECT code_hash, capability, signature, certificate, used, revoked_at FROM invite WHERE id = ?"
        )
        .first(id) { row in
            let capability = try JSONCoder.decode(
                InviteCapability.self, from: JSON.parse(Array(row.text(1).utf8), limits: .frame))
            let certificate =
                row.isNull(3)
                ? nil
                : try JSONCoder.decode(
                    MembershipCertificate.self, from: JSON.parse(Array(row.text(3).utf8), limits: .frame))
            guard let signature = Signature(bytes: row.blob(2)) else {
                throw MeshError(.storageFailed, "the invite \(id) cannot be read")
            }
            return StoredInvite(
                codeHash: Hex.encode(row.blob(0)), capability: capability, signature: signature,
                certificate: certificate, used: row.int(4), isRevoked: !row.isNull(5))
        }
    }
}

extension EngineState {
    /// Whether an invite of this id ever existed.
    package func knowsInvite(_ id: String) throws -> Bool {
        try database.prepare("SELECT 1 FROM invite WHERE id = ?").first(id) { _ in true } != nil
    }
}
