import Testing

@testable import MeshCore

/// The vectors that the claudemesh wire publishes: seeds 00..1f, 20..3f, 40..5f, made with PyNaCl.
@Suite struct IdentityTests {
    private static let text = Array("hola, mesh ✓".utf8)
    private static let nonce = Array(UInt8(0x64)...0x7B)

    @Test(arguments: [
        (Keys.a, "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"),
        (Keys.b, "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7"),
        (Keys.owner, "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d"),
    ])
    func `a public key follows from its seed`(key: SigningKey, hex: String) {
        #expect(key.publicKey.hex == hex)
        #expect(PublicKey(hex: hex) == key.publicKey)
        #expect(PublicKey(hex: hex.uppercased()) == nil)
        #expect(PublicKey(anyCaseHex: hex.uppercased()) == key.publicKey)
    }

    @Test(arguments: [
        (
            Keys.a, "4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01",
            "3894eea49c580aef816935762be049559d6d1440dede12e6a125f1841fff8e6f"
        ),
        (
            Keys.b, "5730800ab340fcb18ce5111eda9d705f91388b41e4544cbd103ba5942db2233e",
            "887af58a36202e05c4c1cfec5bf6c61fad66bca851536004074b31f1b56e4a49"
        ),
    ])
    func `a signing key converts to an agreement key`(key: SigningKey, publicHex: String, secretHex: String) throws {
        #expect(Hex.encode(try KeyConversion.x25519(key.publicKey)) == publicHex)
        #expect(Hex.encode(KeyConversion.x25519(key)) == secretHex)
    }

    @Test(arguments: [
        (
            Keys.a,
            SignedText.hello(
                meshID: "mesh_test", memberID: "member_a", pubkey: Keys.a.publicKey.hex, timestamp: "1700000000000"),
            "bc3a75d28ac55ecb9ee5ef3abd546564075447457873f7c29eef061a58c3cc47"
                + "fd6f74f8afc6fb04db5c456342c72bb893124a582f8fe814604eda2fe8246505"
        ),
        (
            Keys.a,
            SignedText.attestation(parent: Keys.a.publicKey, session: Keys.b.publicKey, expiresAt: 1_700_043_200_000),
            "c7a2c262ef1818919388a71a3d988a74b73bb3c4bcebbb89a3066bc24fcbdc63"
                + "aba61707e1d0f2bd3055aa4a1bcfd848fed6a1d78fc3891e1298ef92d21b1b02"
        ),
        (
            Keys.b,
            SignedText.sessionHello(
                meshID: "mesh_test", parent: Keys.a.publicKey, session: Keys.b.publicKey,
                timestamp: 1_700_000_000_000),
            "24f5c8a3ed0ac73945c3bc3970ac53153df620902e0566bc00cb3287223b60c6"
                + "586ac599abacd55a2c0d48c31212ff15c6c8ac70c7cdfcc462ea3f318c1f850e"
        ),
    ])
    func `a handshake's signature is the published one`(key: SigningKey, text: [UInt8], hex: String) throws {
        let signature = try #require(Signature(hex: hex))
        #expect(key.publicKey.verifies(signature, of: text))
        #expect(key.publicKey.verifies(key.sign(text), of: text))
        #expect(!key.publicKey.verifies(signature, of: text + [0]))
        #expect(!Keys.owner.publicKey.verifies(signature, of: text))
    }

    /// RFC 8032, 7.1, tests 1 to 3.
    @Test(arguments: [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ])
    func `signatures are those of RFC 8032`(seed: String, publicHex: String, message: String, hex: String) throws {
        let seedBytes = try #require(Hex.decode(seed))
        let key = try #require(SigningKey(seed: seedBytes))
        let bytes = try #require(Hex.decode(message))
        #expect(key.publicKey.hex == publicHex)
        let signature = try #require(Signature(hex: hex))
        #expect(key.publicKey.verifies(signature, of: bytes))
        #expect(key.publicKey.verifies(key.sign(bytes), of: bytes))
    }

    @Test func `a direct message seals to the published box`() throws {
        let key = try BoxKey(mine: Keys.a, theirs: Keys.b.publicKey)
        let box = try key.seal(Self.text, nonce: Self.nonce)
        #expect(Base64.encode(box) == "6T1YXhcUVAe/jOM7dzCugjH2M8IapMqcZPJgEDHs")
        let theirs = try BoxKey(mine: Keys.b, theirs: Keys.a.publicKey)
        #expect(theirs.open(box, nonce: Self.nonce) == Self.text)
        for place in box.indices {
            var altered = box
            altered[place] ^= 1
            #expect(theirs.open(altered, nonce: Self.nonce) == nil, "byte \(place)")
        }
        #expect(try BoxKey(mine: Keys.owner, theirs: Keys.a.publicKey).open(box, nonce: Self.nonce) == nil)
        #expect(theirs.open(Array(box.prefix(15)), nonce: Self.nonce) == nil)
        #expect(throws: IdentityError.self) { try key.seal(Self.text, nonce: Array(Self.nonce.dropLast())) }
    }

    @Test func `the published sealed box opens with the recipient's key alone`() throws {
        let box = try #require(
            Base64.decodeURL(
                "8VZhGrSDewsKI3TgqECmDv6HAA8CEuS5ReBRcNK3dEQvRr6AJuo-R7V-LswiqtFSBR7EizKxcv15rOR74wDsGnEc_WKJiorm78eFeTlfWU0"
            ))
        #expect(SealedBox.open(box, with: Keys.b) == Array(UInt8(0)...0x1F))
        #expect(SealedBox.open(box, with: Keys.a) == nil)
        let own = try SealedBox.seal(Self.text, to: Keys.a.publicKey)
        #expect(SealedBox.open(own, with: Keys.a) == Self.text)
        for place in own.indices {
            var altered = own
            altered[place] ^= 0x80
            #expect(SealedBox.open(altered, with: Keys.a) == nil, "byte \(place)")
        }
    }

    /// The points of small order, and encodings off the curve: no secret can be shared with them (libsodium's list).
    @Test(arguments: [
        String(repeating: "0", count: 64), "01" + String(repeating: "0", count: 62),
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "02" + String(repeating: "0", count: 62),
    ])
    func `a weak key is refused`(hex: String) throws {
        let key = try #require(PublicKey(hex: hex))
        #expect(throws: IdentityError.self) { try BoxKey(mine: Keys.a, theirs: key) }
        #expect(!key.verifies(Keys.a.sign([1]), of: [1]))
    }

    @Test(arguments: ["", "03", "zz" + String(repeating: "0", count: 62), String(repeating: "0", count: 65)])
    func `what is no key is not read as one`(hex: String) {
        #expect(PublicKey(hex: hex) == nil)
        #expect(PublicKey(anyCaseHex: hex) == nil)
        #expect(SigningKey(secretHex: hex) == nil)
    }

    @Test func `an invite link comes back as it was, and broken ones say what is wrong`() throws {
        let link = InviteLink(
            broker: "http://127.0.0.1:7900", meshID: String(repeating: "ab", count: 16), code: InviteCode(),
            owner: Keys.owner.publicKey)
        let again = try InviteLink(parsing: link.text)
        #expect(again == link)
        #expect(again.matches(owner: Keys.owner.publicKey))
        #expect(!again.matches(owner: Keys.a.publicKey))
        for broken in [
            "", "http://127.0.0.1:7900/join/x", "ftp" + link.text.dropFirst(4), String(link.text.dropLast()),
            link.text.replacing("join", with: "jump"), link.text.replacing("#", with: "?"),
        ] {
            #expect(throws: IdentityError.self, "\(broken)") { try InviteLink(parsing: broken) }
        }
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 is that of RFC 4648`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
        #expect(Base64.decodedCount(text) == plain.utf8.count)
        #expect(Base64.decodeURL(Base64.encodeURL(Array(plain.utf8))) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n", "Zm-v", "Zm9v=Zm9"])
    func `what is no base64 is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
        #expect(Base64.decodedCount(text) == nil)
    }
}
