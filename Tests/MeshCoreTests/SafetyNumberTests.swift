import Testing

@testable import MeshCore

@Suite struct SafetyNumberTests {
    private static func key(_ seed: UInt8) -> PublicKey {
        (SigningKey(seed: [UInt8](repeating: seed, count: 32)) ?? SigningKey()).publicKey
    }

    @Test(arguments: Array(1...40) as [UInt8])
    func itIsTheSameForBothAndAnotherForEveryOtherPair(_ seed: UInt8) {
        let (one, two, three) = (Self.key(seed), Self.key(seed + 1), Self.key(seed + 2))
        let number = SafetyNumber(one, two)
        #expect(number == SafetyNumber(two, one))
        #expect(number != SafetyNumber(one, three))
        #expect(number != SafetyNumber(three, two))
        #expect(number.groups.count == 12)
        #expect(number.groups.allSatisfy { $0.count == 5 && $0.allSatisfy(\.isNumber) })
        #expect(number.matches(number.description))
        #expect(number.matches(number.groups.joined(separator: "-")))
        #expect(!number.matches(SafetyNumber(one, three).description))
        #expect(!number.matches(""))
    }

    /// Computed apart from this code, with Python's hashlib.
    @Test func aKnownPairHasAKnownNumber() {
        let low = PublicKey(bytes: [UInt8](repeating: 0x11, count: 32)) ?? .zero
        let high = PublicKey(bytes: [UInt8](repeating: 0x22, count: 32)) ?? .zero
        #expect(
            SafetyNumber(high, low).description
                == "41300 49445 22568 85427 05139 16552 53255 57580 86212 14990 90767 23716")
    }
}
