import MeshCore
import Testing

/// The keys of the published vectors: seeds 00..1f, 20..3f and 40..5f.
enum Keys {
    /// Member A.
    static let a = seeded(0x00)
    /// Session B.
    static let b = seeded(0x20)
    /// The owner.
    static let owner = seeded(0x40)

    /// A key whose seed counts up from a byte.
    static func seeded(_ first: UInt8) -> SigningKey {
        SigningKey(seed: (0..<32).map { first &+ $0 }) ?? SigningKey()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Reads a text as JSON.
func json(_ text: String) throws(JSONError) -> JSON { try JSON.parse(Array(text.utf8)) }

/// The kind of fault that reading bytes ends with; nil when they can be read.
func fault(_ bytes: [UInt8], limits: JSONLimits = .frame) -> JSONError.Kind? {
    do throws(JSONError) { _ = try JSON.parse(bytes, limits: limits) } catch { return error.kind }
    return nil
}

/// The kind of fault that reading a text ends with; nil when it can be read.
func fault(_ text: String) -> JSONError.Kind? { fault(Array(text.utf8)) }

/// The wire error that a body fails with; nil when it does not.
func meshError(_ body: () throws -> Void) -> MeshError? {
    do { try body() } catch { return error as? MeshError }
    return nil
}
