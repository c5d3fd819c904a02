import MeshCore
import MeshEngine
import Testing

@testable import MeshBroker

/// Who is there: every way in which a hello can be wrong is named, and a right one is taken once.
@Suite struct AuthenticatorTests {
    private static let now: Int64 = 1_700_000_000_000
    private let node = SigningKey()
    private let member = SigningKey()
    private let session = SigningKey()
    private let authenticator: Authenticator
    private static let connection = ConnectionID(rawValue: 7)

    init() {
        authenticator = Authenticator(
            audience: node.publicKey, replays: ReplayCache(),
            limits: .init(frameBytes: 1, bodyBytes: 2, window: 3))
    }

    // MARK: Making hellos

    /// What is signed, before it is.
    private struct Draft {
        var mesh = "m1"
        var timestamp = now
        var nonce = Hex.encode([UInt8](repeating: 9, count: 16))
        var signer: SigningKey?
        var binder: SigningKey?
        var audience: PublicKey?
    }

    private func hello(_ change: (inout Draft) -> Void = { _ in }) -> SessionHello {
        var draft = Draft()
        change(&draft)
        let audience = draft.audience ?? node.publicKey
        let word = SignedText.sessionBinding(
            meshID: draft.mesh, member: member.publicKey, session: session.publicKey)
        let text = SignedText.meshSessionHello(
            meshID: draft.mesh, member: member.publicKey, session: session.publicKey, audience: audience.hex,
            timestamp: draft.timestamp, nonce: draft.nonce)
        return SessionHello(
            meshId: draft.mesh, member: member.publicKey, session: session.publicKey, audience: audience.hex,
            nonce: draft.nonce, timestamp: draft.timestamp, signature: (draft.signer ?? session).sign(text),
            binding: (draft.binder ?? member).sign(word))
    }

    private func claudemeshHello(
        expires: Int64 = now + 3_600_000, attestor: SigningKey? = nil, signer: SigningKey? = nil
    ) throws -> SessionHello {
        let claim = SignedText.attestation(
            parent: member.publicKey, session: session.publicKey, expiresAt: expires)
        let text = SignedText.sessionHello(
            meshID: "m1", parent: member.publicKey, session: session.publicKey, timestamp: Self.now)
        let json: JSON = [
            "meshId": "m1", "parentMemberPubkey": .string(member.publicKey.hex),
            "sessionPubkey": .string(session.publicKey.hex), "timestamp": .integer(Self.now),
            "signature": .string((signer ?? session).sign(text).hex),
            "parentAttestation": [
                "sessionPubkey": .string(session.publicKey.hex), "parentMemberPubkey": .string(member.publicKey.hex),
                "expiresAt": .integer(expires), "signature": .string((attestor ?? member).sign(claim).hex),
            ],
        ]
        return try JSONCoder.decode(SessionHello.self, from: json)
    }

    private func memberHello(
        timestamp: JSON = .integer(now), signer: SigningKey? = nil, extra: JSONObject = JSONObject()
    ) throws -> Hello {
        let text = SignedText.hello(
            meshID: "m1", memberID: "x", pubkey: member.publicKey.hex, timestamp: timestamp.text)
        var json: JSONObject = [
            "meshId": "m1", "memberId": "x", "pubkey": .string(member.publicKey.hex), "timestamp": timestamp,
            "signature": .string((signer ?? member).sign(text).hex),
        ]
        for (key, value) in extra { json[key] = value }
        return try JSONCoder.decode(Hello.self, from: .object(json))
    }

    private func refusal(_ hello: SessionHello, at now: Int64 = now) -> ErrorCode? {
        do throws(MeshError) {
            let greeting = try authenticator.open(hello, now: now, connection: Self.connection)
            try authenticator.replays.reserve(greeting.token, at: now)
            authenticator.replays.confirm(greeting.token)
            return nil
        } catch { return error.code }
    }

    private func refusal(_ hello: Hello, at now: Int64 = now) -> ErrorCode? {
        do throws(MeshError) {
            let greeting = try authenticator.open(hello, now: now, connection: Self.connection)
            try authenticator.replays.reserve(greeting.token, at: now)
            authenticator.replays.confirm(greeting.token)
            return nil
        } catch { return error.code }
    }

    // MARK: Version 2

    @Test func aRightHelloOpensItsSession() throws {
        let open = try authenticator.open(hello(), now: Self.now, connection: Self.connection).open
        #expect(open.member == member.publicKey)
        #expect(open.session == session.publicKey)
        #expect(open.isProven)
        #expect(!open.isForeign)
        #expect(open.acknowledges)
        #expect(!open.replaces)
        #expect(open.connection == Self.connection.rawValue)
    }

    @Test(
        arguments: [(60_000, nil), (-60_000, nil), (60_001, .timestampSkew), (-60_001, .timestampSkew)]
            as [(Int64, ErrorCode?)])
    func aClockMayBeAMinuteOff(_ off: Int64, _ code: ErrorCode?) {
        #expect(refusal(hello { $0.timestamp += off }) == code)
    }

    @Test(arguments: [Int64.min, .max, 0])
    func aTimeThatIsFarOffIsASkewToo(_ timestamp: Int64) {
        #expect(refusal(hello { $0.timestamp = timestamp }) == .timestampSkew)
    }

    @Test func theServerTellsItsTimeToAClientThatIsOff() throws {
        let error = #expect(throws: MeshError.self) {
            try authenticator.open(hello { $0.timestamp += 90_000 }, now: Self.now, connection: Self.connection)
        }
        #expect(error?.details["serverTime"] == .integer(Self.now))
    }

    @Test func aHelloIsUsedOnce() {
        let hello = hello()
        #expect(refusal(hello) == nil)
        #expect(refusal(hello) == .replayed)
        #expect(refusal(hello, at: Self.now + 60_000) == .replayed)
        #expect(refusal(self.hello { $0.nonce = Hex.encode([UInt8](repeating: 8, count: 16)) }) == nil)
    }

    @Test func aHelloIsForOneNode() {
        #expect(refusal(hello { $0.audience = SigningKey().publicKey }) == .wrongAudience)
        var renamed = hello { $0.audience = SigningKey().publicKey }
        renamed.audience = node.publicKey.hex
        #expect(refusal(renamed) == .badSignature, "the audience is under the signature")
        var missing = hello()
        missing.audience = nil
        #expect(refusal(missing) == .wrongAudience)
    }

    @Test func eachKeyIsProvedByItsOwnSignature() {
        let stranger = SigningKey()
        #expect(refusal(hello { $0.signer = stranger }) == .badSignature)
        #expect(refusal(hello { $0.signer = member }) == .badSignature, "the member cannot speak for the session")
        #expect(refusal(hello { $0.binder = stranger }) == .badSignature)
        #expect(refusal(hello { $0.binder = session }) == .badSignature, "nor the session for its member")
    }

    @Test func whatIsSignedCannotBeAltered() {
        var mesh = hello()
        mesh.meshId = "m2"
        var time = hello()
        time.timestamp += 1
        var nonce = hello()
        nonce.nonce = Hex.encode([UInt8](repeating: 7, count: 16))
        var member = hello()
        member.parentMemberPubkey = SigningKey().publicKey.hex
        var session = hello()
        session.sessionPubkey = SigningKey().publicKey.hex
        for altered in [mesh, time, nonce, member, session] { #expect(refusal(altered) == .badSignature) }
        #expect(refusal(hello()) == nil, "a refused hello uses nothing up")
    }

    @Test func oneBitOfASignatureIsEnough() {
        var altered = hello()
        let last = altered.signature.last == "0" ? "1" : "0"
        altered.signature = altered.signature.dropLast() + last
        #expect(refusal(altered) == .badSignature)
    }

    @Test(arguments: [nil, "", "00", String(repeating: "0", count: 30), String(repeating: "0", count: 66), "zz"])
    func aNonceHas16To32Bytes(_ nonce: String?) {
        var hello = hello()
        hello.nonce = nonce
        #expect(refusal(hello) == .malformed)
    }

    @Test func keysAndSignaturesAreReadStrictly() {
        var hello = hello()
        hello.sessionPubkey = hello.sessionPubkey.uppercased()
        #expect(refusal(hello) == .badSessionKey)
        hello = self.hello()
        hello.parentMemberPubkey = "pending"
        #expect(refusal(hello) == .badParentKey)
        hello = self.hello()
        hello.signature = ""
        #expect(refusal(hello) == .malformed)
        hello = self.hello()
        hello.binding = "00"
        #expect(refusal(hello) == .malformed)
    }

    @Test func withoutABindingAVersion2HelloNeedsAnAttestation() {
        var hello = hello()
        hello.binding = nil
        #expect(refusal(hello) == .attestationMismatch)
    }

    // MARK: Claudemesh

    @Test func anAttestationIsFreshAndShort() throws {
        #expect(refusal(try claudemeshHello(expires: Self.now)) == .attestationExpired)
        #expect(refusal(try claudemeshHello(expires: Self.now + 86_400_001)) == .attestationTooLong)
        #expect(refusal(try claudemeshHello(expires: Self.now + 86_400_000)) == nil)
    }

    @Test func anAttestationIsTheMembersAndNamesBothKeys() throws {
        #expect(refusal(try claudemeshHello(attestor: session)) == .badSignature)
        #expect(refusal(try claudemeshHello(signer: member)) == .badSignature)
        var other = try claudemeshHello()
        other.parentAttestation?.sessionPubkey = SigningKey().publicKey.hex
        #expect(refusal(other) == .attestationMismatch)
    }

    @Test func aMemberHelloIsSignedTimedAndUsedOnce() throws {
        #expect(refusal(try memberHello(signer: session)) == .badSignature)
        #expect(refusal(try memberHello(timestamp: .integer(Self.now - 60_001))) == .timestampSkew)
        #expect(refusal(try memberHello(timestamp: "soon")) == .timestampSkew)
        let hello = try memberHello()
        #expect(refusal(hello) == nil)
        #expect(refusal(hello) == .replayed)
    }

    @Test func aSessionKeyThatIsOnlyNamedIsNotProved() throws {
        let hello = try memberHello(extra: ["sessionPubkey": .string(session.publicKey.hex)])
        let open = try authenticator.open(hello, now: Self.now, connection: Self.connection).open
        #expect(open.session == session.publicKey)
        #expect(!open.isProven)
        #expect(refusal(try memberHello(extra: ["sessionPubkey": "pending"])) == .badSessionKey)
    }

    // MARK: One signature for several sessions

    private func start(_ session: SigningKey) throws -> Hello {
        try memberHello(extra: ["sessionPubkey": .string(session.publicKey.hex)])
    }

    @Test func twoHellosOfOneMemberInTheSameMillisecondAreNoReplay() throws {
        let (first, second, third) = (try start(session), try start(SigningKey()), try start(SigningKey()))
        #expect(first.signature == second.signature, "claudemesh signs no session key")
        #expect(refusal(first) == nil)
        #expect(refusal(second, at: Self.now + ReplayCache.simultaneousMillis) == nil)
        #expect(refusal(first) == .replayed)
        #expect(refusal(second) == .replayed)
        #expect(refusal(third, at: Self.now + ReplayCache.simultaneousMillis + 1) == .replayed, "that is none of them")
    }

    @Test func withoutASessionKeyTheSessionIDTellsHellosApart() throws {
        let (first, second) = (try memberHello(extra: ["sessionId": "a"]), try memberHello(extra: ["sessionId": "b"]))
        #expect(refusal(first) == nil)
        #expect(refusal(second) == nil)
        #expect(refusal(first) == .replayed)
        #expect(refusal(second) == .replayed)
    }

    @Test func aMembersOwnKeyAsASessionKeyIsProvedByTheHello() throws {
        let hello = try memberHello(extra: ["sessionPubkey": .string(member.publicKey.hex)])
        #expect(try authenticator.open(hello, now: Self.now, connection: Self.connection).open.isProven)
    }
}
