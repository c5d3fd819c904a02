public import MeshCore
public import NIOCore

/// Getting into a mesh. What a broker answers is checked before anything follows from it: it may be another one than the
/// address meant, or lie.
extension MeshAPI {
    /// Makes a mesh. The owner's keys stay here; with the keys of an earlier try whose answer was lost, the mesh that it made
    /// is taken over. Fails with `invalid_argument`, before the broker is asked, for an address or a name that cannot be.
    public static func createMesh(
        broker: String, adminToken: String, slug: String, ownerName: String, allowPlaintext: Bool,
        keys: NewKeys = NewKeys(), group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> Credentials {
        let address = try brokerAddress(broker)
        let ownerName = Names.normalised(ownerName)
        try Names.checkSlug(slug)
        try Names.checkName(ownerName)
        let authorization = try authorization(adminToken)
        return try await once(address, group) { (http) async throws(MeshError) in
            let node: NodeInfo = try await exchange(http, "GET", "/v1/node", [], [])
            try node.node.requireUsable(field: "node", .badSignature)
            let mesh = NewMesh(slug: slug, ownerName: ownerName, allowsPlaintext: allowPlaintext, keys: keys)
            let body = mesh.request(node: node.node)
            let headers = [("Content-Type", "application/json"), authorization]
            let created: MeshCreated = try await exchange(http, "POST", "/v1/meshes", headers, try bytes(body))
            guard created.meshId == mesh.meshID, created.slug == slug, created.node == node.node,
                MeshID.isValid(created.memberId)
            else {
                throw MeshError(
                    .badSignature, "the broker answered with another mesh than the one that was to be made",
                    hint: "check the address: nothing was kept here")
            }
            return mesh.credentials(broker: address, node: node.node, memberID: created.memberId)
        }
    }

    /// Joins a mesh: proves a key, and checks that what the broker answers follows from the link: the mesh, a certificate that
    /// leads from the owner whom the link names to this very claim, and the node, to which the owner has given the mesh.
    /// With the keys of an earlier try whose answer was lost, its membership is taken over. Fails with `bad_signature` or `unauthorized` when the broker shows anything else.
    public static func join(
        link: InviteLink, name: String, label: String?, keys: NewKeys = NewKeys(),
        group: any EventLoopGroup = MeshEventLoops.shared
    ) async throws(MeshError) -> (Credentials, MembershipCertificate) {
        let address = try brokerAddress(link.broker)
        let name = Names.normalised(name)
        let label = label.map(Names.normalised)
        try Names.checkName(name)
        if let label { try Names.checkName(label, field: "label") }
        let claim = JoinClaim(link: link, name: name, label: label, keys: keys, now: SystemCalls.now())
        let accepted = try await once(address, group) { (http) async throws(MeshError) in
            let joined: Joined = try await exchange(
                http, "POST", "/v1/join", [("Content-Type", "application/json")], try bytes(claim.body))
            return try claim.accept(joined, broker: address)
        }
        // Whoever was invited has the owner's signature over the invite, and could answer as a node of its own. The owner's
        // signature over the creation names the node, and nobody else has one for another.
        let api = MeshAPI(credentials: accepted.0, group: group)
        do throws(MeshError) {
            let page = try await api.call(ExportLedger(from: 0, limit: 1))
            try JoinClaim.check(creation: page, of: accepted.0)
            await api.close()
        } catch {
            await api.close()
            throw error
        }
        return accepted
    }

    private static func brokerAddress(_ text: String) throws(MeshError) -> String {
        do throws(IdentityError) { return try BrokerAddress(parsing: text).text } catch {
            throw MeshError(.invalidArgument, error.message)
        }
    }

    /// The header that shows an admin token. Fails with `invalid_argument` when the text cannot be one.
    static func authorization(_ adminToken: String) throws(MeshError) -> (String, String) {
        let token = Pasted.word(adminToken)
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw MeshError(
                .invalidArgument, "the admin token is \(token.isEmpty ? "empty" : "no ASCII text")",
                hint: "take what stands in the broker's admin.token file")
        }
        return ("Authorization", "Bearer \(token)")
    }
}

/// A claim of an invite, and what its answer must be.
struct JoinClaim: Sendable {
    private let link: InviteLink
    private let keys: NewKeys
    /// What is sent.
    let body: JoinBody

    init(link: InviteLink, name: String, label: String?, keys: NewKeys, now: Int64) {
        self.link = link
        self.keys = keys
        let claim = SignedText.joinClaim(
            meshID: link.meshID, inviteID: link.code.inviteID, name: name, member: keys.member.publicKey, timestamp: now
        )
        let binding = Credentials.binding(meshID: link.meshID, member: keys.member, session: keys.session.publicKey)
        body = JoinBody(
            meshId: link.meshID, code: link.code.text, name: name, pubkey: keys.member.publicKey, timestamp: now,
            signature: keys.member.sign(claim),
            session: SessionBinding(pubkey: keys.session.publicKey, binding: binding, label: label))
    }

    /// Checks an answer against the link and the claim. Everything in it is a broker's word until it is proved, or is a name
    /// that is fit to be kept.
    func accept(_ joined: Joined, broker: String) throws(MeshError) -> (Credentials, MembershipCertificate) {
        guard joined.meshId == link.meshID else {
            throw Self.lie(
                "the broker answers for the mesh \(SafeText.line(joined.meshId, limit: 64)), the invite is of \(link.meshID)"
            )
        }
        guard link.matches(owner: joined.owner) else {
            throw MeshError(
                .unauthorized, "the broker shows another owner than the invite names",
                hint: "ask the person who invited you over another channel")
        }
        guard let certificate = joined.certificate else {
            throw Self.lie("the broker shows no certificate that leads to the owner whom the invite names")
        }
        try check(certificate, of: joined)
        try checkNames(joined)
        var credentials = Credentials(
            broker: broker, meshID: joined.meshId, meshSlug: joined.meshSlug, node: joined.node, owner: joined.owner,
            memberName: joined.name, memberID: joined.memberId, role: joined.role, label: body.session?.label,
            memberKey: keys.member, sessionKey: keys.session)
        credentials.certificate = certificate
        return (credentials, certificate)
    }

    /// Checks that the mesh was made by the owner, under this name, for this node: entry 0 says it in the owner's signature.
    static func check(creation page: LedgerPage, of credentials: Credentials) throws(MeshError) {
        do throws(LedgerFault) {
            var verifier = LedgerVerifier()
            let entry = Array((page.entries.first ?? "").utf8)
            try verifier.add(line: entry)
            let report = try verifier.finish(owner: credentials.owner)
            guard report.node == NoteKey(name: "mesh/" + credentials.meshID, key: credentials.node) else {
                throw LedgerFault(
                    0, "it was made on the node \(report.node.key.shortHex)…, not on \(credentials.node.shortHex)…")
            }
            let slug = try LedgerEntry.parse(entry).publicAttributes["slug"]?.stringValue
            guard slug == credentials.meshSlug else { throw LedgerFault(0, "the mesh has another name") }
        } catch {
            throw lie(
                "the broker does not show that the owner made this mesh on it: \(SafeText.line(error.description, limit: 300))"
            )
        }
    }

    private func check(_ certificate: MembershipCertificate, of joined: Joined) throws(MeshError) {
        let capability = certificate.capability
        guard capability.meshId == link.meshID else { throw Self.lie("the certificate is of another mesh") }
        guard capability.inviteId == link.code.inviteID, capability.codeHash == link.code.hashHex else {
            throw Self.lie("the certificate is of another invite")
        }
        guard certificate.member == body.pubkey, certificate.name == body.name,
            certificate.timestamp == body.timestamp, certificate.claimSignature == body.signature
        else { throw Self.lie("the certificate is somebody else's") }
        guard certificate.nodeKey == joined.node else { throw Self.lie("the certificate was made by another broker") }
        do throws(IdentityError) {
            try joined.owner.requireUsable("the owner's key")
            try certificate.verify(owner: joined.owner)
        } catch {
            throw Self.lie("the certificate of the membership does not hold: \(error)")
        }
        guard joined.alreadyMember || joined.role == capability.role, joined.role != .owner else {
            throw Self.lie(
                "the broker names the role \(joined.role.rawValue), the invite gives \(capability.role.rawValue)")
        }
    }

    /// The names that are kept, and become folders here.
    private func checkNames(_ joined: Joined) throws(MeshError) {
        do throws(MeshError) {
            try Names.checkSlug(joined.meshSlug)
            try Names.checkName(joined.name)
        } catch {
            throw Self.lie("the broker gives a name that cannot be: \(error.message)")
        }
        // A member of before keeps its name; a new one gets what it asked for, in whatever form of Unicode.
        guard joined.alreadyMember || joined.name == body.name else { throw Self.lie("the broker gives another name") }
        guard MeshID.isValid(joined.memberId) else { throw Self.lie("the broker gives an id that cannot be") }
    }

    private static func lie(_ what: String) -> MeshError {
        MeshError(
            .badSignature, what, hint: "nothing was kept; ask the person who invited you over another channel",
            details: ["answer": "refused"])
    }
}
