import Crypto

/// Why something about an identity cannot be used.
public struct IdentityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Code: String, Sendable, Hashable { case malformed, weakKey, badSignature, notAuthorized }
    /// The kind.
    public var code: Code
    /// What is wrong and what is valid.
    public var message: String
    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    /// The text in one line.
    public var description: String { message }
}

/// 32 bytes inline, without an allocation.
public struct Bytes32: Sendable, Hashable, Comparable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Zeros.
    public init() { words = (0, 0, 0, 0) }

    /// Takes 32 bytes; nil when there are more or fewer.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var iterator = bytes.makeIterator()
        func word() -> UInt64 {
            var word: UInt64 = 0
            for _ in 0..<8 { word = word << 8 | UInt64(iterator.next() ?? 0) }
            return word
        }
        words = (word(), word(), word(), word())
    }

    /// Reads 64 hex characters; nil when there is anything else.
    init?(hex: String, lowerCaseOnly: Bool) {
        guard hex.utf8.count == 64 else { return nil }
        var text = hex
        let words: (UInt64, UInt64, UInt64, UInt64)? = text.withUTF8 { characters in
            func word(_ start: Int) -> UInt64? {
                var word: UInt64 = 0
                for character in characters[start..<start + 16] {
                    let digit: UInt8
                    switch character {
                    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
                    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
                    case UInt8(ascii: "A")...UInt8(ascii: "F"):
                        if lowerCaseOnly { return nil }
                        digit = character - UInt8(ascii: "A") + 10
                    default: return nil
                    }
                    word = word << 4 | UInt64(digit)
                }
                return word
            }
            guard let first = word(0), let second = word(16), let third = word(32), let fourth = word(48) else {
                return nil
            }
            return (first, second, third, fourth)
        }
        guard let words else { return nil }
        self.words = words
    }

    /// Reads 64 lower-case hex characters of memory; nil when there is anything else.
    init?(hexIn memory: UnsafeRawBufferPointer) {
        guard memory.count == 64 else { return nil }
        var isHex = true
        func word(_ start: Int) -> UInt64 {
            var word: UInt64 = 0
            for place in start..<start + 16 {
                let character = memory[place]
                let digit = character &- UInt8(ascii: "0")
                let letter = character &- UInt8(ascii: "a")
                isHex = isHex && (digit < 10 || letter < 6)
                word = word << 4 | UInt64((digit < 10 ? digit : letter &+ 10) & 15)
            }
            return word
        }
        words = (word(0), word(16), word(32), word(48))
        guard isHex else { return nil }
    }

    /// Writes 64 lower-case hex characters to memory that has room for them.
    func writeHex(to memory: UnsafeMutableRawPointer) {
        func put(_ word: UInt64, _ start: Int) {
            // Eight bytes become sixteen characters: each half's nibbles are spread, one per byte, and converted to
            // digits at once.
            memory.storeBytes(of: Self.digits(UInt32(word >> 32)).bigEndian, toByteOffset: start, as: UInt64.self)
            memory.storeBytes(
                of: Self.digits(UInt32(truncatingIfNeeded: word)).bigEndian, toByteOffset: start + 8, as: UInt64.self)
        }
        put(words.0, 0)
        put(words.1, 16)
        put(words.2, 32)
        put(words.3, 48)
    }

    /// The eight hex digits of a number, the first in the highest byte.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte whose nibble is 10 or more: letters are 39 code points after the digits.
        let letters = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }

    /// Takes the first 32 bytes of memory that has at least as many.
    init(loading bytes: UnsafeRawBufferPointer) {
        func word(_ start: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self).bigEndian }
        words = (word(0), word(8), word(16), word(24))
    }

    /// Writes the 32 bytes to memory that has room for them.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
        bytes.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
    }

    /// The first 16 bytes as two big-endian numbers.
    var leadingWords: (UInt64, UInt64) { (words.0, words.1) }

    /// Appends 64 lower-case hex characters.
    func appendHex(to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
            if let start = buffer.baseAddress { writeHex(to: start) }
            text.append(contentsOf: UnsafeRawBufferPointer(buffer))
        }
    }

    /// 64 lower-case hex characters.
    var hex: String {
        String(unsafeUninitializedCapacity: 64) { text in
            guard let start = text.baseAddress else { return 0 }
            writeHex(to: start)
            return 64
        }
    }

    /// The bytes.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            func put(_ word: UInt64, _ start: Int) {
                for place in 0..<8 { buffer[start + place] = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * place)) }
            }
            put(words.0, 0)
            put(words.1, 8)
            put(words.2, 16)
            put(words.3, 24)
            count = 32
        }
    }

    public static func == (left: Bytes32, right: Bytes32) -> Bool { left.words == right.words }
    public static func < (left: Bytes32, right: Bytes32) -> Bool { left.words < right.words }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

/// An ed25519 public key.
public struct PublicKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let storage: Bytes32

    /// A key that nobody holds; used where none is known.
    public static let zero = PublicKey(storage: Bytes32())

    private init(storage: Bytes32) { self.storage = storage }

    /// Takes 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard let storage = Bytes32(bytes) else { return nil }
        self.storage = storage
    }

    /// Reads 64 lower-case hex characters.
    public init?(hex: String) {
        guard let storage = Bytes32(hex: hex, lowerCaseOnly: true) else { return nil }
        self.storage = storage
    }

    /// Reads 64 hex characters of either case.
    public init?(anyCaseHex hex: String) {
        guard let storage = Bytes32(hex: hex, lowerCaseOnly: false) else { return nil }
        self.storage = storage
    }

    /// Reads 64 lower-case hex characters of memory.
    package init?(hexIn memory: UnsafeRawBufferPointer) {
        guard let storage = Bytes32(hexIn: memory) else { return nil }
        self.storage = storage
    }

    /// 32 bytes.
    public var bytes: [UInt8] { storage.bytes }
    /// 64 lower-case hex characters.
    public var hex: String { storage.hex }
    /// Appends the 64 characters.
    package func appendHex(to text: inout [UInt8]) { storage.appendHex(to: &text) }
    /// The first 8 of them.
    public var shortHex: String { String(hex.prefix(8)) }
    /// The key in hex.
    public var description: String { hex }

    public static func < (left: PublicKey, right: PublicKey) -> Bool { left.storage < right.storage }

    /// Whether a signature over a message was made with this key's secret. An unusable key proves nothing: under
    /// a point of small order anybody can sign.
    public func verifies(_ signature: Signature, of message: [UInt8]) -> Bool {
        isUsable && verifiesStored(signature, of: message)
    }

    /// Does the same for data already in a ledger: it follows the rules of the time when it was accepted, so that a
    /// mesh can be opened whose keys were admitted before unusable ones were refused.
    package func verifiesStored(_ signature: Signature, of message: [UInt8]) -> Bool {
        // A key that is no point of the curve verifies nothing.
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
        return key.isValidSignature(signature.bytes, for: message)
    }
}

extension PublicKey: Codable {
    /// Reads a string of 64 lower-case hex characters.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let key = PublicKey(hex: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a key has 64 lower-case hex characters"))
        }
        self = key
    }

    /// Writes the key in hex.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// An ed25519 signature.
public struct Signature: Sendable, Hashable {
    /// 64 bytes.
    public let bytes: [UInt8]

    /// An empty signature.
    public static let zero = Signature(unchecked: [UInt8](repeating: 0, count: 64))

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Takes 64 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 64 else { return nil }
        self.bytes = bytes
    }

    /// Reads 128 hex characters of either case.
    public init?(hex: String) {
        guard hex.utf8.count == 128, let bytes = Hex.decode(hex) else { return nil }
        self.bytes = bytes
    }

    /// 128 lower-case hex characters.
    public var hex: String { Hex.encode(bytes) }
}

extension Signature: Codable {
    /// Reads a string of 128 hex characters.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let signature = Signature(hex: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a signature has 128 hex characters"))
        }
        self = signature
    }

    /// Writes the signature in hex.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// An ed25519 secret key (RFC 8032), from a seed of 32 bytes.
public struct SigningKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey
    /// The seed: its holder has the key.
    public let seed: [UInt8]
    /// The public half.
    public let publicKey: PublicKey

    /// Makes a new key from the system's random numbers.
    public init() { self.init(key: Curve25519.Signing.PrivateKey()) }

    private init(key: Curve25519.Signing.PrivateKey) {
        self.key = key
        seed = Array(key.rawRepresentation)
        publicKey = PublicKey(bytes: Array(key.publicKey.rawRepresentation)) ?? .zero
    }

    /// Takes a seed of 32 bytes.
    public init?(seed: [UInt8]) {
        guard seed.count == 32, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            return nil
        }
        self.init(key: key)
    }

    /// Reads a seed (64 hex characters) or libsodium's form, seed and public key (128), which must match.
    public init?(secretHex: String) {
        guard let bytes = Hex.decode(secretHex), bytes.count == 32 || bytes.count == 64 else { return nil }
        self.init(seed: Array(bytes.prefix(32)))
        if bytes.count == 64, Array(bytes.suffix(32)) != publicKey.bytes { return nil }
    }

    /// Signs: the same message gives the same signature.
    public func sign(_ message: [UInt8]) -> Signature {
        // Signing with a valid key does not fail; a signature of zeros verifies nowhere.
        guard let bytes = try? key.signature(for: message), let signature = Signature(bytes: Array(bytes)) else {
            return .zero
        }
        return signature
    }
}

/// The roles of members, lowest first.
public enum Role: String, Sendable, Hashable, CaseIterable, Codable, Comparable {
    case observer, member, admin, owner

    private var rank: Int {
        switch self {
        case .observer: 0
        case .member: 1
        case .admin: 2
        case .owner: 3
        }
    }

    public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }
}
