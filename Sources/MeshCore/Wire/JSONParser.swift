extension JSON {
    /// Reads one JSON text: strict RFC 8259, no duplicate names, no lone surrogates, integers within 64 bits, numbers
    /// finite and never `-0`. Fails with `JSONError`, which names the byte.
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = .frame) throws(JSONError) -> JSON {
        var result: Result<JSON, JSONError> = .success(.null)
        bytes.withUnsafeBytes { buffer in
            do throws(JSONError) { result = .success(try parse(buffer, limits: limits)) } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    /// Reads one JSON text from memory that stays valid during the call.
    public static func parse(_ buffer: UnsafeRawBufferPointer, limits: JSONLimits = .frame) throws(JSONError) -> JSON {
        guard buffer.count <= limits.maxBytes else {
            throw JSONError(.size, "\(buffer.count) bytes, at most \(limits.maxBytes)")
        }
        if buffer.count >= 3, buffer[0] == 0xEF, buffer[1] == 0xBB, buffer[2] == 0xBF {
            throw JSONError(.byteOrderMark, offset: 0, "a byte order mark is not JSON")
        }
        var parser = JSONParser(buffer, maxDepth: limits.maxDepth)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.isAtEnd else { throw JSONError(.trailing, offset: parser.offset, "more bytes after the value") }
        return value
    }
}

/// A recursive reader over bytes; the recursion is bounded by the depth limit.
private struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let maxDepth: Int
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer, maxDepth: Int) {
        self.bytes = bytes
        self.maxDepth = maxDepth
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSON {
        skipSpace()
        guard offset < bytes.count else { throw JSONError(.syntax, offset: offset, "the text ends too early") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw JSONError(.syntax, offset: offset, "no value begins here")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = text.utf8CodeUnitCount
        guard bytes.count - offset >= count else { throw JSONError(.syntax, offset: offset, "no value begins here") }
        for place in 0..<count where bytes[offset + place] != text.utf8Start[place] {
            throw JSONError(.syntax, offset: offset, "no value begins here")
        }
        offset += count
        return value
    }

    private func checkDepth(_ depth: Int) throws(JSONError) {
        guard depth <= maxDepth else {
            throw JSONError(.depth, offset: offset, "more than \(maxDepth) arrays and objects inside each other")
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        try checkDepth(depth)
        offset += 1
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw JSONError(.syntax, offset: offset, "expected , or ]") }
            return .array(elements)
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        try checkDepth(depth)
        offset += 1
        var members = JSONObject()
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                throw JSONError(.syntax, offset: offset, "expected a name in quotes")
            }
            let start = offset
            let key = try string()
            guard members[key] == nil else {
                throw JSONError(.duplicateKey, offset: start, "the name \(key.prefix(64)) stands twice")
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw JSONError(.syntax, offset: offset, "expected :") }
            members[key] = try value(depth: depth)
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw JSONError(.syntax, offset: offset, "expected , or }") }
            return .object(members)
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        let start = offset
        offset += 1
        let first = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                defer { offset += 1 }
                return try text(first..<offset)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: first) }
            guard byte >= 0x20 else { throw JSONError(.syntax, offset: offset, "a control character inside a string") }
            offset += 1
        }
        throw JSONError(.syntax, offset: start, "a string that does not end")
    }

    private func text(_ range: Range<Int>) throws(JSONError) -> String {
        guard let text = String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self) else {
            throw JSONError(.utf8, offset: range.lowerBound, "a string that is not UTF-8")
        }
        return text
    }

    private mutating func escapedString(from first: Int) throws(JSONError) -> String {
        var decoded = [UInt8](bytes[first..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                guard let text = String(validating: decoded, as: UTF8.self) else {
                    throw JSONError(.utf8, offset: first, "a string that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                offset += 1
                try escape(into: &decoded)
            case 0..<0x20: throw JSONError(.syntax, offset: offset, "a control character inside a string")
            default:
                decoded.append(byte)
                offset += 1
            }
        }
        throw JSONError(.syntax, offset: first - 1, "a string that does not end")
    }

    private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
        guard offset < bytes.count else { throw JSONError(.syntax, offset: offset, "the text ends too early") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(into: &decoded)
        default: throw JSONError(.syntax, offset: offset - 1, "no such escape")
        }
    }

    private mutating func unicodeEscape(into decoded: inout [UInt8]) throws(JSONError) {
        let start = offset - 2
        var code = try hexUnit()
        if (0xDC00...0xDFFF).contains(code) { throw JSONError(.surrogate, offset: start, "half of a surrogate pair") }
        if (0xD800...0xDBFF).contains(code) {
            guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
            else {
                throw JSONError(.surrogate, offset: start, "half of a surrogate pair")
            }
            offset += 2
            let low = try hexUnit()
            guard (0xDC00...0xDFFF).contains(low) else {
                throw JSONError(.surrogate, offset: start, "half of a surrogate pair")
            }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw JSONError(.surrogate, offset: start, "no such character") }
        decoded += Array(String(Character(scalar)).utf8)
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw JSONError(.syntax, offset: offset, "four hex digits follow \\u") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[offset]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw JSONError(.syntax, offset: offset, "four hex digits follow \\u")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSON {
        let start = offset
        let isNegative = take(UInt8(ascii: "-"))
        let digits = offset
        skipDigits()
        guard offset > digits else { throw JSONError(.number, offset: start, "a number needs digits") }
        if bytes[digits] == UInt8(ascii: "0"), offset - digits > 1 {
            throw JSONError(.number, offset: start, "a number does not begin with 0")
        }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            let fraction = offset
            skipDigits()
            guard offset > fraction else { throw JSONError(.number, offset: start, "a fraction needs digits") }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            let exponent = offset
            skipDigits()
            guard offset > exponent else { throw JSONError(.number, offset: start, "an exponent needs digits") }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger {
            guard let value = Int64(text), !(isNegative && value == 0) else {
                throw outOfRange("an integer outside 64 bits, or -0", start)
            }
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite, !(isNegative && value == 0) else {
            throw outOfRange("a number outside the range of a double, or -0", start)
        }
        return .double(value)
    }

    /// The fault of a number that Mesh does not store. `7e9999ab` is not a number, however large its beginning.
    private func outOfRange(_ message: String, _ start: Int) -> JSONError {
        guard offset == bytes.count || isAfterValue(bytes[offset]) else {
            return JSONError(.number, offset: start, "a number ends with a digit")
        }
        return JSONError(.range, offset: start, message)
    }

    /// Whether a byte may follow a value: white space, or what continues an array or an object.
    private func isAfterValue(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): true
        default: false
        }
    }

    private mutating func skipDigits() {
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
    }
}
