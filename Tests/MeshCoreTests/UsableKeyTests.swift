import MeshCore
import Testing

/// Points of order 1, 2, 4 and 8 and encodings that are not the canonical ones; made by another implementation of the curve
/// (`Tests/Interop/weak_keys.py` has the same).
@Suite struct UsableKeyTests {
    private static let zeros = String(repeating: "0", count: 60)
    private static let effs = String(repeating: "f", count: 60)

    static let smallOrder = [
        // Order 1: the neutral element; with a sign, which x = 0 does not have; with a y that is not below the prime.
        "01\(zeros)00", "01\(zeros)80", "ee\(effs)7f", "ee\(effs)ff",
        // Order 2.
        "ec\(effs)7f", "ec\(effs)ff",
        // Order 4.
        "00\(zeros)00", "00\(zeros)80", "ed\(effs)7f", "ed\(effs)ff",
        // Order 8.
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ]

    /// The prime plus 3 to 18, where there is such a point, of both signs.
    static let notCanonical = ["f0", "f1", "f2", "f3", "f6", "f7", "fb", "fc", "fd", "ff"].flatMap {
        ["\($0)\(effs)7f", "\($0)\(effs)ff"]
    }

    static let noPoints = ["02", "07", "08", "0b", "0c", "0d", "11", "14", "16"].flatMap {
        ["\($0)\(zeros)00", "\($0)\(zeros)80"]
    }

    @Test(arguments: smallOrder + notCanonical + noPoints)
    func `what is no usable key may not enter`(hex: String) throws {
        let key = try #require(PublicKey(hex: hex))
        #expect(!key.isUsable)
        #expect(throws: IdentityError.self) { try key.requireUsable("the key") }
        let error = #expect(throws: MeshError.self) { try key.requireUsable(field: "pubkey", .badSessionKey) }
        #expect(error?.code == .badSessionKey)
    }

    /// Under the neutral element this signs everything: R is the key, and S is 0.
    @Test func `a signature under a point of small order proves nothing`() throws {
        let key = try #require(PublicKey(hex: Self.smallOrder[0]))
        let forged = try #require(Signature(bytes: key.bytes + [UInt8](repeating: 0, count: 32)))
        #expect(key.verifiesStored(forged, of: [1, 2, 3]), "the library does not look at the key")
        #expect(!key.verifies(forged, of: [1, 2, 3]))
    }

    @Test func `keys that were made are usable`() {
        for seed in UInt8(0)...63 {
            let key = SigningKey(seed: [UInt8](repeating: seed, count: 32))
            #expect(key?.publicKey.isUsable == true)
        }
        for _ in 0..<64 { #expect(SigningKey().publicKey.isUsable) }
    }

    /// RFC 8032, 7.1, and the base point.
    @Test(arguments: [
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "5866666666666666666666666666666666666666666666666666666666666666",
    ])
    func `published keys are usable`(hex: String) throws { #expect(try #require(PublicKey(hex: hex)).isUsable) }

    @Test func `half of all 32 bytes are a point`() {
        var generator = SeededGenerator(1)
        let usable = (0..<1_000).count { _ in
            PublicKey(bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })?.isUsable == true
        }
        #expect((400...600).contains(usable))
    }

    /// X25519: an ephemeral key of a sealed box in another encoding than its only one is refused.
    @Test func `an X25519 key has one encoding`() throws {
        let mine = SigningKey()
        let box = try SealedBox.seal([1], to: mine.publicKey)
        #expect(SealedBox.open(box, with: mine) == [1])
        var other = box
        other[31] |= 0x80
        #expect(SealedBox.open(other, with: mine) == nil)
        let secret = KeyConversion.x25519(mine)
        for place in UInt8(0xED)...0xFF {
            let prime = [place] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]
            #expect(throws: IdentityError.self) { try BoxKey(mineX25519: secret, theirsX25519: prime) }
        }
    }
}
