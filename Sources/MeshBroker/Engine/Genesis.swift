package import MeshCore
package import MeshStore

/// The first entry of a mesh: its owner and the node that signs its ledger, signed by the owner.
package struct Genesis: Sendable {
    package var body: CreateMeshBody
    package var node: PublicKey
    package var allowsPlaintext: Bool
    /// Unix milliseconds.
    package var now: Int64
    package var entropy: Entropy

    package init(body: CreateMeshBody, node: PublicKey, allowsPlaintext: Bool, now: Int64, entropy: Entropy) {
        self.body = body
        self.node = node
        self.allowsPlaintext = allowsPlaintext
        self.now = now
        self.entropy = entropy
    }

    /// Checks the owner's claim. Fails with the field that does not match.
    package func check() throws(MeshError) {
        try Names.checkSlug(body.slug)
        try Labels.checkMember(body.name)
        try body.owner.requireUsable(field: "owner")
        try body.session.pubkey.requireUsable(field: "session.pubkey")
        guard let nonce = Hex.decode(body.nonce), nonce.count == 16 else { throw .argument("nonce", "16 bytes in hex") }
        guard MeshID.derive(owner: body.owner, nonce: nonce) == body.meshId else {
            throw .argument("meshId", "does not follow from the owner's key and the nonce")
        }
        let claim = SignedText.meshCreation(
            meshID: body.meshId, slug: body.slug, owner: body.owner, node: node, timestamp: body.timestamp)
        guard body.owner.verifies(body.claim, of: claim) else {
            throw MeshError(
                .badSignature, "the owner did not sign this creation for this node",
                hint: "sign for the key of GET /v1/node")
        }
        let word = SignedText.sessionBinding(meshID: body.meshId, member: body.owner, session: body.session.pubkey)
        guard body.owner.verifies(body.session.binding, of: word) else {
            throw MeshError(.badSignature, "the owner did not sign the session key")
        }
    }

    /// Fills a new file: tables, facts, the owner, the owner's first session, entry 0. Returns the owner's member id.
    package func write(to database: Database, table: CapabilityTable) throws -> String {
        try Migrator.apply(table.migrations, to: database)
        return try database.transaction {
            let meta = MetaTable(database)
            try meta.set("mesh.id", body.meshId)
            try meta.set("mesh.slug", body.slug)
            try meta.set("mesh.owner", body.owner.hex)
            try meta.set("mesh.node", node.hex)
            try meta.set("mesh.plaintext", allowsPlaintext ? 1 : 0)
            try meta.set("message.factor", Int64(bitPattern: entropy.words.0 | 1))
            try meta.set("now", now)
            let state = try EngineState(database: database, table: table)
            let context = WriteContext(state: state)
            context.begin(actor: .admin, entropy: entropy)
            try context.record(
                "mesh.created", object: body.meshId,
                [
                    "slug": .string(body.slug), "owner": .string(body.owner.hex), "node": .string(node.hex),
                    "created": .integer(body.timestamp), "claim": .string(body.claim.hex),
                ])
            let owner = try Members.newMember(name: body.name, key: body.owner, role: .owner, context)
            try Members.insert(owner, context)
            try context.record(
                "member.added", object: owner.key.hex, ["id": .string(owner.id), "role": "owner"],
                commitments: ["name": owner.name.commitment])
            try Connections.register(body.session, member: owner, proven: false, context)
            return owner.id
        }
    }
}
