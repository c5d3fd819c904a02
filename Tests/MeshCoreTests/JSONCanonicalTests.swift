import Testing

@testable import MeshCore

@Suite struct JSONCanonicalTests {
    /// RFC 8785, appendix B: bit patterns and their texts; the last ones are ECMA-262's own limits.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func `a number is printed as RFC 8785 asks`(pattern: UInt64, text: String) {
        let value = JSON.double(Double(bitPattern: pattern))
        #expect(String(decoding: value.canonicalBytes(), as: UTF8.self) == text)
    }

    /// RFC 8785, section 3.2.2 and 3.2.3.
    @Test(arguments: [
        (
            #"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"#
                + #""string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
                + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        ),
        (
            #"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","#
                + #""\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\","
                + "\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\","
                + "\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        ),
    ])
    func `names are sorted by UTF-16 units and strings written in their shortest form`(text: String, canonical: String)
        throws
    {
        let bytes = try json(text).canonicalBytes()
        #expect(String(decoding: bytes, as: UTF8.self).unicodeScalars.elementsEqual(canonical.unicodeScalars))
    }

    @Test(arguments: [1e18, 1e19, -1e19, 1e20, 9.3e18, 295_147_905_179_352_825_856, 1e21, 123_456_789_012_345_680.0])
    func `a large number that was written can be read again`(value: Double) throws {
        #expect(try JSON.parse(JSON.double(value).bytes()).doubleValue == value)
    }

    @Test func `random values come back from their texts, and their canonical form is stable`() throws {
        var generator = SeededGenerator(1)
        for _ in 0..<2_500 {
            let value = RandomJSON.value(&generator, depth: 0)
            let back = try JSON.parse(value.bytes())
            #expect(back == value, "\(value.text)")
            #expect(back.bytes() == value.bytes())
            let canonical = value.canonicalBytes()
            #expect(try JSON.parse(canonical).canonicalBytes() == canonical)
            #expect(try JSON.parse(canonical) == value)
        }
    }

    @Test func `a mutated document is read or refused and never more`() {
        var generator = SeededGenerator(2)
        var refused = 0
        for _ in 0..<4_000 {
            var bytes = RandomJSON.value(&generator, depth: 0).bytes()
            for _ in 0..<Int.random(in: 1...4, using: &generator) { RandomJSON.mutate(&bytes, &generator) }
            do throws(JSONError) {
                let value = try JSON.parse(bytes)
                #expect(fault(value.bytes()) == nil)
            } catch {
                refused += 1
                #expect((-1...bytes.count).contains(error.offset))
            }
        }
        #expect(refused > 1_000)
    }
}

/// Makes values and damage.
private enum RandomJSON {
    private static let pieces = [
        "a", "é", "€", "😀", "\"", "\\", "/", "\u{0}", "\u{1F}", "\n", "\u{7F}", "\u{2028}", "z",
    ]
    private static let marks = Array("{}[]\",:\\u0-+.eE tfn\u{1}".utf8) + [0x80, 0xFF, 0xED, 0xA0]

    static func value(_ generator: inout SeededGenerator, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth < 5 ? 9 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3: return .integer(Int64.random(in: -1_000...1_000, using: &generator))
        case 4: return double(&generator)
        case 5: return .string(text(&generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0..<6, using: &generator)).map { _ in value(&generator, depth: depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<16, using: &generator) {
                object[text(&generator)] = value(&generator, depth: depth + 1)
            }
            return .object(object)
        }
    }

    /// Never whole: a whole number comes back as an integer.
    private static func double(_ generator: inout SeededGenerator) -> JSON {
        while true {
            let value = Double(bitPattern: generator.next())
            if value.isFinite, value.magnitude < 1e15 ? value.rounded() != value : value.magnitude >= 1e21 {
                return .double(value)
            }
        }
    }

    private static func text(_ generator: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0..<8, using: &generator))
            .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &generator)] }.joined()
    }

    static func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        let place = Int.random(in: 0...bytes.count, using: &generator)
        let mark = marks[Int.random(in: 0..<marks.count, using: &generator)]
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.insert(mark, at: place)
        case 1: if place < bytes.count { bytes.remove(at: place) }
        case 2: if place < bytes.count { bytes[place] = mark }
        default: bytes.removeLast(bytes.count - place)
        }
    }
}
