import Testing

@testable import MeshCore

@Suite struct MerkleTests {
    /// The usual inputs of Certificate Transparency's own tests.
    private static let leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    ].map { MerkleTree.leafHash(Hex.decode($0) ?? []) }

    private static func root(_ leaves: ArraySlice<Digest>) -> Digest {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf: leaf) }
        return tree.root
    }

    private static func manyLeaves(_ count: Int) -> [Digest] {
        (0..<count).map { MerkleTree.leafHash([UInt8($0 & 255), UInt8($0 >> 8)]) }
    }

    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ])
    func `the roots are those of RFC 6962`(size: Int, hex: String) {
        #expect(Self.root(Self.leaves[..<size]).hex == hex)
    }

    @Test func `the proofs are the published ones`() throws {
        let hash: MerkleTiles.Provider = { _, index in Self.leaves[Int(index)] }
        let inclusion = try MerkleTiles.inclusionProof(index: 5, size: 7, hash: hash)
        #expect(
            inclusion.map { String($0.hex.prefix(16)) } == ["bc1a0643b12e4d2d", "b08693ec2e721597", "d37ee418976dd957"])
        let consistency = try MerkleTiles.consistencyProof(old: 3, new: 7, hash: hash)
        #expect(
            consistency.map { String($0.hex.prefix(16)) } == [
                "0298d122906dcfc1", "07506a85fd9dd2f1", "fac54203e7cc696c", "837dbb152e9b0790",
            ])
    }

    @Test(arguments: Array(1...40) + [255, 256, 257, 600])
    func `every proof holds, and no altered one`(size: Int) throws {
        let leaves = Self.manyLeaves(size)
        let root = Self.root(leaves[...])
        let hash: MerkleTiles.Provider = { level, index in
            level == 0 ? leaves[Int(index)] : Self.root(leaves[Int(index) * 256..<Int(index + 1) * 256])
        }
        for index in size > 40 ? [0, 1, 254, 255, size - 1].filter({ $0 < size }) : Array(0..<size) {
            let proof = try MerkleTiles.inclusionProof(index: Int64(index), size: Int64(size), hash: hash)
            func holds(_ proof: [Digest], _ index: Int, _ size: Int) -> Bool {
                MerkleProof.verifyInclusion(
                    leaf: leaves[min(index, leaves.count - 1)], index: Int64(index), size: Int64(size), proof: proof,
                    root: root)
            }
            #expect(holds(proof, index, size))
            #expect(!holds(proof + [.zero], index, size))
            if !proof.isEmpty {
                #expect(!holds(Array(proof.dropLast()), index, size))
                #expect(!holds([.zero] + proof.dropFirst(), index, size))
            }
            if size > 1 { #expect(!holds(proof, (index + 1) % size, size)) }
            #expect(!holds(proof, size, size))
        }
        for old in size > 40 ? [1, 255, size - 1].filter({ $0 < size }) : Array(1..<max(size, 1)) {
            let proof = try MerkleTiles.consistencyProof(old: Int64(old), new: Int64(size), hash: hash)
            func holds(_ proof: [Digest], _ oldRoot: Digest) -> Bool {
                MerkleProof.verifyConsistency(
                    oldSize: Int64(old), oldRoot: oldRoot, newSize: Int64(size), newRoot: root, proof: proof)
            }
            let oldRoot = Self.root(leaves[..<old])
            #expect(holds(proof, oldRoot))
            #expect(!holds(proof, .zero))
            #expect(!holds(proof + [.zero], oldRoot))
            #expect(!holds(Array(proof.dropLast()), oldRoot))
        }
    }

    /// The worked example of the published checkpoint: seed 00..1f, the tree of eight leaves.
    private static let note = """
        mesh.example/broker-1/audit
        8
        XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

        — mesh.example/broker-1/audit AOP8pn31wQ3O14/6UlcPzffaTC2QhmMr73sOXSyjWM1ZMg2ZnaQInz+5oMpcAowkOHzDGq6B1UYh9GjjmhP4ewhY6wU=
        — witness.example/w1 Ro2ZuwAAAABpLNqA+XxOKN5VLg06Kabq9E4pRK5e+VZCCa0fUNUqqnNiCwmR5XJwMEIQeDTrJvPUdJVmjpTDBPGr8t2+hZSmPN5yAg==

        """
    private static let vkey = "mesh.example/broker-1/audit+00e3fca6+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

    @Test func `the published checkpoint verifies, and an unknown witness is passed over`() throws {
        let key = try #require(NoteKey(text: Self.vkey))
        #expect(key == NoteKey(name: "mesh.example/broker-1/audit", key: Keys.a.publicKey))
        #expect(key.text == Self.vkey)
        let checkpoint = try Checkpoint.verify(note: Self.note, keys: [key])
        #expect(checkpoint.size == 8)
        #expect(checkpoint.root == Self.root(Self.leaves[...]))
        let own = checkpoint.sign(with: Keys.a, name: key.name)
        #expect(try Checkpoint.verify(note: own, keys: [key]) == checkpoint)
    }

    @Test func `no altered checkpoint verifies`() throws {
        let key = try #require(NoteKey(text: Self.vkey))
        let lines = Self.note.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let altered = [
            Self.note.replacing("\n8\n", with: "\n7\n"), Self.note.replacing("\n8\n", with: "\n08\n"),
            Self.note.replacing("XcnaeacG", with: "XcnaeacH"), Self.note.replacing("\n", with: "\r\n"),
            Self.note.replacing("/audit\n", with: "/other\n"), Self.note.replacing("AOP8pn31", with: "AOP8pn32"),
            lines.filter { !$0.contains("AOP8") }.joined(separator: "\n"), String(Self.note.dropLast()),
            lines.dropFirst().joined(separator: "\n"), "",
        ]
        for note in altered {
            #expect(throws: LedgerFault.self, "\(note)") { try Checkpoint.verify(note: note, keys: [key]) }
        }
        let other = NoteKey(name: key.name, key: Keys.b.publicKey)
        #expect(throws: LedgerFault.self) { try Checkpoint.verify(note: Self.note, keys: [other]) }
    }
}

@Suite struct LedgerVerifierTests {
    private static let origin = "mesh/" + String(repeating: "ab", count: 16)

    /// A ledger of `count` entries and the signed checkpoint over all of them.
    private static func export(_ count: Int, owner: SigningKey = Keys.owner) -> [String] {
        let claim = owner.sign(
            SignedText.meshCreation(
                meshID: String(origin.dropFirst(5)), slug: "lab", owner: owner.publicKey, node: Keys.b.publicKey,
                timestamp: 1_000))
        var head = Digest.zero
        var tree = MerkleTree()
        var lines: [String] = []
        for seq in 0..<count {
            let facts: JSONObject =
                seq == 0
                ? [
                    "owner": .string(owner.publicKey.hex), "node": .string(Keys.b.publicKey.hex), "slug": "lab",
                    "created": 1_000, "claim": .string(claim.hex),
                ] : ["n": .integer(Int64(seq)), "ß€𝄞\n": "\u{1}\"\\"]
            let entry = LedgerEntry(
                origin: origin, seq: Int64(seq), timestamp: 1_000 + Int64(seq), previous: head, actor: "node",
                kind: seq == 0 ? "mesh.created" : "state.set", object: seq % 2 == 0 ? nil : "k:\(seq)",
                publicAttributes: facts, commitments: seq % 3 == 1 ? ["value": String(repeating: "0", count: 64)] : [:])
            var bytes: [UInt8] = []
            entry.encode(into: &bytes)
            head = MerkleTree.leafHash(bytes)
            tree.append(leaf: head)
            lines.append(String(decoding: bytes, as: UTF8.self))
        }
        let note = Checkpoint(origin: origin, size: Int64(count), root: tree.root).sign(with: Keys.b, name: origin)
        lines.append(JSON.object(["checkpoint": .string(note)]).text)
        return lines
    }

    private static func verify(_ lines: [String]) throws(LedgerFault) -> LedgerVerifier.Report {
        try LedgerVerifier.verify(
            export: Array((lines.joined(separator: "\n") + "\n").utf8), owner: Keys.owner.publicKey)
    }

    @Test func `an untouched ledger verifies`() throws {
        let report = try Self.verify(Self.export(20))
        #expect(report.entries == 20)
        #expect(report.checkpoints == 1)
        #expect(report.owner == Keys.owner.publicKey)
        #expect(report.level == "chain, root and signature")
    }

    /// The entry that an alteration of entry 7 is found in: its own, or the place where it stood.
    @Test(arguments: [
        ("deletion", 7), ("truncation", 19), ("reordering", 7), ("rewriting", 7), ("a space", 7), ("a line ending", 7),
        ("duplication", 8), ("another value", 7),
    ])
    func `an altered ledger is named with its entry`(alteration: String, seq: Int64) throws {
        var lines = Self.export(20)
        switch alteration {
        case "deletion": lines.remove(at: 7)
        case "truncation": lines.remove(at: 19)
        case "reordering": lines.swapAt(7, 8)
        case "rewriting": lines[7] = lines[7].replacing("state.set", with: "state.get")
        case "a space": lines[7] = lines[7].replacing(",", with: ", ", maxReplacements: 1)
        case "a line ending": lines[7] += "\r"
        case "duplication": lines.insert(lines[7], at: 8)
        default: lines[7] = lines[7].replacing(#""n":7"#, with: #""n":8"#)
        }
        let fault = #expect(throws: LedgerFault.self) { try Self.verify(lines) }
        #expect(fault?.seq == seq, "\(fault?.description ?? "")")
    }

    @Test func `no flipped bit passes`() throws {
        let whole = Array((Self.export(6).joined(separator: "\n") + "\n").utf8)
        var generator = SeededGenerator(6)
        for _ in 0..<300 {
            var bytes = whole
            let place = Int.random(in: 0..<bytes.count - 1, using: &generator)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(throws: LedgerFault.self, "byte \(place)") {
                try LedgerVerifier.verify(export: bytes, owner: Keys.owner.publicKey)
            }
        }
    }

    @Test func `another owner's ledger is refused when the owner is pinned`() throws {
        let foreign = Self.export(5, owner: Keys.a)
        let fault = #expect(throws: LedgerFault.self) { try Self.verify(foreign) }
        #expect(fault?.seq == 0)
    }

    @Test func `a checkpoint of a foreign key is refused`() throws {
        var lines = Self.export(5)
        let note = Checkpoint(origin: Self.origin, size: 5, root: .zero).sign(with: Keys.a, name: Self.origin)
        lines[5] = JSON.object(["checkpoint": .string(note)]).text
        #expect(throws: LedgerFault.self) { try Self.verify(lines) }
    }

    @Test func `a canonical object is what the general form writes`() throws {
        var flat = CanonicalObject()
        flat.add("encrypted", true)
        flat.add("kind", "dir\"ect")
        flat.add("recipients", -3)
        var hashes = CanonicalObject()
        hashes.add("content", "00")
        var bytes: [UInt8] = []
        LedgerEntry.write(
            to: &bytes, origin: Self.origin, seq: 3, timestamp: 9, previous: .zero, actor: "node", kind: "k",
            object: "o", publicAttributes: flat, commitments: hashes)
        let entry = try LedgerEntry.parse(bytes)
        #expect(entry.publicAttributes == ["encrypted": true, "kind": "dir\"ect", "recipients": -3])
        #expect(entry.commitments == ["content": "00"])
        bytes = []
        LedgerEntry.write(
            to: &bytes, origin: Self.origin, seq: 3, timestamp: 9, previous: .zero, actor: "node", kind: "k",
            object: nil, publicAttributes: CanonicalObject(), commitments: CanonicalObject())
        #expect(try LedgerEntry.parse(bytes).publicAttributes == [:])
    }
}
