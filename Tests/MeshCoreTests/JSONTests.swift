import Testing

@testable import MeshCore

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", .null), ("true", true), (" false\n", false), ("0", 0), ("-1", -1),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)), ("1.5", 1.5),
            ("1e2", .double(100)), ("2E-1", 0.2), ("1.0", .double(1)), ("0.0", .double(0)),
            ("5e-324", .double(Double.leastNonzeroMagnitude)),
            ("[]", []), ("{}", [:]), (" [ 1 , [ ] , { } ] ", [1, [], [:]]),
            (#"{"a":{"b":[null]}}"#, ["a": ["b": [nil]]]),
            (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
            (#""\ud83d\ude00""#, "😀"), (#""\u0000""#, "\u{0}"), ("\"\u{7F}\u{2028}\"", "\u{7F}\u{2028}"),
        ] as [(String, JSON)])
    func `a valid text has its value`(text: String, value: JSON) throws {
        #expect(try json(text) == value)
    }

    @Test(
        arguments: [
            ("", .syntax), (" ", .syntax), ("nul", .syntax), ("True", .syntax), ("NaN", .syntax), ("Infinity", .syntax),
            ("'a'", .syntax), ("[1,]", .syntax), ("[,1]", .syntax), ("[1 2]", .syntax), ("{\"a\":1,}", .syntax),
            ("{a:1}", .syntax), ("{\"a\" 1}", .syntax), ("{1:1}", .syntax), ("[1}", .syntax), ("{\"a\":1]", .syntax),
            ("//x\n1", .syntax), ("\u{B}1", .syntax), ("\u{A0}1", .syntax), ("+1", .syntax), (".5", .syntax),
            ("1 2", .trailing), ("{}x", .trailing), ("null\u{0}", .trailing), ("0x10", .trailing), ("1.5.2", .trailing),
            ("\u{FEFF}1", .byteOrderMark), ("01", .number), ("-01", .number), ("-", .number), ("1.", .number),
            ("1e", .number), ("1e+", .number), ("-0", .range), ("-0.0", .range), ("-0e5", .range),
            ("-1e-999", .range), ("18446744073709551616", .range), ("9223372036854775808", .range),
            ("-9223372036854775809", .range), ("1e999", .range), ("-1e999", .range),
            ("7e9999ab", .number), ("[7e9999ab]", .number), ("18446744073709551616x", .number), ("[1e999]", .range),
            ("{\"a\":1,\"a\":2}", .duplicateKey), (#"{"a":1,"\u0061":2}"#, .duplicateKey),
            ("[{\"a\":{\"\":1,\"\":1}}]", .duplicateKey), (#""\ud800""#, .surrogate), (#""\ud800x""#, .surrogate),
            (#""\udc00""#, .surrogate), (#""\ud800\ud800""#, .surrogate), (#""\ud83d\n""#, .surrogate),
            (#""\u12""#, .syntax), (#""\u12g4""#, .syntax), (#""\u+123""#, .syntax), (#""\x41""#, .syntax),
            (#""\"#, .syntax), (#""a"#, .syntax), (#""\n"#, .syntax),
        ] as [(String, JSONError.Kind)])
    func `an invalid text is refused for its reason`(text: String, kind: JSONError.Kind) {
        #expect(fault(text) == kind)
    }

    @Test(arguments: Array(UInt8(0)..<0x20))
    func `a control character in a string is refused, raw and behind an escape`(byte: UInt8) {
        #expect(fault([0x22, byte, 0x22]) == .syntax)
        #expect(fault([0x22, 0x5C, 0x6E, byte, 0x22]) == .syntax)
        #expect(fault([0x22, 0x5C, byte, 0x22]) == .syntax)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
            [0xF0, 0x80, 0x80, 0xAF],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused, also behind an escape`(bytes: [UInt8]) {
        #expect(fault([0x22] + bytes + [0x22]) == .utf8)
        #expect(fault([0x22, 0x5C, 0x6E] + bytes + [0x22]) == .utf8)
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func `32 levels are read and 33 are not`(open: String, close: String) {
        func nested(_ levels: Int) -> String {
            String(repeating: open, count: levels) + "0" + String(repeating: close, count: levels)
        }
        #expect(fault(nested(32)) == nil)
        #expect(fault(nested(33)) == .depth)
        #expect(fault(String(repeating: open, count: 100_000)) == .depth)
    }

    @Test func `a text has at most its limit of bytes`() {
        let text = Array("[1,2,3]".utf8)
        #expect(fault(text, limits: JSONLimits(maxBytes: 7)) == nil)
        #expect(fault(text, limits: JSONLimits(maxBytes: 6)) == .size)
    }

    @Test func `every beginning of a valid document is refused`() {
        let text = Array(#"{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00\n",true,false,null,{}],"ü":{"":[[]]}}"#.utf8)
        #expect(fault(text) == nil)
        for length in 0..<text.count { #expect(fault(Array(text.prefix(length))) != nil, "\(length) bytes") }
    }

    @Test func `an error names the byte`() {
        let error = #expect(throws: JSONError.self) { try json(#"{"a": 1, "a": 2}"#) }
        #expect(error?.offset == 9)
        #expect(error?.description.contains("byte 9") == true)
    }

    @Test func `an object keeps its order and finds each of many names`() throws {
        var object = JSONObject()
        let names = (0..<40).map { "n\(($0 * 7) % 40)" }
        for name in names { object[name] = .string(name) }
        for name in names.prefix(20) { object[name] = nil }
        object["n0"] = 1
        #expect(object.keys == Array(names.dropFirst(20)) + ["n0"])
        for name in names.dropFirst(20) { #expect(object[name] == .string(name)) }
        #expect(object[names[1]] == nil)
    }

    @Test func `objects are equal in any order, with equal hashes`() {
        let one: JSON = ["a": 1, "b": [2]]
        let other: JSON = ["b": [2], "a": 1]
        #expect(one == other)
        #expect(Set([one, other]).count == 1)
        #expect(one != ["a": 1, "b": [3]])
        #expect(one != ["a": 1])
    }
}
