/// The valid values within a type: lengths, ranges and a format. An absent bound allows anything.
public struct Bounds: Sendable, Hashable {
    /// The minimum, as JSON.
    public var minimum: JSON?
    /// The maximum, as JSON.
    public var maximum: JSON?
    /// The length of a string in UTF-8 bytes.
    public var bytes: ClosedRange<Int>?
    /// The length of a string in Unicode code points.
    public var characters: ClosedRange<Int>?
    /// The number of elements of an array.
    public var count: ClosedRange<Int>?
    /// The maximum size of a value of any type, written as compact JSON, in bytes. Beyond it, the error is `too_large`.
    public var jsonBytes: Int?
    /// The format of a string.
    public var format: TextFormat?
    /// The bounds of each element of an array; empty or one.
    private var each: [Bounds] = []

    /// Allows anything.
    public init() {}

    /// The bounds of each element of an array.
    public var element: Bounds? { each.first }

    /// Allows anything.
    public static let none = Bounds()

    /// Integers in a range.
    public static func range(_ range: ClosedRange<Int64>) -> Bounds {
        var bounds = Bounds()
        (bounds.minimum, bounds.maximum) = (.integer(range.lowerBound), .integer(range.upperBound))
        return bounds
    }

    /// Numbers in a range.
    public static func numbers(_ range: ClosedRange<Double>) -> Bounds {
        var bounds = Bounds()
        (bounds.minimum, bounds.maximum) = (.double(range.lowerBound), .double(range.upperBound))
        return bounds
    }

    /// Integers from a minimum up.
    public static func atLeast(_ minimum: Int64) -> Bounds {
        var bounds = Bounds()
        bounds.minimum = .integer(minimum)
        return bounds
    }

    /// Strings with a length in UTF-8 bytes, of a format when one is given.
    public static func bytes(_ range: ClosedRange<Int>, _ format: TextFormat? = nil) -> Bounds {
        var bounds = Bounds()
        (bounds.bytes, bounds.format) = (range, format)
        return bounds
    }

    /// Strings of a format.
    public static func text(_ format: TextFormat) -> Bounds {
        var bounds = Bounds()
        bounds.format = format
        return bounds
    }

    /// Arrays with a number of elements, each within bounds when they are given.
    public static func count(_ range: ClosedRange<Int>, each: Bounds? = nil) -> Bounds {
        var bounds = Bounds()
        bounds.count = range
        bounds.each = each.map { [$0] } ?? []
        return bounds
    }

    /// Keys of the state.
    public static let stateKey = Bounds.bytes(1...256, .printable)

    /// Any JSON value of at most this many bytes.
    public static func json(upTo bytes: Int) -> Bounds {
        var bounds = Bounds()
        bounds.jsonBytes = bytes
        return bounds
    }

    /// Returns the same bounds, overridden by those set in `other`.
    func overridden(by other: Bounds) -> Bounds {
        var bounds = self
        if let minimum = other.minimum { bounds.minimum = minimum }
        if let maximum = other.maximum { bounds.maximum = maximum }
        if let bytes = other.bytes { bounds.bytes = bytes }
        if let characters = other.characters { bounds.characters = characters }
        if let count = other.count { bounds.count = count }
        if let jsonBytes = other.jsonBytes { bounds.jsonBytes = jsonBytes }
        if let format = other.format { bounds.format = format }
        if !other.each.isEmpty { bounds.each = other.each }
        return bounds
    }
}

extension Bounds {
    /// What is valid, as text for tables and errors. Empty when anything is.
    public var words: String {
        var parts: [String] = []
        switch (minimum, maximum) {
        case (let low?, let high?): parts.append("\(Self.word(low)) to \(Self.word(high))")
        case (let low?, nil): parts.append("\(Self.word(low)) or more")
        case (nil, let high?): parts.append("at most \(Self.word(high))")
        case (nil, nil): break
        }
        if let bytes { parts.append(Self.words(bytes, "bytes")) }
        if let characters { parts.append(Self.words(characters, "characters")) }
        if let format { parts.append(format.words) }
        if let count { parts.append(Self.words(count, "elements")) }
        if let element, !element.words.isEmpty { parts.append("each \(element.words)") }
        if let jsonBytes { parts.append("at most \(Self.grouped(Int64(jsonBytes))) bytes of JSON") }
        return parts.joined(separator: ", ")
    }

    private static func words(_ range: ClosedRange<Int>, _ unit: String) -> String {
        if range.lowerBound == range.upperBound { return "exactly \(grouped(Int64(range.upperBound))) \(unit)" }
        let most = grouped(Int64(range.upperBound))
        return range.lowerBound == 0 ? "at most \(most) \(unit)" : "\(range.lowerBound) to \(most) \(unit)"
    }

    private static func word(_ number: JSON) -> String {
        switch number {
        case .integer(let value): grouped(value)
        case .double(let value): Int64(exactly: value).map(grouped) ?? "\(value)"
        default: number.text
        }
    }

    /// An integer with thousands separators.
    static func grouped(_ value: Int64) -> String {
        var digits = Array(String(value.magnitude).reversed())
        for place in stride(from: (digits.count - 1) / 3 * 3, to: 0, by: -3) { digits.insert(",", at: place) }
        return (value < 0 ? "-" : "") + String(digits.reversed())
    }
}
