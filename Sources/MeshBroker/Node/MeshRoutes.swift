import MeshCore
import MeshEngine
import NIOHTTP1

/// Meshes, invites, and every request of every capability over HTTP.
enum MeshRoutes {
    @Sendable static func create(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let body = try decode(CreateMeshBody.self, context.call)
        let (facts, memberID) = try await context.node.create(body)
        return try .reply(
            201,
            MeshCreated(meshId: facts.id, slug: facts.slug, memberId: memberID, node: context.node.nodeKey.publicKey))
    }

    @Sendable static func list(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        .json(
            200,
            [
                "type": "meshes",
                "meshes": .array(context.node.meshes().map { ["id": .string($0.id), "slug": .string($0.slug)] }),
                "stopped": .array(
                    context.node.failures().sorted { $0.key < $1.key }.map {
                        ["file": .string($0.key), "error": .object($0.value.fields)]
                    }),
            ])
    }

    /// Claims an invite: the hash of the code identifies it; the joiner's signature proves the key.
    @Sendable static func join(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let node = context.node
        let body = try decode(JoinBody.self, context.call)
        guard !Authenticator.isSkewed(body.timestamp, at: node.nowMillis()) else {
            throw MeshError(.timestampSkew, "the claim's time is more than 60 s away from the broker's")
        }
        guard let code = InviteCode(text: body.code) else {
            throw MeshError(.inviteInvalid, "no invite has this code", hint: "ask for a new invite")
        }
        try Labels.checkMember(body.name)
        try body.pubkey.requireUsable(field: "pubkey")
        try body.session?.pubkey.requireUsable(field: "session.pubkey")
        let claim = SignedText.joinClaim(
            meshID: body.meshId, inviteID: code.inviteID, name: body.name, member: body.pubkey,
            timestamp: body.timestamp)
        guard body.pubkey.verifies(body.signature, of: claim) else {
            // A code that nobody made is reported as one, whatever was signed with it.
            try await requireInvite(code, meshID: body.meshId, node)
            throw MeshError(
                .badSignature, "the claim was not signed by the key that it names",
                hint: "it is over mesh-join-v1|meshId|inviteId|name|member|timestamp, and the inviteId of this code is "
                    + "\(code.inviteID): of SHA-256 over the code's 16 bytes, not over its text")
        }
        if let session = body.session {
            let word = SignedText.sessionBinding(meshID: body.meshId, member: body.pubkey, session: session.pubkey)
            guard body.pubkey.verifies(session.binding, of: word) else {
                throw MeshError(.badSignature, "the joiner did not sign the session key")
            }
        }
        let mesh = try node.handle(body.meshId) {
            MeshError(.inviteInvalid, "no invite has this code", hint: "ask for a new invite")
        }
        let request = ClaimInvite(
            inviteID: code.inviteID, codeHash: code.hashHex, name: body.name, pubkey: body.pubkey,
            claim: body.signature,
            timestamp: body.timestamp, session: body.session)
        guard let claimed = try await mesh.perform(request, as: .node).get() as? InviteClaimed else {
            throw MeshError(.internalError, "the invite gave no answer")
        }
        // A certificate matches the mesh: a member that claims again has its name already.
        guard claimed.name.isSame(as: Names.normalised(body.name)) else {
            throw MeshError(
                .exists, "this key belongs to the mesh already, as \(claimed.name)",
                hint: "join with that name, or with a new key")
        }
        return try .reply(claimed.alreadyMember ? 200 : 201, joined(claimed, body, mesh.facts, node))
    }

    /// Fails with `invite_invalid` when the mesh has no invite with this code.
    private static func requireInvite(_ code: InviteCode, meshID: String, _ node: BrokerNode) async throws {
        let isKnown = try? await node.handle(meshID).sequencer.askWriter { writer in
            try writer.engine.state.knowsInvite(code.inviteID)
        }
        guard isKnown == true else {
            throw MeshError(.inviteInvalid, "no invite has this code", hint: "ask for a new invite")
        }
    }

    private static func joined(
        _ claimed: InviteClaimed, _ body: JoinBody, _ facts: MeshFacts, _ node: BrokerNode
    ) -> Joined {
        var certificate: MembershipCertificate?
        if let capability = claimed.capability, let signature = claimed.signature {
            certificate = MembershipCertificate.issue(
                capability: capability, issuerSignature: signature, issuerCertificate: claimed.issuerCertificate,
                name: body.name, member: body.pubkey, timestamp: body.timestamp, claimSignature: body.signature,
                node: node.nodeKey)
        }
        return Joined(
            meshId: facts.id, meshSlug: facts.slug, memberId: claimed.memberID, name: claimed.name, role: claimed.role,
            owner: facts.owner, node: node.nodeKey.publicKey, alreadyMember: claimed.alreadyMember,
            certificate: certificate)
    }

    /// Any request of any capability by its type, for a session that signs it; it creates no presence.
    @Sendable static func request(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let type = context.parameters[1]
        return try await answer(context, status: 200) { (mesh) throws(MeshError) in
            let json = try parse(context.call)
            try checkAgrees(json, type: type, mesh)
            return try context.node.table.decode(type: type, from: json)
        }
    }

    /// A request at its path among the resources.
    static func resource(
        _ place: ResourceTable.Place, _ path: [String: String], _ context: HTTPRoute.Context
    ) async throws -> HTTPAnswer {
        try await answer(context, status: place.resource.status) { (_) throws(MeshError) in
            let fields = try ResourceFields.read(
                place, path: path, query: context.call.query, body: try parse(context.call))
            return try place.row.decode(.object(fields))
        }
    }

    /// Authenticates the caller, then reads the request, then answers it.
    private static func answer(
        _ context: HTTPRoute.Context, status: Int, _ read: (MeshFacts) throws(MeshError) -> any Request
    ) async throws -> HTTPAnswer {
        let node = context.node
        let (signed, mesh, session) = try await checked(context)
        let request = try read(mesh.facts)
        var answered = await mesh.ask(request, as: .session(session.number, nil))
        if case .failure(let error) = answered.result, error.code == .unauthorized {
            // The session has retired since: its member's signature registers it again, or the error states why not.
            signed.forget(in: mesh, of: node)
            let again = try await signed.session(in: mesh, of: node)
            answered = await mesh.ask(request, as: .session(again.number, nil))
        }
        var answer = try HTTPAnswer.reply(status, answered.result.get())
        answer.lease = answered.lease
        return answer
    }

    private static func parse(_ call: HTTPCall) throws(MeshError) -> JSON {
        let types = call.headers["content-type"]
        if let type = types.first, !type.lowercased().hasPrefix("application/json") {
            throw MeshError(.invalidArgument, "the body must be application/json, not \(type.prefix(64))")
        }
        do throws(JSONError) {
            return call.body.isEmpty ? .object(JSONObject()) : try JSON.parse(call.body, limits: .frame)
        } catch {
            throw MeshError(error, in: "body")
        }
    }

    /// A body may repeat what the path contains, and nothing else: both are signed, and only one can be meant.
    private static func checkAgrees(_ body: JSON, type: String, _ mesh: MeshFacts) throws(MeshError) {
        for (field, valid) in [("type", [type]), ("meshId", [mesh.id, mesh.slug])] {
            guard let said = body[field], !valid.contains(where: { said == .string($0) }) else { continue }
            throw MeshError.argument(
                field, "the body says \(said.text.prefix(80)), the path \(valid[0])",
                hint: "leave \(field) out of the body, or say the same in both")
        }
    }

    /// The signature of a request, verified and used up, its mesh, and the session that makes it.
    private static func checked(
        _ context: HTTPRoute.Context
    ) async throws -> (SignedCall, MeshHandle, SignedCall.Known) {
        let node = context.node
        let signed = try SignedCall(context.call, audience: node.nodeKey.publicKey)
        // The caller is authenticated before it learns whether the mesh exists.
        try signed.check(at: node.nowMillis())
        let mesh = try node.handle(context.parameters[0]) {
            do throws(MeshError) { _ = try signed.introduction() } catch { return error }
            return MeshError.stranger
        }
        let session = try await signed.session(in: mesh, of: node)
        try signed.use(of: session.member, at: node.nowMillis(), replays: node.authenticator.replays)
        return (signed, mesh, session)
    }

    /// The session that makes a request, for routes that are not one request of one capability.
    static func session(_ context: HTTPRoute.Context) async throws -> (MeshHandle, SessionNumber) {
        let (_, mesh, session) = try await checked(context)
        return (mesh, session.number)
    }

    static func decode<Body: Decodable>(_ type: Body.Type, _ call: HTTPCall) throws(MeshError) -> Body {
        let json = try parse(call)
        do throws(JSONError) { return try JSONCoder.decode(type, from: json) } catch {
            throw MeshError(.invalidArgument, "body: \(error)")
        }
    }
}
