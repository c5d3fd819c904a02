import Testing

@testable import MeshCore

/// Long answers are written without a tree, to the same bytes.
@Suite struct LongReplyTests {
    private static func agrees(_ reply: some Reply) throws {
        for requestID in [nil, "r\"1"] {
            let general = try WireFrame.bytes(type: type(of: reply).type, body: reply, requestID: requestID)
            let frame = try (reply as any Reply).frame(requestID: requestID)
            #expect(String(decoding: frame, as: UTF8.self) == String(decoding: general, as: UTF8.self))
        }
    }

    private static let key = SigningKey(seed: [UInt8](repeating: 4, count: 32)) ?? SigningKey()

    @Test func groups() throws {
        try Self.agrees(GroupList(groups: []))
        try Self.agrees(
            GroupList(groups: [
                .init(name: "empty", members: []),
                .init(
                    name: "te\"am",
                    members: [
                        .init(name: "ada", label: nil, pubkey: "00", role: nil),
                        .init(name: "b\\b", label: "l\n", pubkey: "01", role: "\u{1F600}"),
                    ]),
            ]))
    }

    @Test func recipients() throws {
        try Self.agrees(Resolved(kind: "all", sealed: false, recipients: []))
        let key = Self.key.publicKey
        var whole = Resolved(
            kind: "mixed", sealed: true,
            recipients: [
                .init(session: key, member: key, name: "ada", label: "x", binding: Self.key.sign([1, 2])),
                .init(session: nil, member: key, name: "bob", label: nil, binding: nil),
            ])
        whole.recipients[1].bodyVersions = [1, 2]
        try Self.agrees(whole)
        whole.recipientCount = 5
        try Self.agrees(whole)
    }

    @Test(arguments: DeliveryState.allCases) func receipts(_ state: DeliveryState) throws {
        let key = Self.key.publicKey
        var status = MessageStatus(
            messageId: "m", targetSpec: "*", status: "accepted", delivered: false, deliveredAt: nil, acceptedAt: 1,
            expiresAt: 9_000_000_000_000, recipients: [])
        try Self.agrees(status)
        status.deliveredAt = "2026-01-01T00:00:00.000Z"
        status.recipients = [
            .init(
                name: "ada", pubkey: key, label: nil, status: "held", state: state, reason: nil, attempts: 0,
                updatedAt: 0),
            .init(
                name: "bob", pubkey: key, label: "l", status: "delivered", state: state, reason: "ttl", attempts: 3,
                updatedAt: 5),
        ]
        status.recipientCount = 3
        try Self.agrees(status)
    }
}
