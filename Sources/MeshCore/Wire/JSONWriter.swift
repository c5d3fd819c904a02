extension JSON {
    /// Returns the text, compact, members in their order.
    public func bytes() -> [UInt8] {
        var writer = JSONWriter(isCanonical: false)
        writer.write(self)
        return writer.bytes
    }

    /// Returns the text in the form of RFC 8785: names sorted by UTF-16 code units, numbers as ECMAScript prints them.
    public func canonicalBytes() -> [UInt8] {
        var writer = JSONWriter(isCanonical: true)
        writer.write(self)
        return writer.bytes
    }

    /// Returns the text, compact.
    public var text: String { String(decoding: bytes(), as: UTF8.self) }
}

/// Writes JSON texts.
public struct JSONWriter {
    /// The output.
    public private(set) var bytes: [UInt8] = []
    private let isCanonical: Bool

    init(isCanonical: Bool) { self.isCanonical = isCanonical }

    mutating func write(_ value: JSON) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .double(let value):
            // Beyond 64 bits the plain digits would be refused as an integer; RFC 8785 requires them all the same.
            bytes += Array(Self.number(value, plainDigits: isCanonical ? 21 : 18).utf8)
        case .string(let value): Self.write(value, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (place, element) in elements.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                write(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): write(object)
        }
    }

    private mutating func write(_ object: JSONObject) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        func add(_ key: String, _ value: JSON, to writer: inout JSONWriter) {
            if !isFirst { writer.bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            Self.write(key, to: &writer.bytes)
            writer.bytes.append(UInt8(ascii: ":"))
            writer.write(value)
        }
        if isCanonical {
            for (key, value) in object.sorted(by: { Self.precedes($0.key, $1.key) }) { add(key, value, to: &self) }
        } else {
            for (key, value) in object { add(key, value, to: &self) }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// The order of UTF-16 code units. It equals that of the UTF-8 bytes except beyond the surrogates, whose
    /// lead bytes are 0xEE and more.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        for (one, other) in zip(left.utf8, right.utf8) where one != other {
            if one < 0xEE, other < 0xEE { return one < other }
            return left.utf16.lexicographicallyPrecedes(right.utf16)
        }
        return left.utf8.count < right.utf8.count
    }

    /// Writes a string with quotes; escapes only what JSON requires, in the short forms of RFC 8785.
    public static func write(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        let isPlain = text.withUTF8 { characters in
            guard PlainText.isPlain(UnsafeRawBufferPointer(characters)) else { return false }
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: characters)
            bytes.append(UInt8(ascii: "\""))
            return true
        }
        if !isPlain { writeEscaped(text, to: &bytes) }
    }

    private static func writeEscaped(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x08: bytes += Array("\\b".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0C: bytes += Array("\\f".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Digits with a point and without an exponent, as in most numbers: ECMAScript prints the same, except for `.0`.
    /// Swift gives whole numbers of more than 16 digits an exponent, and fractions below 0.0001.
    private static func plain(_ text: String, isNegative: Bool) -> String? {
        guard !text.utf8.contains(UInt8(ascii: "e")) else { return nil }
        let digits = text.utf8.suffix(2).elementsEqual(".0".utf8) ? String(text.dropLast(2)) : text
        return isNegative ? "-" + digits : digits
    }

    /// A double as ECMAScript prints it (ECMA-262 `Number::toString`): the shortest digits that read back the same.
    /// Whole numbers of more than `plainDigits` digits get an exponent; ECMAScript's own limit is 21.
    static func number(_ value: Double, plainDigits: Int = 21) -> String {
        if value == 0 { return "0" }
        // Swift prints the same shortest digits in another layout: separate digits and exponent, then lay them out
        // again.
        var text = value.magnitude.description
        if let plain = plain(text, isNegative: value < 0) { return plain }
        var exponent = 0
        if let mark = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: mark)...]) ?? 0
            text = String(text[..<mark])
        }
        let point = text.firstIndex(of: ".") ?? text.endIndex
        let whole = String(text[..<point])
        var fraction = point < text.endIndex ? String(text[text.index(after: point)...]) : ""
        if fraction == "0" { fraction = "" }
        var digits = whole + fraction
        var place = whole.count + exponent
        while digits.hasPrefix("0") {
            digits.removeFirst()
            place -= 1
        }
        while digits.hasSuffix("0") { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        if digits.count <= place, place <= plainDigits {
            return sign + digits + String(repeating: "0", count: place - digits.count)
        }
        if place > 0, place < digits.count {
            let split = digits.index(digits.startIndex, offsetBy: place)
            return sign + digits[..<split] + "." + digits[split...]
        }
        if place > -6, place <= 0 { return sign + "0." + String(repeating: "0", count: -place) + digits }
        let power = place - 1
        let mantissa = digits.count == 1 ? digits : "\(digits.prefix(1)).\(digits.dropFirst())"
        return "\(sign)\(mantissa)e\(power < 0 ? "-" : "+")\(abs(power))"
    }
}
