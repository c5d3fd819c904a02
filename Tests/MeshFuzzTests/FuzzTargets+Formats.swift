import MeshTestSupport

@testable import MeshCore

extension FuzzTargets {
    // MARK: Identity

    static let identity: [FuzzTarget] = [
        FuzzTarget(name: "invite-link", seeds: [Array(inviteLink.text.utf8)]) { input in
            guard let link = try? InviteLink(parsing: text(input)) else { return false }
            guard let again = try? InviteLink(parsing: link.text) else {
                throw BrokenPromise("its own text is refused")
            }
            try promise(again.text == link.text, "its own text says something else")
            return true
        },
        FuzzTarget(
            name: "broker-address",
            seeds: bytes("http://127.0.0.1:7900", "https://\(String(repeating: "A", count: 43))@[::1]:1/")
        ) { input in
            guard let address = try? BrokerAddress(parsing: text(input)) else { return false }
            try promise((try? BrokerAddress(parsing: address.text)) == address, "its own text says something else")
            return true
        },
        FuzzTarget(name: "certificate", seeds: [certificate]) { input in
            guard let tree = try? JSON.parse(input, limits: .frame),
                let read = try? JSONCoder.decode(MembershipCertificate.self, from: tree)
            else { return false }
            return (try? read.verify(owner: owner.publicKey)) != nil
        },
        FuzzTarget(name: "public-key", seeds: bytes(owner.publicKey.hex), shortRuns: 150) { input in
            guard let key = PublicKey(hex: text(input)) else { return false }
            try promise(key.hex == text(input), "its own text says something else")
            let converts = (try? KeyConversion.x25519(key)) != nil
            try promise(!converts || key.isUsable, "it can be sealed to and may not enter")
            return true
        },
        FuzzTarget(name: "sealed-box", seeds: [sealedBox], shortRuns: 1_000) { input in
            SealedBox.open(input, with: owner) != nil
        },
        FuzzTarget(name: "base64", seeds: bytes("", "aGk=", "aGkh", "////+w==")) { input in
            guard let decoded = Base64.decode(text(input)) else { return false }
            try promise(Base64.encode(decoded) == text(input), "another text has the same bytes")
            try promise(Base64.decodedCount(text(input)) == decoded.count, "the count is another")
            return true
        },
        FuzzTarget(name: "hex", seeds: bytes("", "00ff", "AbCd")) { input in
            guard let decoded = Hex.decode(text(input)) else { return false }
            try promise(Hex.encode(decoded) == text(input).lowercased(), "another text has the same bytes")
            return true
        },
        FuzzTarget(name: "timestamp", seeds: bytes("2026-04-15T12:00:00.000Z", "0000-03-01T00:00:00.000Z")) { input in
            guard let time = Timestamp.milliseconds(text(input)) else { return false }
            try promise(Timestamp.iso8601(time) == text(input), "its own text says something else")
            return true
        },
    ]

    static let owner = SigningKey(seed: [UInt8](repeating: 7, count: 32)) ?? SigningKey()
    static let inviteLink = InviteLink(
        broker: "http://127.0.0.1:7900", meshID: String(repeating: "ab", count: 16), code: InviteCode(),
        owner: owner.publicKey)
    static let sealedBox = (try? SealedBox.seal(Array("hello".utf8), to: owner.publicKey)) ?? []
    static let certificate: [UInt8] = {
        let code = InviteCode()
        let capability = InviteCapability(
            meshId: "m", inviteId: code.inviteID, role: .member, uses: 1, expiresAt: 2_000_000_000_000,
            codeHash: code.hashHex, issuer: owner.publicKey)
        let joiner = SigningKey(seed: [UInt8](repeating: 8, count: 32)) ?? SigningKey()
        let claim = joiner.sign(
            SignedText.joinClaim(
                meshID: "m", inviteID: code.inviteID, name: "bob", member: joiner.publicKey,
                timestamp: 1_700_000_000_000))
        let made = MembershipCertificate.issue(
            capability: capability, issuerSignature: capability.sign(owner), issuerCertificate: nil, name: "bob",
            member: joiner.publicKey, timestamp: 1_700_000_000_000, claimSignature: claim, node: owner)
        return (try? JSONCoder.encode(made).bytes()) ?? []
    }()

    // MARK: Ledger

    static let ledger: [FuzzTarget] = [
        FuzzTarget(name: "ledger-entry", seeds: [entry]) { input in
            let plain = input.withUnsafeBytes { EntryScanner($0) }
            guard let read = try? LedgerEntry.parse(input) else {
                try promise(plain == nil, "the fast way accepts what the general one refuses")
                return false
            }
            if let plain {
                try promise(
                    plain.seq == read.seq && plain.previous == read.previous && plain.timestamp == read.timestamp
                        && Array(input[plain.origin]) == Array(read.origin.utf8), "the fast way reads something else")
            }
            var again: [UInt8] = []
            read.encode(into: &again)
            try promise(again == input, "an entry that is not in its canonical form was accepted")
            return true
        },
        FuzzTarget(name: "ledger-export", seeds: [export], shortRuns: 1_000) { input in
            var verifier = LedgerVerifier()
            do {
                for line in input.split(separator: 10) { try verifier.add(line: Array(line)) }
                _ = try verifier.finish(owner: nil)
            } catch is LedgerFault {
                return false
            }
            // Each line is bound by the next one. What the last one says, and that it is the last, only a checkpoint tells.
            let bound = input.split(separator: 10).dropLast()
            try promise(export.split(separator: 10).starts(with: bound), "an altered ledger was accepted")
            return true
        },
        FuzzTarget(name: "checkpoint", seeds: [Array(note.utf8)]) { input in
            guard let read = try? Checkpoint.verify(note: text(input), keys: [noteKey]) else { return false }
            try promise(input.starts(with: note.utf8.prefix(20)), "a note that nobody signed was accepted")
            return read.size == 1
        },
        FuzzTarget(name: "proof", seeds: [proof]) { input in
            (try? InclusionProofFile.parse(text(input))) != nil
        },
        FuzzTarget(name: "note-key", seeds: [Array(noteKey.text.utf8)]) { input in
            guard let read = NoteKey(text: text(input)) else { return false }
            try promise(read.text == text(input), "its own text says something else")
            return true
        },
    ]

    /// A small mesh's whole ledger.
    static let export: [UInt8] = {
        guard let bench = try? MeshBench(), (try? bench.peer("bob", 10)) != nil,
            (try? bench.ask(SetState(key: "k", value: 1), as: bench.ownerActor)) != nil,
            let page = try? bench.query(ExportLedger(), as: bench.ownerActor)
        else { return [] }
        return Array(page.entries.joined(separator: "\n").utf8)
    }()
    static let noteKey = NoteKey(name: "mesh/m", key: owner.publicKey)
    static let entry: [UInt8] = {
        var bytes: [UInt8] = []
        LedgerEntry(
            origin: "mesh/m", seq: 0, timestamp: 1_700_000_000_000, previous: .zero, actor: "node", kind: "state.set",
            object: "k", publicAttributes: ["version": 1], commitments: ["value": String(repeating: "0", count: 64)]
        ).encode(into: &bytes)
        return bytes
    }()
    static let note = Checkpoint(origin: "mesh/m", size: 1, root: MerkleTree.leafHash(entry)).sign(
        with: owner, name: "mesh/m")
    static let proof: [UInt8] = Array(
        InclusionProofFile(index: 0, hashes: [], checkpoint: note, extra: entry).text.utf8)
}
