import MeshCore

/// The name of an entity, for example `customer-3`. Compared and ordered by bytes.
public struct EntityID: Sendable, Hashable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The name.
    public let rawValue: String
    /// The maximum length of a name in bytes.
    public static let maxLength = 256

    /// Makes an identifier. The name is validated when an entity is spawned with it.
    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    public static func == (left: EntityID, right: EntityID) -> Bool { left.rawValue.isSame(as: right.rawValue) }
    public func hash(into hasher: inout Hasher) { hasher.combine(ExactText(rawValue)) }
    public static func < (left: EntityID, right: EntityID) -> Bool { left.rawValue.precedesInBytes(right.rawValue) }
    public var description: String { rawValue }
}

extension EntityID: Codable {
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// The first 16 bytes of a name, as numbers: they distinguish most names without reading the text.
struct BytePrefix: Sendable, Hashable, Comparable {
    private let high: UInt64
    private let low: UInt64

    init(_ text: String) {
        var words: (UInt64, UInt64) = (0, 0)
        var text = text
        text.withUTF8 { bytes in
            // Padded with zeros: a name holds no NUL, so the shorter of two sorts first.
            for place in 0..<min(16, bytes.count) {
                let byte = UInt64(bytes[place]) << UInt64((7 - place & 7) * 8)
                if place < 8 { words.0 |= byte } else { words.1 |= byte }
            }
        }
        (high, low) = words
    }

    static func < (left: BytePrefix, right: BytePrefix) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}
